import type { Sampling } from '../../cob/sample.js'
import type { Scale, Settings } from '../figure.js'

export interface Fig2Settings extends Settings {
  /** A label of `networkNamed`. */
  readonly network: string
  readonly sampling: Sampling
  /** The CoB-range σ. */
  readonly range: number
  readonly teleportations: number
  /** Of them, those beside which a pseudo-teleportation is measured: the first. */
  readonly pseudoTeleportations: number
  /** As many again with factors rounded to powers of two. */
  readonly exactTeleportations: number
  /** Shorter ways too, by `intra`, since a change of sign is a long way whatever σ: they show the loss over the distance. */
  readonly smallerRanges: readonly number[]
  readonly teleportationsOfSmallerRanges: number
  /** Of the validation set, over which losses are taken. */
  readonly images: number
  /** One epoch of SGD on so many images makes the trained network. */
  readonly trainingImages: number
  readonly learningRate: number
  readonly momentum: number
  readonly batchSize: number
  /** Of the weights and of training. */
  readonly seed: number
}

const PAPER: Fig2Settings = {
  network: 'MLP 5×500',
  sampling: 'inter',
  range: 0.9,
  teleportations: 100,
  pseudoTeleportations: 20,
  exactTeleportations: 10,
  smallerRanges: [0.01, 0.1, 0.3, 0.6],
  teleportationsOfSmallerRanges: 4,
  images: 512,
  trainingImages: 10000,
  learningRate: 0.01,
  momentum: 0.9,
  batchSize: 64,
  seed: 1,
}

export const SETTINGS: Readonly<Record<Scale, Fig2Settings>> = {
  paper: PAPER,
  quick: {
    ...PAPER,
    teleportations: 25,
    pseudoTeleportations: 6,
    exactTeleportations: 4,
    teleportationsOfSmallerRanges: 2,
    images: 256,
    trainingImages: 5000,
  },
}
