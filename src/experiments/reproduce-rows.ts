import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { quoted } from '../graph/text.js'
import { attempt } from '../runtime/node/system-errors.js'
import type { Row } from './figure.js'
import { CELLS, ROWS, rowSchema, writeWhole } from './results-folder.js'

/** What both files are to be, while they are written anew. */
const REWRITE = 'rewrite.json'

/** A cell that is done. */
export interface CellRecord {
  readonly key: string
  readonly seconds: number
  /** Why it has no rows: what went wrong concerns it alone. */
  readonly skipped?: string
  /** The data set that it could not have. */
  readonly dataset?: string
  /** Identifies the runs that it was computed from, and how they ended: where that has changed, it is computed anew. */
  readonly runs?: string
}

interface DoneCell {
  readonly record: CellRecord
  readonly rows: readonly Row[]
}

const lineSchema = z.object({
  key: z.string(),
  rows: z.int().min(0),
  seconds: z.number().min(0),
  skipped: z.string().optional(),
  dataset: z.string().optional(),
  runs: z.string().optional(),
})

const textsSchema = z.object({ rows: z.string(), cells: z.string() })

/**
 * The rows of a figure on the disk, cell by cell: `rows.jsonl` holds them, `cells.jsonl` a line for each cell that is done, written after its
 * rows. What a killed process leaves of a cell has no such line and is taken away when the files are opened again, so that a cell's
 * rows are all there or not at all. One process at a time writes.
 */
export class RowsFile {
  readonly #folder: string
  readonly #cells = new Map<string, DoneCell>()

  /** @param keep cells that it is false for are forgotten */
  constructor(folder: string, keep: (record: CellRecord) => boolean) {
    this.#folder = folder
    this.#finishRewriting()
    const rows = linesOf(path.join(folder, ROWS), rowSchema)
    let taken = 0
    for (const line of linesOf(path.join(folder, CELLS), lineSchema)) {
      // Behind what is damaged it cannot be told which rows are whose.
      if (line === undefined || taken + line.rows > rows.length) break
      const { rows: count, key, seconds, skipped, dataset, runs } = line
      const record: CellRecord = {
        key,
        seconds,
        ...(skipped !== undefined && { skipped }),
        ...(dataset !== undefined && { dataset }),
        ...(runs !== undefined && { runs }),
      }
      const own = rows.slice(taken, (taken += count)).filter((row) => row !== undefined)
      if (own.length === count && keep(record)) this.#cells.set(record.key, { record, rows: own })
    }
    this.#rewrite()
  }

  /** The cells that are done, by key. */
  get cells(): ReadonlyMap<string, CellRecord> {
    return new Map([...this.#cells].map(([key, { record }]) => [key, record]))
  }

  /** On the disk when it is done. */
  add(record: CellRecord, rows: readonly Row[]): void {
    this.#append(ROWS, rowsText({ record, rows }))
    this.#append(CELLS, cellText({ record, rows }))
    this.#cells.set(record.key, { record, rows })
  }

  /** Brings cells and rows into the order of these keys, in which an undisturbed process would have written them. Returns the rows. */
  sort(keys: readonly string[]): readonly Row[] {
    const cells = keys.flatMap((key) => this.#cells.get(key) ?? [])
    this.#cells.clear()
    for (const cell of cells) this.#cells.set(cell.record.key, cell)
    this.#rewrite()
    return cells.flatMap(({ rows }) => rows)
  }

  /** Both files at once: what they are to be is written beside them first, so that a process that is killed on the way loses nothing. */
  #rewrite(): void {
    const cells = [...this.#cells.values()]
    const texts = { rows: cells.map(rowsText).join(''), cells: cells.map(cellText).join('') }
    if (textOf(this.#path(ROWS)) === texts.rows && textOf(this.#path(CELLS)) === texts.cells) return
    writeWhole(this.#path(REWRITE), JSON.stringify(texts))
    this.#finishRewriting()
  }

  #finishRewriting(): void {
    const file = this.#path(REWRITE)
    const text = textOf(file)
    if (text === undefined) return
    const texts = parsed(text, textsSchema)
    // Written in one step, it is whole unless somebody else has damaged it: then what it was to replace stays.
    if (texts !== undefined) {
      writeWhole(this.#path(ROWS), texts.rows)
      writeWhole(this.#path(CELLS), texts.cells)
    }
    attempt(`cannot remove ${quoted(file)}`, () => fs.rmSync(file))
  }

  #append(name: string, text: string): void {
    const file = this.#path(name)
    attempt(`cannot write ${quoted(file)}`, () => fs.appendFileSync(file, text, { flush: true }))
  }

  #path(name: string): string {
    return path.join(this.#folder, name)
  }
}

function rowsText({ rows }: DoneCell): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}

function cellText({ record: { key, ...rest }, rows }: DoneCell): string {
  return `${JSON.stringify({ key, rows: rows.length, ...rest })}\n`
}

/** undefined where there is no file. */
function textOf(file: string): string | undefined {
  if (!fs.existsSync(file)) return undefined
  return attempt(`cannot read ${quoted(file)}`, () => fs.readFileSync(file, 'utf8'))
}

/** A line that is damaged is undefined. What stands behind the last line break was cut off. */
function linesOf<T>(file: string, schema: z.ZodType<T>): (T | undefined)[] {
  const lines = textOf(file)?.split('\n').slice(0, -1) ?? []
  return lines.map((line) => parsed(line, schema))
}

function parsed<T>(text: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
