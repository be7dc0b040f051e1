import type { Sample } from '../claims/claim-of.js'
import {
  type Condition,
  hasDiverged,
  meanAccuracy,
  meanAccuracyOverTime,
  sameCondition,
  secondsOf,
  type TrainedRun,
} from './runs.js'
import { type Arm, NO_TELEPORTATION } from './settings.js'

/** A number for each run; null where it was not measured. */
export type Statistic = (run: TrainedRun) => number | null

export interface Contrast {
  readonly arm: Arm
  readonly range: number | null
  /** Default: no teleportation. */
  readonly baseline?: Arm
}

/** Two runs that begin with the same weights and see the same images in the same order. */
export interface Pair {
  readonly seed: number
  readonly run?: TrainedRun
  readonly twin?: TrainedRun
}

/** A pair for each seed of which at least one run is there. */
export function pairsOf(runs: readonly TrainedRun[], condition: Condition, contrast: Contrast): Pair[] {
  const { arm, range, baseline = NO_TELEPORTATION } = contrast
  const own = runs.filter((run) => sameCondition(run.condition, condition))
  const of = (wanted: Arm, seed: number) =>
    own.find((run) => run.seed === seed && run.arm === wanted && (wanted === NO_TELEPORTATION || run.range === range))
  const seeds = [...new Set(own.map(({ seed }) => seed))].sort((a, b) => a - b)
  return seeds.flatMap((seed) => {
    const [run, twin] = [of(arm, seed), of(baseline, seed)]
    if (run === undefined && twin === undefined) return []
    return [{ seed, ...(run && { run }), ...(twin && { twin }) }]
  })
}

/** The statistic's difference of every pair, run − twin; null where one of them is missing. */
export function differences(pairs: readonly Pair[], statistic: Statistic): Sample[] {
  return pairs.map(({ run, twin }) => differenceOf(run && statistic(run), twin && statistic(twin)))
}

/** Differences over training time: both as long as the one that was done first. */
export function timedDifferences(pairs: readonly Pair[], chance: number): Sample[] {
  return pairs.map(({ run, twin }) => {
    if (run === undefined || twin === undefined) return null
    // One that diverged was not done first.
    const lasted = [run, twin].filter((each) => !hasDiverged(each)).map((each) => secondsOf(each) ?? 0)
    const seconds = Math.min(...(lasted.length > 0 ? lasted : [0]))
    return differenceOf(meanAccuracyOverTime(run, seconds, chance), meanAccuracyOverTime(twin, seconds, chance))
  })
}

function differenceOf(a: number | null | undefined, b: number | null | undefined): Sample {
  return typeof a === 'number' && typeof b === 'number' ? a - b : null
}

/** Conditions that differ in their learning rate alone. */
export interface Tuned {
  readonly condition: Omit<Condition, 'learningRate'>
  readonly candidates: readonly Condition[]
}

export function tunedOf(conditions: readonly Condition[]): Tuned[] {
  const groups = new Map<string, Condition[]>()
  for (const condition of conditions) {
    const { learningRate: _, ...rest } = condition
    const key = JSON.stringify(rest)
    groups.set(key, [...(groups.get(key) ?? []), condition])
  }
  return [...groups.values()].flatMap((candidates) => {
    const [{ learningRate: _, ...condition }] = candidates as [Condition]
    return candidates.length < 2 ? [] : [{ condition, candidates }]
  })
}

/**
 * Pairs whose arms have each the learning rate that is best for it on the other seeds: where the mean of the statistic is greatest. A seed is never
 * reported with a learning rate that it had a say in. The first of the candidates wins a tie; one that a seed's run is missing for is no candidate.
 */
export function tunedPairs(
  runs: readonly TrainedRun[],
  { candidates }: Tuned,
  contrast: Contrast,
  statistic: Statistic,
): Pair[] {
  const all = candidates.map((condition) => pairsOf(runs, condition, contrast))
  const seeds = [...new Set(all.flatMap((pairs) => pairs.map(({ seed }) => seed)))].sort((a, b) => a - b)
  return seeds.map((seed) => {
    const best = (side: 'run' | 'twin'): TrainedRun | undefined => {
      let found: { readonly value: number; readonly run: TrainedRun | undefined } | undefined
      for (const pairs of all) {
        const values = pairs.filter((pair) => pair.seed !== seed).map((pair) => pair[side] && statistic(pair[side]))
        const known = values.filter((value): value is number => typeof value === 'number')
        if (known.length === 0 || known.length < values.length) continue
        const value = known.reduce((sum, each) => sum + each, 0) / known.length
        if (found === undefined || value > found.value)
          found = { value, run: pairs.find((pair) => pair.seed === seed)?.[side] }
      }
      return found?.run
    }
    const [run, twin] = [best('run'), best('twin')]
    return { seed, ...(run && { run }), ...(twin && { twin }) }
  })
}

/** Statistics that figures share. */
export function overEpochs(epochs: number): Statistic {
  return (run) => meanAccuracy(run, 1, epochs)
}

export function atTheEnd(epochs: number): Statistic {
  return (run) => meanAccuracy(run, epochs, epochs)
}
