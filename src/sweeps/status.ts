import path from 'node:path'
import { METRICS } from '../runs/log.js'
import { readMetrics } from '../runs/metrics.js'
import { LockWatch } from '../runs/run-lock.js'
import type { EpochMetrics } from '../train/fit-options.js'
import { readRunEnd, type RunEnd } from './run-end.js'
import type { SweepRun } from './sweep.js'

/** Where a sweep stands. */
export interface SweepStatus {
  /** All of them, each counted once. */
  readonly runs: number
  /** Finished, without the failed ones. */
  readonly done: number
  readonly running: number
  readonly failed: number
  /** Neither ended nor running. */
  readonly left: number
  /** Of runs that have not failed; of the epochs that run now the part that is done, where it is known. */
  readonly epochs: { readonly done: number; readonly all: number }
  /** As the epochs that were measured say, and what finished runs took beside their steps, such as validation; null where no epoch was measured. */
  readonly secondsLeft: number | null
  readonly failures: readonly (Pick<SweepRun, 'id' | 'labels'> & { readonly reason: string })[]
  readonly active: readonly ActiveRun[]
}

/** A run that a process is training. */
export interface ActiveRun extends Pick<SweepRun, 'id' | 'labels'> {
  /** Done of it. */
  readonly epochs: number
  readonly host: string
  readonly pid: number
}

interface Progress {
  readonly epochs: number
  /** Of each epoch's steps. */
  readonly seconds: readonly number[]
  /** Per epoch, beside its steps: validation, checkpoints, and its share of the beginning. Known of finished runs. */
  readonly beside?: number
  readonly failed?: string
  readonly ended: boolean
}

/** Reads from the folders where a sweep stands. What has ended is read once. */
export class StatusReader {
  readonly #runs: readonly SweepRun[]
  readonly #folder: string
  readonly #watch: LockWatch
  readonly #ended = new Map<string, Progress>()

  constructor(runs: readonly SweepRun[], runsFolder: string, watch = new LockWatch()) {
    this.#runs = [...new Map(runs.map((run) => [run.id, run])).values()]
    this.#folder = runsFolder
    this.#watch = watch
  }

  /**
   * @param workers how many runs are trained at the same time; default: as many as are now, or 1
   * @param parts epochs done of runs, with fractions, where more is known than the folders say
   */
  read(workers?: number, parts: ReadonlyMap<string, number> = new Map()): SweepStatus {
    const failures: { id: string; labels: SweepRun['labels']; reason: string }[] = []
    const active: ActiveRun[] = []
    const times = new Times()
    const open: { readonly run: SweepRun; readonly epochs: number }[] = []
    let done = 0
    let epochs = 0
    let all = 0
    for (const run of this.#runs) {
      const { id, labels, config } = run
      const progress = this.#progressOf(run)
      times.add(run, progress)
      if (progress.failed !== undefined) {
        failures.push({ id, labels, reason: progress.failed })
        continue
      }
      all += config.training.epochs
      if (progress.ended) {
        done++
        epochs += config.training.epochs
        continue
      }
      const holder = this.#watch.holder(path.join(this.#folder, id))
      const finished = Math.max(progress.epochs, (holder && parts.get(id)) ?? 0)
      if (holder) active.push({ id, labels, epochs: finished, host: holder.host, pid: holder.pid })
      epochs += finished
      open.push({ run, epochs: config.training.epochs - finished })
    }
    return {
      runs: this.#runs.length,
      done,
      running: active.length,
      failed: failures.length,
      left: open.length - active.length,
      epochs: { done: epochs, all },
      secondsLeft: times.left(open, workers ?? Math.max(1, active.length)),
      failures,
      active,
    }
  }

  #progressOf(run: SweepRun): Progress {
    const known = this.#ended.get(run.id)
    if (known !== undefined) return known
    const folder = path.join(this.#folder, run.id)
    const end = readRunEnd(folder)
    const metrics = readMetrics(path.join(folder, METRICS)) as EpochMetrics[]
    const progress: Progress = {
      epochs: metrics.length,
      seconds: metrics.map(({ seconds }) => seconds),
      ended: end !== undefined,
      ...(end?.measured && { beside: besideOf(metrics, end.measured) }),
      ...(end?.ended === 'failed' && { failed: end.reason ?? 'it is not known why' }),
    }
    if (end !== undefined) this.#ended.set(run.id, progress)
    return progress
  }
}

/** Where a sweep stands, from its runs' folders alone. */
export function statusOf(runs: readonly SweepRun[], runsFolder: string): SweepStatus {
  return new StatusReader(runs, runsFolder).read()
}

function besideOf(metrics: readonly EpochMetrics[], { epochs, seconds }: NonNullable<RunEnd['measured']>): number {
  const steps = metrics.slice(-epochs).reduce((sum, { seconds }) => sum + seconds, 0)
  return Math.max(0, seconds - steps) / epochs
}

/** How long epochs take, by what decides it. */
class Times {
  readonly #steps = new Means()
  readonly #beside = new Means()

  add(run: SweepRun, { seconds, beside }: Progress): void {
    const kind = kindOf(run)
    for (const time of seconds) this.#steps.add(kind, time)
    if (beside !== undefined) this.#beside.add(kind, beside)
  }

  left(open: readonly { readonly run: SweepRun; readonly epochs: number }[], workers: number): number | null {
    if (open.length === 0) return 0
    if (this.#steps.overall === undefined) return null
    const times = open.map(({ run, epochs }) => {
      const kind = kindOf(run)
      return epochs * ((this.#steps.of(kind) ?? 0) + (this.#beside.of(kind) ?? 0))
    })
    const sum = times.reduce((total, time) => total + time, 0)
    return Math.max(sum / Math.min(workers, open.length), ...times)
  }
}

/** Means by kind; of a kind of which nothing is known that of all. */
class Means {
  readonly #kinds = new Map<string, { sum: number; count: number }>()
  readonly #all = { sum: 0, count: 0 }

  add(kind: string, value: number): void {
    const own = this.#kinds.get(kind) ?? { sum: 0, count: 0 }
    this.#kinds.set(kind, own)
    for (const mean of [own, this.#all]) {
      mean.sum += value
      mean.count++
    }
  }

  get overall(): number | undefined {
    return this.#all.count === 0 ? undefined : this.#all.sum / this.#all.count
  }

  of(kind: string): number | undefined {
    const own = this.#kinds.get(kind)
    return own === undefined ? this.overall : own.sum / own.count
  }
}

/** Runs of one kind take about the same time. */
function kindOf({ config: { data, model, training } }: SweepRun): string {
  return JSON.stringify([data, model, training.batchSize])
}
