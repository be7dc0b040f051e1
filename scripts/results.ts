/**
 * Puts what `teleport reproduce` has left into the documentation: plots, rows, claims, and a page that shows them.
 *
 *     npm run results -- --from results/quick --to docs/results/quick
 */
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { format, resolveConfig } from 'prettier'
import { duration } from '../src/cli/text.js'
import { FIGURES } from '../src/experiments/figures.js'
import { claimsMarkdown } from '../src/experiments/report/markdown.js'
import { type FigureResults, readResults, type Results } from '../src/experiments/report/read-results.js'
import { adjusted } from '../src/experiments/report/tally.js'
import { jsonText } from '../src/experiments/results-folder.js'
import { csvOf } from '../src/plot/csv.js'
import { withFont } from '../src/plot/font/embedded.js'

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: 'results/quick' },
    to: { type: 'string', default: 'docs/results/quick' },
    title: { type: 'string' },
  },
})

const results = readResults(values.from, FIGURES)
if (results.figures.length === 0) {
  process.stderr.write(`${values.from} holds no results; expected a folder of teleport reproduce\n`)
  process.exit(2)
}
for (const problem of results.problems) process.stderr.write(`warning: ${problem}\n`)
// What is there is replaced, and must be what this has written.
if (fs.existsSync(values.to) && !fs.existsSync(path.join(values.to, 'claims.json'))) {
  process.stderr.write(`${values.to} holds something else; expected a folder that this has written, or none\n`)
  process.exit(2)
}
fs.rmSync(values.to, { recursive: true, force: true })
fs.mkdirSync(values.to, { recursive: true })
const write = (name: string, text: string): void => fs.writeFileSync(path.join(values.to, name), text)
const claims = results.figures.flatMap((figure) => figure.claims)
for (const { figure, rows, plots } of results.figures) {
  write(`${figure.name}.csv`, csvOf(rows))
  for (const { name, svg } of plots) write(`${name}.svg`, withFont(svg))
}
write('claims.json', jsonText(adjusted(claims)))
const page = path.join(values.to, 'README.md')
write('README.md', await format(pageOf(results), { ...(await resolveConfig(page)), filepath: page }))
process.stdout.write(`${page}\n`)

function pageOf({ figures, reproduction }: Results): string {
  return [
    `# ${values.title ?? `The paper, reproduced: scale ${scaleOf()}`}`,
    'Written by `npm run results`, from what `teleport reproduce` computed. To compute it again:',
    again(reproduction?.command),
    ...(reproduction === undefined ? [] : [ranOn(reproduction)]),
    '## Claims',
    'Each with the test by which it was judged, and a 95 % interval. A claim that the interval does not settle is undecided. Data: [claims.json](claims.json).',
    claimsMarkdown(claims),
    '## Figures',
    ...figures.map(figureText),
  ].join('\n\n')
}

/** The commands that make results, and this page of them. */
function again(command = `teleport reproduce all --scale ${scaleOf()} -o ${values.from}`): string {
  const page = `npm run results -- --from ${folderOf(command) ?? values.from} --to ${values.to}`
  return ['```sh', `npx ${command}`, page, '```'].join('\n')
}

function scaleOf(): string {
  return results.figures[0]?.record.scale ?? 'quick'
}

/** Where the command puts results: they may have been copied from there. */
function folderOf(command: string): string | undefined {
  return / -o ('[^']*'|\S+)/.exec(command)?.[1]
}

function ranOn({
  versions,
  machine,
  trainingSeconds,
  started,
  finished,
  seconds,
}: NonNullable<Results['reproduction']>): string {
  const list = (entries: object): string =>
    Object.entries(entries)
      .map(([key, value]) => `${key} ${String(value)}`)
      .join(', ')
  return [
    `- Begun ${started.slice(0, 10)}, ${finished === undefined ? 'not ended' : `ended ${finished.slice(0, 10)}`}`,
    `- Machine: ${list(machine)}`,
    `- Versions: ${list(versions)}`,
    `- Time over all figures, training not included: ${duration(Object.values(seconds).reduce((sum, time) => sum + time, 0))}`,
    ...(trainingSeconds === undefined ? [] : [`- Training, summed over processes: ${duration(trainingSeconds)}`]),
  ].join('\n')
}

function figureText({ figure, plots, reduced, seconds, skipped, record, incomplete }: FigureResults): string {
  const peak = results.reproduction?.peakMemory?.[figure.name]
  const missing = Object.entries(skipped).map(([key, reason]) => `- Not computed: ${key} (${reason})`)
  const settings = Object.entries(record.settings).map(([key, value]) => `| ${key} | ${JSON.stringify(value)} |`)
  return [
    `### ${figure.name}: ${figure.title}`,
    figure.question,
    ...plots.map(({ name, caption }) => `![${name}](${name}.svg)\n\n${caption}`),
    reduced.length === 0 ? 'The paper’s own settings.' : `Not the paper’s settings: ${reduced.join('; ')}.`,
    ...(incomplete ? ['Not all of it is computed.'] : []),
    [
      `- Rows: [${figure.name}.csv](${figure.name}.csv)`,
      ...(seconds === undefined ? [] : [`- Time, training not included: ${duration(seconds)}`]),
      ...(peak === undefined ? [] : [`- Peak memory: ${(peak / 1e6).toFixed(0)} MB`]),
      ...missing,
    ].join('\n'),
    `<details><summary>Settings</summary>\n\n| setting | value |\n| --- | --- |\n${settings.join('\n')}\n\n</details>`,
  ].join('\n\n')
}
