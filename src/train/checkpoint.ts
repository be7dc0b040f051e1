import type { Model } from '../graph/model.js'
import type { ScheduleState } from './schedule.js'
import type { TrainerState } from './trainer.js'

/** Where a run stands: enough to go on as if it had never stopped. */
export interface Checkpoint {
  /** Epochs that are finished. */
  readonly epoch: number
  /** Batches done of the epoch after them: all of them where only its validation is left. */
  readonly batch: number
  /** Sums over those batches. */
  readonly sums: EpochSums
  readonly schedule: ScheduleState
  /** Teleportations done. */
  readonly teleportations: number
  /** What was done of them since the last epoch ended. */
  readonly teleported: readonly string[]
  /** The network in inference form, with current weights and with the nodes that teleportations have inserted. */
  readonly model: Model
  /** The weights are the model's. */
  readonly trainer: Omit<TrainerState, 'weights'>
}

export interface EpochSums {
  readonly loss: number
  readonly correct: number
  readonly batches: number
  readonly examples: number
  /** Seconds spent training: waiting for batches included; validation, checkpoints and callbacks not. */
  readonly seconds: number
}

export const NO_SUMS: EpochSums = { loss: 0, correct: 0, batches: 0, examples: 0, seconds: 0 }
