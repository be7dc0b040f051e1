import jStat from 'jstat'
import { mean, sampleStandardDeviation } from 'simple-statistics'

export interface MeanInterval {
  readonly mean: number
  readonly low: number
  readonly high: number
  readonly n: number
}

/**
 * Mean of samples with its two-sided confidence interval by Student's t: mean ± t·s/√n. It assumes independent, roughly normal samples.
 * @param samples finite numbers
 * @returns null without samples; with a single one low and high are ∓Infinity, since one sample says nothing of the spread
 */
export function meanInterval(samples: readonly number[], confidence = 0.95): MeanInterval | null {
  const n = samples.length
  if (n === 0) return null
  const centre = mean([...samples])
  if (n === 1) return { mean: centre, low: -Infinity, high: Infinity, n }
  const half = (tQuantile((1 + confidence) / 2, n - 1) * sampleStandardDeviation([...samples])) / Math.sqrt(n)
  return { mean: centre, low: centre - half, high: centre + half, n }
}

/** @returns t with P(T ≤ t) = `probability`, for Student's T with `degrees` degrees of freedom */
export function tQuantile(probability: number, degrees: number): number {
  return jStat.studentt.inv(probability, degrees)
}
