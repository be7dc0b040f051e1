import type { EpochMetrics } from '../train/fit-options.js'
import type { SweepRun } from './sweep.js'

/** How a run ended. A run that failed is a result too. */
export interface FinishedRun extends SweepRun {
  /** Absolute. */
  readonly folder: string
  readonly ended: 'finished' | 'failed'
  /** Why it failed: `the loss is not finite`, `out of memory` … */
  readonly reason?: string
  readonly epochs: readonly EpochMetrics[]
  /** The file of the trained network. */
  readonly model?: string
}
