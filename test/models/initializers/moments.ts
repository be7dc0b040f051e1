import { expect } from 'vitest'

export interface Moments {
  readonly mean: number
  readonly std: number
  readonly largest: number
}

export function momentsOf(values: Float32Array): Moments {
  let [sum, squares, largest] = [0, 0, 0]
  for (const value of values) {
    sum += value
    squares += value * value
    largest = Math.max(largest, Math.abs(value))
  }
  const mean = sum / values.length
  return { mean, std: Math.sqrt(squares / values.length - mean * mean), largest }
}

/** Five standard errors: of the mean, σ/√n; of the standard deviation, σ/2·√((kurtosis − 1)/n). */
export function expectMoments(values: Float32Array, std: number, distribution: 'normal' | 'uniform'): void {
  const moments = momentsOf(values)
  const kurtosis = distribution === 'normal' ? 3 : 1.8
  const n = values.length
  expect(Math.abs(moments.mean)).toBeLessThan((5 * std) / Math.sqrt(n))
  expect(Math.abs(moments.std - std)).toBeLessThan(5 * (std / 2) * Math.sqrt((kurtosis - 1) / n))
  const bound = Math.sqrt(3) * std
  if (distribution === 'normal') {
    if (n > 1000) expect(moments.largest).toBeGreaterThan(bound)
    return
  }
  expect(moments.largest).toBeLessThanOrEqual(Math.fround(bound))
  // That the largest of n is below (1 − 20/n) of the bound has probability e⁻²⁰.
  expect(moments.largest).toBeGreaterThan(bound * (1 - 20 / n))
}
