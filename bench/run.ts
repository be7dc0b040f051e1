/**
 * Measures speed and memory.
 *
 *     npm run bench -- [NAME…] [--models DIR] [--rounds N] [--write]
 *
 * Without a name everything, which takes some minutes and 5 GB of disk; `--models` adds the .onnx files of a folder to `quiver`;
 * `--rounds` is how often programs take turns in `training` and `javascript`, for a quick try;
 * `--write` puts what was measured into docs/benchmarks.md, whose other sections stay.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { format } from 'prettier'
import { apply, external } from './files.js'
import { javascript } from './javascript.js'
import { kernel } from './kernel.js'
import { memory } from './memory.js'
import { quiver } from './quiver.js'
import { type Benchmark, load, machine, markdown, plainTable } from './report.js'
import { training } from './training.js'
import { weights } from './weights.js'

const BENCHMARKS: readonly Benchmark[] = [memory, weights, apply, external, quiver, kernel, training, javascript]
const DOCUMENT = new URL('../docs/benchmarks.md', import.meta.url)
const HEAD = `# Benchmarks

What \`npm run bench -- --write\` measured, with what is demanded of it beside it. Medians; the spread is that of the repetitions.
Machines that other people use at the same time are slower and less even: the load is noted under each table.`

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** The document's sections by name; each begins with a comment that names it. */
function sections(): Map<string, string> {
  const text = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, 'utf8') : ''
  const parts = text.split(/<!-- (\w+) -->\n/).slice(1)
  return new Map(parts.flatMap((name, i) => (i % 2 === 0 ? [[name, (parts[i + 1] ?? '').trim()] as const] : [])))
}

async function write(name: string, section: string): Promise<void> {
  const all = sections().set(name, section)
  const parts = BENCHMARKS.flatMap(({ name }) => {
    const part = all.get(name)
    return part === undefined ? [] : [`<!-- ${name} -->\n\n${part}`]
  })
  writeFileSync(DOCUMENT, await format([HEAD, ...parts].join('\n\n'), { parser: 'markdown' }))
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { models: { type: 'string' }, rounds: { type: 'string' }, write: { type: 'boolean', default: false } },
})
const unknown = positionals.find((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name))
if (unknown !== undefined) {
  process.stderr.write(
    `there is no benchmark '${unknown}': expected ${BENCHMARKS.map(({ name }) => name).join(', ')}\n`,
  )
  process.exit(2)
}
print(machine())
for (const benchmark of BENCHMARKS) {
  if (positionals.length > 0 && !positionals.includes(benchmark.name)) continue
  const before = load()
  const section = await benchmark.run({
    ...(values.models !== undefined && { models: values.models }),
    ...(values.rounds !== undefined && { rounds: Number(values.rounds) }),
  })
  const ran = `${machine()}; load ${before} before, ${load()} after`
  print(`\n${section.title} (${benchmark.name})`)
  for (const table of section.tables) print(`\n${plainTable(table)}`)
  print(`\n${ran}`)
  if (values.write) await write(benchmark.name, markdown(section, ran))
}
