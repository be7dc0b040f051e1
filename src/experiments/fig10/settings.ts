import type { Sampling } from '../../cob/sample.js'
import type { Scale, Settings } from '../figure.js'

export interface Fig10Settings extends Settings {
  /** A label of `networkNamed`. */
  readonly network: string
  /** Values of `initialize`; `default` is PyTorch's, uniform. */
  readonly initializers: readonly string[]
  readonly sampling: Sampling
  /** The CoB-range σ. */
  readonly range: number
  /** Each of weights and of the teleportation. */
  readonly seeds: readonly number[]
  /** Of a histogram. */
  readonly bins: number
}

const PAPER: Fig10Settings = {
  network: 'MLP 5×500',
  initializers: ['default', 'kaiming', 'xavier', 'gaussian', 'orthogonal'],
  sampling: 'inter',
  range: 0.9,
  seeds: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  bins: 121,
}

export const SETTINGS: Readonly<Record<Scale, Fig10Settings>> = {
  paper: PAPER,
  quick: { ...PAPER, network: 'MLP 5×200', seeds: [1, 2, 3, 4, 5] },
}
