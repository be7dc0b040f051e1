import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Conversation } from './conversation.js'
import { type Benchmark, type Figure, figureTable, median, type Section, type Table } from './report.js'
import { torchVersion } from './torch.js'
import { BATCHES, type NetworkName } from './training-networks.js'
import type { Ready } from './training-process.js'

const ROUNDS = 7
const THREADS = 2
/** Processes in which the step is derived: only the first call in a process is a first call. */
const PROCESSES = 3
/** Steps before the first round. */
const WARM_UP = 2

const SCRIPT = fileURLToPath(new URL('training-process.ts', import.meta.url))
const PEER = fileURLToPath(new URL('peer/train_step.py', import.meta.url))

interface Network {
  readonly name: NetworkName
  readonly title: string
  /** Steps in one turn, of which the median counts. */
  readonly steps: number
  /** What the time of a step may be at most, in PyTorch's. */
  readonly limit: number
}

const NETWORKS: readonly Network[] = [
  { name: 'mlp', title: 'MLP 5×500', steps: 20, limit: 0.6 },
  { name: 'vgg16_bn', title: 'VGG-16-bn', steps: 3, limit: 0.6 },
  { name: 'resnet18', title: 'ResNet-18', steps: 3, limit: 1.5 },
  { name: 'densenet121', title: 'DenseNet-121', steps: 3, limit: 1.5 },
]
const MEMORY_LIMIT = 1.5

/** What one program took for one network. */
interface Taken {
  /** The median step of each round, in milliseconds. */
  readonly times: readonly number[]
  /** Peak resident memory of the process, and what there was of it before the network, when the libraries were loaded; in bytes. */
  readonly peak: number
  readonly before: number
}

interface Measured {
  readonly ours: Taken
  readonly torch?: Taken
  readonly ready: Ready
}

/** Our own program, for `training-process.ts`'s arguments. */
export function ourProcess(network: NetworkName, ...options: readonly string[]): Conversation {
  return new Conversation(process.execPath, ['--import', 'tsx', SCRIPT, network, ...options])
}

function torchProcess(network: NetworkName): Conversation {
  // PyTorch's own threads are set by its argument, but not those of the BLAS that it calls.
  const environment = { OMP_NUM_THREADS: String(THREADS), OPENBLAS_NUM_THREADS: String(THREADS) }
  const args = [PEER, network, '--batch', String(BATCHES[network]), '--threads', String(THREADS)]
  return new Conversation(process.env['PYTHON'] ?? 'python3', args, environment)
}

/**
 * Milliseconds of a step, the median of each turn: the programs take turns, so that a disturbance meets them alike, and never work at
 * the same time. Each turn begins with a step that does not count, since the caches are somebody else's.
 */
export async function turns(programs: readonly Conversation[], rounds: number, steps: number): Promise<number[][]> {
  const times = programs.map((): number[] => [])
  for (let round = 0; round < rounds; round++)
    for (const [i, program] of programs.entries()) {
      await program.ask('run 1')
      times[i]?.push(median(await program.ask<number[]>(`run ${steps}`)))
    }
  return times
}

async function measure({ name, steps }: Network, rounds: number, withTorch: boolean): Promise<Measured> {
  const ours = ourProcess(name, '--threads', String(THREADS))
  const ready = await ours.hear<Ready>()
  const torch = withTorch ? torchProcess(name) : undefined
  const programs = [ours, ...(torch ? [torch] : [])]
  if (torch !== undefined) {
    const { parameters } = await torch.hear<{ readonly parameters: number }>()
    if (parameters !== ready.parameters)
      throw new Error(`${name} has ${ready.parameters} parameters, but PyTorch's has ${parameters}`)
  }
  for (const program of programs) await program.ask(`run ${WARM_UP}`)
  const times = await turns(programs, rounds, steps)
  const taken: Taken[] = []
  for (const [i, program] of programs.entries()) {
    const { peak, before } = await program.ask<{ readonly peak: number; readonly before: number }>('memory')
    taken.push({ times: times[i] ?? [], peak, before })
    await program.end()
  }
  return { ours: taken[0] as Taken, ...(taken[1] && { torch: taken[1] }), ready }
}

function derivingTimes(name: NetworkName): number[] {
  return Array.from({ length: PROCESSES }, () => {
    const output = execFileSync(process.execPath, ['--import', 'tsx', SCRIPT, name, '--derive'], { encoding: 'utf8' })
    return (JSON.parse(output) as Ready).derive
  })
}

/** The figures of which something is demanded. */
function figuresOf({ title, limit }: Network, { ours, torch }: Measured): { time: Figure[]; memory: Figure[] } {
  if (torch === undefined) return { time: [], memory: [] }
  const demand = (limit: number) => ({ limit, text: `≤ ${limit} ×` })
  return {
    time: [
      {
        what: `${title}: time of a step ÷ PyTorch's`,
        values: ours.times.map((time, round) => time / (torch.times[round] ?? NaN)),
        unit: '×',
        demand: demand(limit),
      },
    ],
    memory: [
      {
        what: `${title}: peak memory of the process ÷ PyTorch's`,
        values: [ours.peak / torch.peak],
        unit: '×',
        demand: demand(MEMORY_LIMIT),
      },
      {
        what: `${title}: the same without the libraries ÷ PyTorch's`,
        values: [(ours.peak - ours.before) / (torch.peak - torch.before)],
        unit: '×',
        demand: demand(MEMORY_LIMIT),
      },
    ],
  }
}

function detailsOf(measured: readonly (readonly [Network, Measured])[]): Table {
  const milliseconds = ({ times }: Taken): string =>
    `${median(times).toFixed(0)} (${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)})`
  const mebibytes = ({ peak, before }: Taken): string =>
    `${(peak / 2 ** 20).toFixed(0)} (${((peak - before) / 2 ** 20).toFixed(0)})`
  return {
    columns: [
      'network',
      'batch',
      'parameters',
      'nodes of the step',
      'ours, ms',
      'PyTorch, ms',
      'ours, MiB',
      'PyTorch, MiB',
      'opening the session, s',
    ],
    rows: measured.map(([{ name, title }, { ours, torch, ready }]) => [
      title,
      String(BATCHES[name]),
      `${(ready.parameters / 1e6).toFixed(1)} M`,
      String(ready.nodes),
      milliseconds(ours),
      torch === undefined ? 'not installed' : milliseconds(torch),
      mebibytes(ours),
      torch === undefined ? 'not installed' : mebibytes(torch),
      (ready.open / 1000).toFixed(1),
    ]),
  }
}

/** Steps of training beside PyTorch's. */
export const training: Benchmark = {
  name: 'training',
  async run({ rounds = ROUNDS }): Promise<Section> {
    const version = torchVersion()
    const measured: (readonly [Network, Measured])[] = []
    for (const network of NETWORKS) measured.push([network, await measure(network, rounds, version !== undefined)])
    const figures = measured.map(([network, values]) => figuresOf(network, values))
    return {
      title: 'Training steps',
      how: `One step is forward pass, cross-entropy, backward pass and SGD with momentum 0.9 and weight decay 5e-4, in float32, on images of 32×32 with ten
classes: training form, that is, with batch statistics and their running averages, and with Dropout. ${
        version === undefined
          ? 'PyTorch is not installed here (`PYTHON` names an interpreter that has it), so only our own figures are given.'
          : `The same networks in PyTorch ${version} (bench/peer/train_step.py).`
      } ${THREADS} threads each. Each program runs in a process of its own; they take turns in ${rounds} rounds, and only one of them works at a time. A turn
is one step that does not count, then ${NETWORKS.map(({ title, steps }) => `${steps} of ${title}`).join(', ')}, of which the median counts; the ratio is taken within each round. Memory is
the peak of what is resident in the process from its beginning to the end of the last round; in brackets and in the second rows less what
was resident before the network was made, when the libraries (onnxruntime-node, PyTorch) were loaded. The time of deriving the step counts from the network to the graph of the whole step, written
for the CPU, in ${PROCESSES} processes, once in each.`,
      tables: [
        figureTable([
          ...figures.flatMap(({ time }) => time),
          ...figures.flatMap(({ memory }) => memory),
          {
            what: 'DenseNet-121: deriving the step, first call in a process',
            values: derivingTimes('densenet121'),
            unit: 'ms',
            digits: 0,
            demand: { limit: 1000, text: '< 1 s' },
          },
        ]),
        detailsOf(measured),
      ],
    }
  },
}
