import type { Sampling } from '../../cob/sample.js'
import type { Scale, Settings } from '../figure.js'
import { NETWORKS } from '../networks.js'

export interface Fig5Settings extends Settings {
  /** Labels of `networkNamed`. */
  readonly networks: readonly string[]
  readonly samplings: readonly Sampling[]
  /** CoB-ranges σ, rising. */
  readonly ranges: readonly number[]
  /** For each σ; those of one number share their random numbers over all σ. */
  readonly teleportations: number
  /** For each σ: whose gradients are compared with Theorem 2's element by element, not by their norms alone. */
  readonly comparedTeleportations: number
  /** Images of the batch whose loss is differentiated. */
  readonly batchSize: number
  /** Of the networks' weights. */
  readonly seed: number
}

const COMMON = { samplings: ['intra', 'inter'], seed: 1 } as const

export const SETTINGS: Readonly<Record<Scale, Fig5Settings>> = {
  paper: {
    ...COMMON,
    networks: NETWORKS.paper,
    ranges: [0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9],
    teleportations: 20,
    comparedTeleportations: 1,
    batchSize: 8,
  },
  quick: {
    ...COMMON,
    networks: NETWORKS.quick,
    ranges: [0.01, 0.1, 0.3, 0.5, 0.7, 0.9],
    teleportations: 8,
    comparedTeleportations: 1,
    batchSize: 8,
  },
}
