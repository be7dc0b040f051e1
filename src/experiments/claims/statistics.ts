import jStat from 'jstat'
import { linearRegression, mean, sampleRankCorrelation, sampleStandardDeviation } from 'simple-statistics'
import { tQuantile } from '../../plot/interval.js'

export type Interval = readonly [number, number]

/** Of all intervals in the report. */
export const CONFIDENCE = 0.95

/** A mean, and what Student's t distribution says of how well it is known. */
export interface MeanEstimate {
  readonly n: number
  readonly mean: number
  /** Of the mean: s / √n. 0 where all samples are equal. */
  readonly standardError: number
  /** mean ± t · s / √n. Of equal samples it is a point, which is no measure of certainty. */
  readonly interval: Interval
}

/** The mean of at least two finite samples with its t interval; undefined of fewer. */
export function meanEstimate(samples: readonly number[], confidence = CONFIDENCE): MeanEstimate | undefined {
  const n = samples.length
  if (n < 2) return undefined
  const values = [...samples]
  // Of equal samples exactly: rounding in the mean would give them a spread.
  const equal = values.every((value) => value === values[0])
  const center = equal ? (values[0] as number) : mean(values)
  const standardError = equal ? 0 : sampleStandardDeviation(values) / Math.sqrt(n)
  const half = tQuantile((1 + confidence) / 2, n - 1) * standardError
  return { n, mean: center, standardError, interval: [center - half, center + half] }
}

/** The probability that Student's t lies further from 0 than `t` does. */
export function twoSidedP(t: number, degreesOfFreedom: number): number {
  // By the incomplete beta function at once: 1 − (distribution function) would lose all digits of a small p.
  return jStat.ibeta(degreesOfFreedom / (degreesOfFreedom + t * t), degreesOfFreedom / 2, 0.5)
}

/** Least squares: how much y grows where x grows by 1. NaN where x takes fewer than two values. */
export function slope(x: readonly number[], y: readonly number[]): number {
  if (new Set(x).size < 2) return NaN
  return linearRegression(x.map((value, i) => [value, y[i] as number])).m
}

/** Spearman's rank correlation, −1 to 1; 0 where y is constant. NaN where x takes fewer than two values. */
export function rankCorrelation(x: readonly number[], y: readonly number[]): number {
  if (new Set(x).size < 2) return NaN
  if (new Set(y).size < 2) return 0
  const correlation = sampleRankCorrelation([...x], [...y])
  // Orders that agree whole give 1 but for rounding.
  return 1 - Math.abs(correlation) < 1e-12 ? Math.sign(correlation) : correlation
}

/**
 * Holm's adjustment: p-values such that, if all those below α are called findings, one or more of them are false with probability α at most.
 * In the order of `values`.
 */
export function holm(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number))
  const adjusted = new Array<number>(values.length)
  let least = 0
  order.forEach((at, rank) => {
    least = Math.max(least, Math.min(1, (values.length - rank) * (values[at] as number)))
    adjusted[at] = least
  })
  return adjusted
}
