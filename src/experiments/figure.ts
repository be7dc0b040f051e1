import type { Dataset } from '../data/dataset.js'
import type { Sweep } from '../sweeps/sweep.js'
import type { FinishedRun } from '../sweeps/finished-run.js'
import type { Claim } from './claims/claim.js'

/** `paper` is the paper's own settings; `quick` a reduction that runs on two CPU cores in minutes, on real CIFAR-10. */
export type Scale = 'quick' | 'paper'

export const SCALES: readonly Scale[] = ['quick', 'paper']

type Plain = string | number | boolean | null

/** One line of a figure's data: plain JSON. What cannot be measured (a loss that is not finite) is null. */
export type Row = Readonly<Record<string, Plain | readonly Plain[]>>

/** A figure's settings: plain JSON, lists rather than objects where a user may want to choose, names that read as English in camelCase. */
export type Settings = Readonly<Record<string, Plain | readonly (Plain | readonly Plain[])[]>>

export type DatasetName = 'cifar10' | 'cifar100' | 'random'

/** What a cell is given to compute with. */
export interface CellContext {
  /** Threads that a session may use. */
  readonly threads: number
  /** Long cells look at it between steps, and throw `signal.reason` once it is aborted. */
  readonly signal: AbortSignal
  /** Loaded once a process. `random` is as large as is asked for. */
  readonly dataset: (name: DatasetName) => Promise<Dataset>
  /** How much of the cell is done, 0 to 1. */
  readonly onProgress: (fraction: number) => void
  readonly warn: (line: string) => void
}

/** The smallest part of a figure that is computed as a whole: what is interrupted goes on with the next cell. */
export interface Cell<R extends Row = Row> {
  /** The same at every call; says what is computed: `resnet18/cifar10/batch 8`. */
  readonly key: string
  /** Its rows, which depend on settings and key alone: every seed comes from them. */
  readonly run: (context: CellContext) => Promise<readonly R[]>
}

/** A plot of a figure. */
export interface Plot {
  /** Of its files: `fig3`, `fig3-inter`. */
  readonly name: string
  readonly svg: string
  /** What is seen, in one to three sentences; what was reduced is added by itself. */
  readonly caption: string
}

/** A figure of the paper: settings, computation, plots, claims. Methods, so that any figure is a `Figure`, whatever its settings and rows. */
export interface Figure<S extends Settings = Settings, R extends Row = Row> {
  /** `fig2` to `fig12`. */
  readonly name: string
  readonly title: string
  /** The question that it answers. */
  readonly question: string
  readonly settings: Readonly<Record<Scale, S>>
  /** Data sets without which nothing of it can be computed, fetched before anything begins; default: CIFAR-10. */
  readonly needs?: readonly DatasetName[]
  /** The runs to be trained first. What several figures train is trained once. */
  sweep?(settings: S): Sweep
  /** @param runs those of the sweep that have ended, the failed ones too */
  cells(settings: S, runs: readonly FinishedRun[]): readonly Cell<R>[]
  /** Draws whatever rows are there: of a figure that is half computed too. */
  plots(rows: readonly R[], settings: S): readonly Plot[]
  /** Tests whatever rows are there; with too few runs a claim is undecided. */
  claims(rows: readonly R[], settings: S): readonly Claim[]
}
