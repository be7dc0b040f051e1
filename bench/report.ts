import os from 'node:os'

/** What one benchmark found out, as a section of docs/benchmarks.md. */
export interface Section {
  readonly title: string
  /** What was measured and how, in Markdown. */
  readonly how: string
  readonly tables: readonly Table[]
}

/** One part of `npm run bench`. */
export interface Benchmark {
  /** What it is called on the command line. */
  readonly name: string
  run(options: BenchOptions): Section | Promise<Section>
}

export interface BenchOptions {
  /** A folder of .onnx files of which the quiver is built too. */
  readonly models?: string
  /** How often programs take turns in `training` and `javascript`, instead of their own number. */
  readonly rounds?: number
}

export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Something that was measured several times. */
export interface Figure {
  readonly what: string
  /** One number for each repetition. */
  readonly values: readonly number[]
  readonly unit: string
  /** Decimals that are shown. Default 2. */
  readonly digits?: number
  /** What the median must not exceed, and how that is put into words. */
  readonly demand?: { readonly limit: number; readonly text: string }
}

export function figureTable(figures: readonly Figure[]): Table {
  return {
    columns: ['', 'median', 'min–max', 'runs', 'demanded', 'holds'],
    rows: figures.map(({ what, values, unit, digits = 2, demand }) => {
      const show = (value: number): string => value.toFixed(digits)
      return [
        what,
        `${show(median(values))} ${unit}`,
        values.length === 1 ? '' : `${show(Math.min(...values))}–${show(Math.max(...values))}`,
        String(values.length),
        demand?.text ?? '',
        demand === undefined ? '' : median(values) <= demand.limit ? 'yes' : '**no**',
      ]
    }),
  }
}

/** The middle one; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[sorted.length / 2 - 1] ?? NaN)) / 2
}

/** On what it was measured; nothing that names the machine. */
export function machine(): string {
  const cores = os.cpus()
  const memory = Math.round(os.totalmem() / 2 ** 30)
  return `${cores[0]?.model.trim() ?? 'unknown processor'}, ${cores.length} cores, ${memory} GiB, ${os.platform()}, Node ${process.versions.node}`
}

/** How much else was running: of all cores, over the last minute. */
export function load(): string {
  return (os.loadavg()[0] ?? 0).toFixed(1)
}

export function markdown({ title, how, tables }: Section, ran: string): string {
  return [`## ${title}`, how, ...tables.map(markdownTable), `_${ran}_`].join('\n\n')
}

function markdownTable(table: Table): string {
  const widths = widthsOf(table)
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  return [line(table.columns), line(widths.map((width) => '-'.repeat(width))), ...table.rows.map(line)].join('\n')
}

/** Columns side by side, for a terminal. */
export function plainTable(table: Table): string {
  const widths = widthsOf(table)
  const line = (cells: readonly string[]): string => cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')
  return [table.columns, ...table.rows].map((cells) => line(cells).trimEnd()).join('\n')
}

function widthsOf({ columns, rows }: Table): number[] {
  return columns.map((column, i) => Math.max(3, column.length, ...rows.map((row) => (row[i] ?? '').length)))
}
