import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { attempt } from '../runtime/node/system-errors.js'
import { type Row, SCALES, type Settings } from './figure.js'

/*
 * What `teleport reproduce` leaves in its folder, and `teleport report` reads:
 *
 *     reproduction.json          what was run, where and when (`Reproduction`)
 *     figN/settings.json         what the figure was computed with (`FigureRecord`)
 *     figN/rows.jsonl            its rows, one JSON object a line
 *     figN/cells.jsonl           a line for each cell that is done; rows beyond those of its cells are half a cell's
 *     figN/NAME.svg, NAME.png    its plots
 *     figN/figN.csv              the rows again
 *     figN/claims.json           its claims
 *     runs/ID/                   trained networks
 *     report.html, claims.json   the report, and the claims of all figures
 */
export const REPRODUCTION = 'reproduction.json'
export const SETTINGS = 'settings.json'
export const ROWS = 'rows.jsonl'
export const CELLS = 'cells.jsonl'
export const CLAIMS = 'claims.json'
export const RUNS = 'runs'
export const REPORT = 'report.html'

const scale = z.enum(SCALES as readonly ['quick', 'paper'])
const text = z.string()
const plain = z.union([text, z.number(), z.boolean(), z.null()])
const seconds = z.number().min(0)

/** What was run, by `teleport reproduce`. Brought up to date as it goes. */
export const reproductionSchema = z.object({
  scale,
  /** What the user typed, as far as it matters for the results: `teleport reproduce fig2 fig3 --scale quick`. */
  command: text.optional(),
  versions: z.record(text, text),
  /** `platform`, `processor`, `cores`, `memoryGiB`. */
  machine: z.record(text, z.union([text, z.number()])),
  /** ISO 8601. */
  started: text,
  /** Missing where it was interrupted, or still goes on. */
  finished: text.optional(),
  /** By figure: time taken over all its cells, training runs not included. */
  seconds: z.record(text, seconds),
  /** Time taken over training runs. */
  trainingSeconds: seconds.optional(),
  /** By figure, and of `training`: the most memory held, in bytes, all processes together. */
  peakMemory: z.record(text, z.number().min(0)).optional(),
  /** By figure: why it could not be run. */
  skipped: z.record(text, text).optional(),
})

export type Reproduction = z.infer<typeof reproductionSchema>

/** What a figure is computed with. Written before its first row. */
export const figureRecordSchema = z.object({
  figure: text,
  scale,
  settings: z.record(text, z.union([plain, z.array(z.union([plain, z.array(plain)]))])),
  /** How many cells it has in all: fewer lines in cells.jsonl, and it is half computed. */
  cells: z.int().min(0).optional(),
  /** How many training runs it has in all, how many of them have ended, and how many of these failed. */
  runs: z.object({ all: z.int(), ended: z.int(), failed: z.int() }).optional(),
})

export interface FigureRecord extends Omit<z.infer<typeof figureRecordSchema>, 'settings'> {
  readonly settings: Settings
}

/** @throws ModelError if it is there and cannot be read; undefined if it is not there */
export function readReproduction(folder: string): Reproduction | undefined {
  return readJson(path.join(folder, REPRODUCTION), reproductionSchema, 'remove it; nothing is computed from it')
}

/** @param folder the figure's */
export function readFigureRecord(folder: string): FigureRecord | undefined {
  return readJson(path.join(folder, SETTINGS), figureRecordSchema, 'start the figure anew with --force')
}

/** The rows that a figure's folder holds. */
export interface FigureRows {
  readonly rows: readonly Row[]
  /** Cells that are done; undefined where nothing says so. */
  readonly cells?: number
  /** Why cells have no rows, by their key. */
  readonly skipped: Readonly<Record<string, string>>
  /** Time taken, over all cells. */
  readonly seconds?: number
}

const cellSchema = z.object({
  key: text,
  rows: z.int().min(0),
  seconds: seconds.optional(),
  skipped: text.optional(),
})
export const rowSchema = z.record(text, z.union([plain, z.array(plain)]))

/**
 * The rows of all cells that are done. A last line that was cut off is no row, and neither are those of half a cell. Changes nothing in the folder,
 * so a figure can be read while it is computed.
 * @throws ModelError if a line is damaged
 */
export function readRows(folder: string): FigureRows {
  const file = path.join(folder, ROWS)
  const rows = readLines(file, rowSchema)
  const cellsFile = path.join(folder, CELLS)
  if (!fs.existsSync(cellsFile)) return { rows, skipped: {} }
  const cells = readLines(cellsFile, cellSchema)
  const whole = cells.reduce((sum, cell) => sum + cell.rows, 0)
  if (whole > rows.length)
    throw new ModelError(
      `${quoted(file)} is damaged: expected ${whole} rows, as ${quoted(CELLS)} says, got ${rows.length}; run the figure again`,
    )
  return {
    rows: rows.slice(0, whole),
    cells: cells.length,
    skipped: Object.fromEntries(cells.flatMap(({ key, skipped }) => (skipped === undefined ? [] : [[key, skipped]]))),
    seconds: cells.reduce((sum, cell) => sum + (cell.seconds ?? 0), 0),
  }
}

/** The objects of a file of JSON lines; none where there is no file. A last line that was cut off is left out. @throws ModelError naming the damaged line */
export function readLines<T>(file: string, schema: z.ZodType<T>): T[] {
  if (!fs.existsSync(file)) return []
  // What stands behind the last line break was cut off.
  const lines = attempt(`cannot read ${quoted(file)}`, () => fs.readFileSync(file, 'utf8'))
    .split('\n')
    .slice(0, -1)
  return lines.map((line, i) => {
    const parsed = schema.safeParse(jsonOf(line))
    if (parsed.success) return parsed.data
    throw new ModelError(
      `${quoted(file)} is damaged: line ${i + 1} is not ${expectedText(parsed.error)}; run the figure again`,
    )
  })
}

/**
 * @param cure what to do about it if it is damaged
 * @throws ModelError if it is there and damaged; undefined if it is not there
 */
export function readJson<T>(file: string, schema: z.ZodType<T>, cure?: string): T | undefined {
  if (!fs.existsSync(file)) return undefined
  const parsed = schema.safeParse(jsonOf(attempt(`cannot read ${quoted(file)}`, () => fs.readFileSync(file, 'utf8'))))
  if (parsed.success) return parsed.data
  throw new ModelError(
    `${quoted(file)} is damaged: it is not ${expectedText(parsed.error)}${cure === undefined ? '' : `; ${cure}`}`,
  )
}

/** In one step: readers see the old file or the new one, whole. On the disk when it is done. */
export function writeWhole(file: string, content: string | Uint8Array): void {
  // Two processes that write a report into one folder at once must not meet in one half-written file.
  const temporary = `${file}.${process.pid}.new`
  attempt(`cannot write ${quoted(file)}`, () => {
    try {
      fs.writeFileSync(temporary, content, { flush: true })
      fs.renameSync(temporary, file)
    } catch (error) {
      fs.rmSync(temporary, { force: true })
      throw error
    }
  })
}

export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

function jsonOf(source: string): unknown {
  try {
    return JSON.parse(source) as unknown
  } catch {
    return undefined
  }
}

function expectedText(error: z.ZodError): string {
  const [issue] = error.issues
  const at = issue?.path.join('.') ?? ''
  return at === ''
    ? 'a JSON object'
    : `as expected: ${quoted(at)} ${issue?.message.replace(/^Invalid input: /, '') ?? ''}`
}
