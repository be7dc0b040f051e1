import fs from 'node:fs'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { cacheFolder } from '../data/cache.js'
import { loadCifar10, loadCifar100 } from '../data/cifar.js'
import type { Dataset } from '../data/dataset.js'
import { randomData } from '../data/random-data.js'
import { ModelError } from '../graph/model.js'
import type { Cell, CellContext, DatasetName, Row } from './figure.js'
import type { RowsFile } from './reproduce-rows.js'
import { CellTimes, type TimeLeft } from './reproduce-time.js'

export type LoadDataset = CellContext['dataset']

/** How far a figure's cells are. */
export interface CellProgress {
  /** The key of the cell that is computed. */
  readonly cell: string
  readonly done: number
  readonly cells: number
  /** Of all cells' time, as far as it is known, 0 to 1. */
  readonly fraction: number
  /** Until the figure's last cell is done; undefined while nothing was measured. */
  readonly left?: TimeLeft
}

export interface CellsOptions {
  readonly threads: number
  readonly signal: AbortSignal
  readonly dataset: LoadDataset
  /** Of what cells are computed from; see `CellRecord`. */
  readonly runs?: string
  readonly onProgress?: (progress: CellProgress) => void
  readonly warn: (line: string) => void
}

/** A data set cannot be had. */
class DatasetError extends ModelError {
  readonly dataset: DatasetName
  constructor(dataset: DatasetName, message: string) {
    super(message)
    this.dataset = dataset
  }
}

/**
 * Computes the cells that are not done, one after the other. A cell that cannot be computed, since a data set is not there or its loss is
 * not finite, is recorded as skipped, with the reason.
 * @returns errors that nobody foresaw, by cell: these cells are tried again next time
 */
export async function computeCells(
  cells: readonly Cell[],
  file: RowsFile,
  options: CellsOptions,
): Promise<ReadonlyMap<string, Error>> {
  const times = new CellTimes()
  for (const { key, seconds, skipped } of file.cells.values()) if (skipped === undefined) times.add(key, seconds)
  const missing = cells.filter(({ key }) => !file.cells.has(key))
  const failures = new Map<string, Error>()
  for (const [i, cell] of missing.entries()) {
    options.signal.throwIfAborted()
    const after = missing.slice(i + 1).map(({ key }) => key)
    const started = performance.now()
    const elapsed = (): number => (performance.now() - started) / 1000
    const tell = (fraction: number): void => {
      const left = times.left(after, { key: cell.key, seconds: elapsed(), fraction })
      const done = cells.length - missing.length + i
      options.onProgress?.({
        cell: cell.key,
        done,
        cells: cells.length,
        fraction: (done + Math.min(1, fraction)) / cells.length,
        ...(left && { left }),
      })
    }
    tell(0)
    // A signal is heard between two turns of the event loop alone.
    await setImmediate()
    options.signal.throwIfAborted()
    const outcome = await outcomeOf(cell, { ...options, onProgress: tell })
    if (outcome instanceof Error) {
      failures.set(cell.key, outcome)
      continue
    }
    const { rows, ...skipped } = outcome
    if (outcome.skipped === undefined) times.add(cell.key, elapsed())
    const runs = options.runs === undefined ? {} : { runs: options.runs }
    file.add({ key: cell.key, seconds: Math.round(1000 * elapsed()) / 1000, ...skipped, ...runs }, rows)
  }
  return failures
}

interface Outcome {
  readonly rows: readonly Row[]
  readonly skipped?: string
  readonly dataset?: string
}

async function outcomeOf(cell: Cell, context: CellContext): Promise<Outcome | Error> {
  try {
    return { rows: await cell.run(context) }
  } catch (error) {
    // Whatever a cell says once it was told to stop.
    context.signal.throwIfAborted()
    if (error instanceof DatasetError) return { rows: [], skipped: error.message, dataset: error.dataset }
    if (error instanceof ModelError) return { rows: [], skipped: error.message }
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** Loads each data set once. One that cannot be had is not tried again. */
export function datasetsOnce(load: LoadDataset = loadDataset): LoadDataset {
  const loaded = new Map<DatasetName, Promise<Dataset>>()
  return (name) => {
    const loading =
      loaded.get(name) ??
      load(name).catch((error: unknown) => {
        throw error instanceof ModelError ? new DatasetError(name, error.message) : error
      })
    loaded.set(name, loading)
    return loading
  }
}

function loadDataset(name: DatasetName): Promise<Dataset> {
  if (name === 'cifar10') return loadCifar10()
  return name === 'cifar100' ? loadCifar100() : Promise.resolve(randomData())
}

/** Is there a copy of it on this machine? */
export function isCached(dataset: string): boolean {
  return dataset === 'random' || fs.existsSync(path.join(cacheFolder(), dataset))
}
