import type { DatasetName, Row } from '../figure.js'

export const MICRO_GRADIENT = 'micro-teleportation · gradient'
export const MICRO_RANDOM = 'micro-teleportation · random vector'
export const GRADIENT_RANDOM = 'gradient · random vector'
export const RANDOM_RANDOM = 'random · random'

/** What the paper compares, in its order. */
export const PAIRS = [MICRO_GRADIENT, MICRO_RANDOM, GRADIENT_RANDOM, RANDOM_RANDOM] as const

/** A vector of weight space: of all arrows of the quiver, or of the weights that training knows. */
export type Coordinates = 'all arrows' | 'trained weights'

interface Place extends Row {
  readonly network: string
  readonly dataset: DatasetName
}

/** Cosines of the angles between two vectors, one for each draw. */
export interface CosinesRow extends Place {
  readonly kind: 'cosines'
  readonly batchSize: number
  readonly pair: (typeof PAIRS)[number]
  readonly scope: 'full' | 'weights'
  readonly coordinates: Coordinates
  readonly sampling: 'intra' | 'inter'
  /** σ */
  readonly range: number
  /** λ; 0: the loss alone. */
  readonly weightDecay: number
  /** How many numbers a vector has. */
  readonly dimension: number
  readonly cosines: readonly number[]
  /**
   * What each cosine's deviation would be if every weight went as far as it does, in a direction (±) drawn by itself. Only for
   * micro-teleportation · gradient without a penalty.
   */
  readonly signWidths: readonly number[] | null
}

/** Euler's identity at each neuron: Σ_in w·∂L/∂w + b·∂L/∂b = Σ_out w·∂L/∂w, over all arrows in scope `full`. */
export interface EulerRow extends Place {
  readonly kind: 'euler'
  readonly batchSize: number
  readonly neurons: number
  /** The largest difference of the two sides, of all neurons. */
  readonly largestDifference: number
  /** The largest Σ |w·∂L/∂w| over the arrows of a neuron. */
  readonly largestSum: number
}

/** What could not be computed, and why. */
export interface SkippedRow extends Place {
  readonly kind: 'skipped'
  readonly reason: string
}

export type Fig3Row = CosinesRow | EulerRow | SkippedRow

export const cosinesOf = (rows: readonly Fig3Row[]): CosinesRow[] =>
  rows.filter((row): row is CosinesRow => row.kind === 'cosines')

export const skippedOf = (rows: readonly Fig3Row[]): SkippedRow[] =>
  rows.filter((row): row is SkippedRow => row.kind === 'skipped')

/** ` without cifar100 (it cannot be fetched …)`: of what was skipped, for captions; empty if nothing was. */
export function skippedText(rows: readonly Fig3Row[]): string {
  const reasons = new Map(skippedOf(rows).map(({ dataset, reason }) => [dataset, reason]))
  return [...reasons].map(([dataset, reason]) => ` Without ${dataset}: ${reason}.`).join('')
}
