import type { Scale, Settings } from '../figure.js'

export interface Fig4Settings extends Settings {
  /** Sizes of the MLP's hidden layers. */
  readonly hiddenLayers: readonly number[]
  /** Of minimum A, and of minimum B. */
  readonly batchSizes: readonly number[]
  readonly learningRate: number
  readonly momentum: number
  readonly weightDecay: number
  readonly epochs: number
  /** Of CIFAR-10, the first ones, to train on and to compute the training loss on the line. */
  readonly trainingImages: number
  readonly testImages: number
  /** Minimum A of one seed and minimum B of the next are a pair: they begin at different weights. */
  readonly seeds: readonly number[]
  /** CoB-ranges σ, sampling `intra`. */
  readonly ranges: readonly number[]
  /** For each pair and σ. */
  readonly teleportations: number
  /** Places on the line, α from −0.5 to 1.5. */
  readonly points: number
  /** Training images of which the Hessian is taken. */
  readonly hessianImages: number
  /** Random directions along which curvature is averaged. */
  readonly directions: number
}

const PAPER: Fig4Settings = {
  hiddenLayers: [500, 500, 500, 500, 500],
  batchSizes: [8, 1024],
  learningRate: 0.01,
  momentum: 0.9,
  weightDecay: 5e-4,
  epochs: 50,
  trainingImages: 50_000,
  testImages: 10_000,
  seeds: [1, 2, 3, 4, 5],
  ranges: [0.3, 0.6, 0.9],
  teleportations: 2,
  points: 101,
  hessianImages: 1024,
  directions: 10,
}

export const SETTINGS: Readonly<Record<Scale, Fig4Settings>> = {
  paper: PAPER,
  quick: {
    ...PAPER,
    hiddenLayers: [100, 100, 100, 100, 100],
    // With 1024 of so few images B would take 80 steps, and stay where it begins.
    batchSizes: [8, 128],
    epochs: 10,
    trainingImages: 8192,
    testImages: 2000,
    seeds: [1, 2, 3],
    points: 21,
    hessianImages: 256,
  },
}

/** α of the places on the line. */
export function alphasOf({ points }: Pick<Fig4Settings, 'points'>): number[] {
  return Array.from({ length: points }, (_, i) => Number((-0.5 + (2 * i) / (points - 1)).toFixed(6)))
}
