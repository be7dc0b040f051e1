import type { TrainingRow } from './rows.js'
import type { Arm } from './settings.js'

/** What two runs that are compared have in common. */
export type Condition = Pick<
  TrainingRow,
  'network' | 'dataset' | 'activation' | 'initialization' | 'learningRate' | 'momentum'
>

/** The rows of a run. */
export interface TrainedRun {
  readonly condition: Condition
  readonly arm: Arm
  readonly range: number | null
  readonly seed: number
  /** Those that ended, in their order. */
  readonly epochs: readonly TrainingRow[]
  /** Why it failed. */
  readonly failed?: string
}

export function conditionOf(row: TrainingRow): Condition {
  const { network, dataset, activation, initialization, learningRate, momentum } = row
  return { network, dataset, activation, initialization, learningRate, momentum }
}

export function sameCondition(a: Condition, b: Condition): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** Rows, put together by run, in the order in which they are first seen. */
export function trainedRuns(rows: readonly TrainingRow[]): TrainedRun[] {
  const byRun = new Map<string, TrainingRow[]>()
  for (const row of rows) {
    const key = JSON.stringify([conditionOf(row), row.arm, row.range, row.seed])
    byRun.set(key, [...(byRun.get(key) ?? []), row])
  }
  return [...byRun.values()].map((own) => {
    const [{ arm, range, seed }] = own as [TrainingRow]
    const failed = own.find((row) => row.failed !== null)?.failed
    const epochs = own.filter((row) => row.failed === null).sort((a, b) => a.epoch - b.epoch)
    return {
      condition: conditionOf(own[0] as TrainingRow),
      arm,
      range,
      seed,
      epochs,
      ...(typeof failed === 'string' && { failed }),
    }
  })
}

/** The conditions of runs, each once, in the order in which they are first seen. */
export function conditionsOf(runs: readonly TrainedRun[]): Condition[] {
  return [...new Map(runs.map(({ condition }) => [JSON.stringify(condition), condition])).values()]
}

/** Did its loss or weights leave the finite numbers? Other failures (memory, a machine that went away) say nothing of training. */
export function hasDiverged({ failed, epochs }: TrainedRun): boolean {
  return (failed !== undefined && /finite|diverge/i.test(failed)) || epochs.some(({ loss }) => loss === null)
}

/**
 * The validation accuracy after an epoch, in per cent. A run that has diverged has 0 from then on, the worst there is.
 * @returns null if it was not measured
 */
export function accuracyAfter(run: TrainedRun, epoch: number): number | null {
  const row = run.epochs.find((other) => other.epoch === epoch)
  if (row !== undefined && row.loss !== null)
    return row.validationAccuracy === null ? null : 100 * row.validationAccuracy
  return hasDiverged(run) ? 0 : null
}

/** Mean of the validation accuracy over epochs from `first` to `last`, in per cent; null if one of them is not there. */
export function meanAccuracy(run: TrainedRun, first: number, last: number): number | null {
  let sum = 0
  for (let epoch = first; epoch <= last; epoch++) {
    const accuracy = accuracyAfter(run, epoch)
    if (accuracy === null) return null
    sum += accuracy
  }
  return last < first ? null : sum / (last - first + 1)
}

/** Seconds of training until the run ended; null if that is not known. */
export function secondsOf({ epochs }: TrainedRun): number | null {
  return epochs.at(-1)?.seconds ?? null
}

/**
 * Mean of the validation accuracy over training time from 0 to `seconds`, in per cent, on straight lines between epochs; it begins with
 * `chance`, which both arms have, since a teleportation changes no output.
 * @returns null where the run did not last so long, unless it diverged: then it is 0 after its last epoch
 */
export function meanAccuracyOverTime(run: TrainedRun, seconds: number, chance: number): number | null {
  let [at, value, area] = [0, chance, 0]
  for (const row of run.epochs) {
    const accuracy = accuracyAfter(run, row.epoch)
    if (accuracy === null || row.seconds === null) break
    const until = Math.min(row.seconds, seconds)
    const there = row.seconds > at ? value + ((accuracy - value) * (until - at)) / (row.seconds - at) : accuracy
    area += ((until - at) * (value + there)) / 2
    at = until
    value = there
    if (at >= seconds) break
  }
  if (at < seconds - 1e-9 && !hasDiverged(run)) return null
  return seconds > 0 ? area / seconds : null
}
