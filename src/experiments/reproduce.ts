import { createHash } from 'node:crypto'
import os from 'node:os'
import path from 'node:path'
import { RunLock } from '../runs/run-lock.js'
import { runsOf } from '../sweeps/enumerate.js'
import type { FinishedRun } from '../sweeps/finished-run.js'
import type { SweepRun } from '../sweeps/sweep.js'
import type { Claim } from './claims/claim.js'
import type { Figure, Scale, Settings } from './figure.js'
import { FIGURES } from './figures.js'
import { writeReport } from './report/write-report.js'
import { type CellProgress, computeCells, datasetsOnce, isCached, type LoadDataset } from './reproduce-cells.js'
import { checkSettings, makeFolder, removeFigure, ReproductionFile, writeFigureRecord } from './reproduce-folder.js'
import { PeakMemory } from './reproduce-memory.js'
import { type DrawnPlot, writeOutput } from './reproduce-output.js'
import { type CellRecord, RowsFile } from './reproduce-rows.js'
import { type Overrides, reducedFrom, settingsOf } from './reproduce-settings.js'
import { RUNS } from './results-folder.js'

/** Trains runs: those that have ended are left as they are. Returns all that have ended, once they have, or the signal came. */
export type Train = (runs: readonly SweepRun[], runsFolder: string) => Promise<readonly FinishedRun[]>

export interface ReproduceOptions {
  readonly scale: Scale
  /** Where all goes; made if it is not there. What is there already is not computed again. */
  readonly folder: string
  /** Settings in place of the scale's. */
  readonly set?: Overrides
  /** Start the figures anew; trained networks are kept. Default false. */
  readonly force?: boolean
  /** Trains the runs that figures need. */
  readonly train: Train
  /** Threads of the runtime; default: as many as there are cores. */
  readonly threads?: number
  /** Ends it: the cell that is computed is left, and computed next time. */
  readonly signal?: AbortSignal
  /** Default: CIFAR from the cache, fetched if it is not there. */
  readonly dataset?: LoadDataset
  /** What was typed, for the report. */
  readonly command?: string
  readonly onProgress?: (progress: FigureProgress) => void
  /** A figure is drawn. */
  readonly onFigure?: (result: FigureResult) => void
  readonly warn?: (line: string) => void
}

export interface FigureProgress extends CellProgress {
  readonly figure: string
  /** Figures that are done, and all. */
  readonly figuresDone: number
  readonly figures: number
}

/** What was made of a figure. */
export interface FigureResult {
  readonly figure: string
  readonly title: string
  readonly settings: Settings
  /** What differs from the paper's settings. */
  readonly reduced: readonly string[]
  readonly cells: { readonly all: number; readonly done: number }
  /** Cells that could not be computed, and why. */
  readonly skipped: Readonly<Record<string, string>>
  /** Cells that an error stopped that nobody foresaw. */
  readonly failed: Readonly<Record<string, string>>
  /** Over all cells, whenever they were computed. */
  readonly seconds: number
  /** In bytes, this time: 0 where nothing was computed. */
  readonly peakMemory: number
  readonly plots: readonly DrawnPlot[]
  readonly claims: readonly Claim[]
  /** Absolute. */
  readonly files: readonly string[]
}

export interface Reproduction {
  readonly ended: 'finished' | 'interrupted'
  readonly scale: Scale
  readonly folder: string
  readonly figures: readonly FigureResult[]
  /** Errors that nobody foresaw, by figure. */
  readonly errors: ReadonlyMap<string, Error>
  /** Of training runs that failed, by id. */
  readonly failedRuns: Readonly<Record<string, string>>
  /** The report's file, once all is done. */
  readonly report?: string
}

/**
 * Computes figures into a folder: rows, plots, claims. What a run that was interrupted or killed has left is kept, and only the rest computed.
 * Figures that need no training come first, then all that others train, in one go, then these; in the end a report on all that the folder holds.
 * @throws ModelError for settings that make no sense or differ from the folder's, if another process works there, and where nothing can be written
 */
export async function reproduce(figures: readonly Figure[], options: ReproduceOptions): Promise<Reproduction> {
  const { scale, folder, force = false, warn = () => undefined } = options
  const settings = settingsOf(figures, scale, options.set)
  const settingsFor = (figure: Figure): Settings => settings.get(figure.name) as Settings
  // What a figure refuses is said before anything is written.
  const sweeps = new Map(
    figures.map((figure) => [figure, figure.sweep ? runsOf(figure.sweep(settingsFor(figure))) : []]),
  )
  makeFolder(folder)
  const lock = await RunLock.take(folder, 'is computing figures there')
  try {
    for (const figure of figures)
      if (force) removeFigure(folder, figure)
      else checkSettings(folder, figure, scale, settingsFor(figure))
    const record = new ReproductionFile(folder, scale, options.command, warn)
    record.update(() => ({}))
    return await new Reproducing(options, sweeps, settingsFor, record).all(figures)
  } finally {
    lock.release()
  }
}

class Reproducing {
  readonly #options: ReproduceOptions
  readonly #sweeps: ReadonlyMap<Figure, readonly SweepRun[]>
  readonly #settings: (figure: Figure) => Settings
  readonly #record: ReproductionFile
  readonly #dataset: LoadDataset
  readonly #signal: AbortSignal
  readonly #results = new Map<string, FigureResult>()
  readonly #errors = new Map<string, Error>()
  #trained: ReadonlyMap<string, FinishedRun> = new Map()
  #figures = 0

  constructor(
    options: ReproduceOptions,
    sweeps: ReadonlyMap<Figure, readonly SweepRun[]>,
    settings: (figure: Figure) => Settings,
    record: ReproductionFile,
  ) {
    this.#options = options
    this.#sweeps = sweeps
    this.#settings = settings
    this.#record = record
    this.#dataset = datasetsOnce(options.dataset)
    this.#signal = options.signal ?? new AbortController().signal
  }

  async all(figures: readonly Figure[]): Promise<Reproduction> {
    this.#figures = figures.length
    const trains = (figure: Figure): boolean => (this.#sweeps.get(figure)?.length ?? 0) > 0
    for (const figure of figures.filter((other) => !trains(other))) await this.#figure(figure, [])
    const training = figures.filter(trains)
    if (training.length > 0 && !this.#signal.aborted) await this.#train(training)
    for (const figure of training) {
      const runs = (this.#sweeps.get(figure) ?? []).flatMap((run): FinishedRun[] => {
        const ended = this.#trained.get(run.id)
        // The same run has other labels in another figure.
        return ended === undefined ? [] : [{ ...ended, ...run }]
      })
      await this.#figure(figure, runs)
    }
    const interrupted = this.#signal.aborted
    if (!interrupted) this.#record.update(() => ({ finished: new Date().toISOString() }))
    const report = interrupted ? undefined : this.#report(figures)
    return {
      ...(report !== undefined && { report }),
      ended: interrupted ? 'interrupted' : 'finished',
      scale: this.#options.scale,
      folder: this.#options.folder,
      figures: figures.flatMap(({ name }) => this.#results.get(name) ?? []),
      errors: this.#errors,
      failedRuns: Object.fromEntries(
        [...this.#trained.values()].flatMap(({ id, ended, reason = '' }) => (ended === 'failed' ? [[id, reason]] : [])),
      ),
    }
  }

  async #train(figures: readonly Figure[]): Promise<void> {
    const runs = new Map(figures.flatMap((figure) => (this.#sweeps.get(figure) ?? []).map((run) => [run.id, run])))
    const memory = new PeakMemory()
    try {
      const ended = await this.#options.train([...runs.values()], path.join(this.#options.folder, RUNS))
      this.#trained = new Map(ended.map((run) => [run.id, run]))
    } finally {
      const peak = memory.end()
      const seconds = secondsOf([...this.#trained.values()])
      this.#record.update((record) => ({
        trainingSeconds: seconds,
        peakMemory: { ...record.peakMemory, training: Math.max(peak, record.peakMemory?.['training'] ?? 0) },
      }))
    }
  }

  /** Computes what is missing of a figure, and draws what is there, when it is interrupted on the way too. */
  async #figure(figure: Figure, runs: readonly FinishedRun[]): Promise<void> {
    if (this.#signal.aborted) return
    const settings = this.#settings(figure)
    const { folder, scale, threads = os.availableParallelism(), onProgress, warn = () => undefined } = this.#options
    const all = this.#sweeps.get(figure)?.length ?? 0
    const reduced = reducedFrom(settings, figure.settings.paper)
    const cells = figure.cells(settings, runs)
    const keys = new Set(cells.map(({ key }) => key))
    writeFigureRecord(folder, {
      figure: figure.name,
      scale,
      settings,
      cells: cells.length,
      ...(all > 0 && {
        runs: { all, ended: runs.length, failed: runs.filter(({ ended }) => ended === 'failed').length },
      }),
      reduced,
    })
    const from = all === 0 ? undefined : digestOf(runs)
    const file = new RowsFile(
      path.join(folder, figure.name),
      (record) => keys.has(record.key) && record.runs === from && !this.#mayBeHad(record),
    )
    const memory = cells.some(({ key }) => !file.cells.has(key)) ? new PeakMemory() : undefined
    let failures: ReadonlyMap<string, Error> = new Map()
    try {
      failures = await computeCells(cells, file, {
        threads,
        signal: this.#signal,
        dataset: this.#dataset,
        ...(from !== undefined && { runs: from }),
        onProgress: (progress) =>
          onProgress?.({ ...progress, figure: figure.name, figuresDone: this.#results.size, figures: this.#figures }),
        warn,
      })
    } catch (error) {
      if (!this.#signal.aborted) throw error
    }
    const peakMemory = memory?.end() ?? 0
    this.#draw(figure, file, failures, { all: cells.length, peakMemory, reduced, keys: [...keys] })
  }

  #draw(
    figure: Figure,
    file: RowsFile,
    failures: ReadonlyMap<string, Error>,
    known: {
      readonly all: number
      readonly peakMemory: number
      readonly reduced: readonly string[]
      readonly keys: readonly string[]
    },
  ): void {
    const { folder, onFigure } = this.#options
    const settings = this.#settings(figure)
    const records = [...file.cells.values()]
    // Nothing of it was computed before it was interrupted.
    if (records.length === 0 && this.#signal.aborted) return
    const seconds = records.reduce((sum, record) => sum + record.seconds, 0)
    const rows = file.sort(known.keys)
    const errors = [...failures.values()]
    let output: Pick<FigureResult, 'plots' | 'claims' | 'files'> = { plots: [], claims: [], files: [] }
    try {
      output = writeOutput(figure, settings, rows, path.join(folder, figure.name), known.reduced)
    } catch (error) {
      if (!(error instanceof Error) || error.name === 'ModelError') throw error
      errors.push(error)
    }
    const [first] = errors
    if (first !== undefined) this.#errors.set(figure.name, first)
    const result: FigureResult = {
      figure: figure.name,
      title: figure.title,
      settings,
      reduced: known.reduced,
      cells: { all: known.all, done: records.length },
      skipped: Object.fromEntries(
        records.flatMap(({ key, skipped }) => (skipped === undefined ? [] : [[key, skipped]])),
      ),
      failed: Object.fromEntries([...failures].map(([key, { message }]) => [key, message])),
      seconds,
      peakMemory: known.peakMemory,
      ...output,
    }
    this.#results.set(figure.name, result)
    this.#record.update((record) => ({
      seconds: { ...record.seconds, [figure.name]: seconds },
      ...(known.peakMemory > 0 && {
        peakMemory: {
          ...record.peakMemory,
          [figure.name]: Math.max(known.peakMemory, record.peakMemory?.[figure.name] ?? 0),
        },
      }),
    }))
    onFigure?.(result)
  }

  /** On these figures, and on those that were computed into the folder before. */
  #report(figures: readonly Figure[]): string {
    const { folder, warn } = this.#options
    const others = FIGURES.filter(({ name }) => figures.every((figure) => figure.name !== name))
    const known = [...figures, ...others].sort((a, b) => FIGURES.indexOf(a) - FIGURES.indexOf(b))
    return writeReport(folder, { figures: known, ...(warn && { warn }) }).file
  }

  /** Did it lack a data set that is there now? */
  #mayBeHad({ dataset }: CellRecord): boolean {
    return dataset !== undefined && (this.#options.dataset !== undefined || isCached(dataset))
  }
}

/** Which runs there are, and how they ended. */
function digestOf(runs: readonly FinishedRun[]): string {
  const lines = runs.map(({ id, ended }) => `${id} ${ended}`).sort()
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16)
}

/** Spent on training, over all processes. */
function secondsOf(runs: readonly FinishedRun[]): number {
  return runs.reduce((sum, { epochs }) => sum + epochs.reduce((time, epoch) => time + epoch.seconds, 0), 0)
}
