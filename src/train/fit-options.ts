import type { Model } from '../graph/model.js'
import type { Checkpoint } from './checkpoint.js'
import type { Schedule } from './schedule.js'
import type { TrainingStep, TrainingStepOptions } from './step.js'
import type { Teleportation } from './teleportation.js'
import type { Trainer } from './trainer.js'
import type { EpochSource } from './validate.js'

/** Plain data that belongs to an epoch. */
export interface Metrics {
  /** From 1; the epoch that was finished, or in which a step was done. */
  readonly epoch: number
  readonly [key: string]: unknown
}

/** What is known when an epoch ends. Losses are means; accuracies fractions of 1; times seconds. */
export interface EpochMetrics extends Metrics {
  /** Steps done since the run began. */
  readonly step: number
  readonly lr: number
  /** Mean over the epoch's steps, each before its update. */
  readonly loss: number
  readonly accuracy?: number
  readonly validationLoss?: number
  readonly validationAccuracy?: number
  /** Training alone: without validation, checkpoints and callbacks. */
  readonly seconds: number
  /** What was done before the epoch began. */
  readonly teleported?: string
}

export interface StepProgress {
  /** From 1. */
  readonly epoch: number
  readonly epochs: number
  /** Batches done of this epoch, and how many it has. */
  readonly batch: number
  readonly batches: number
  /** Of this step. */
  readonly loss: number
  readonly lr: number
  /** Seconds per step, lately. */
  readonly stepSeconds: number
  /** Until the end of the run, validation included as far as it has been seen. */
  readonly secondsLeft: number
}

export interface FitOptions {
  /** The network to be trained, in inference form. A resumed run takes its checkpoint's instead. */
  readonly model: Model
  readonly step: TrainingStepOptions
  readonly training: EpochSource
  readonly validation?: EpochSource
  /** How many in all. */
  readonly epochs: number
  /** Default: constant. */
  readonly schedule?: Schedule
  /** In any order; those of one epoch one after the other. */
  readonly teleportations?: readonly Teleportation[]
  /** What the seeds of teleportations that have none are derived from; default 0. */
  readonly seed?: number
  /** Makes a step ready to run, e.g. `(step) => openTrainer(nodeRuntime, step)`. */
  readonly open: (step: TrainingStep) => Promise<Trainer>
  /** A run that was interrupted goes on here. */
  readonly resume?: Checkpoint
  readonly onStep?: (progress: StepProgress) => void
  /** Returning `'stop'` ends the run after this epoch. */
  readonly onEpoch?: (metrics: EpochMetrics, trainer: Trainer) => 'stop' | undefined | Promise<'stop' | undefined>
  /** Given after every epoch (and after `onEpoch`), every `checkpointSteps` steps, and when the run is interrupted. */
  readonly onCheckpoint?: (checkpoint: Checkpoint) => void | Promise<void>
  /** Default: no checkpoints but after epochs. */
  readonly checkpointSteps?: number
  /** Interrupts the run: the current step is finished, and a checkpoint given, unless no step has been done since the last. */
  readonly signal?: AbortSignal
}

export interface FitResult {
  /** In inference form, with the weights of the end. */
  readonly model: Model
  /** Of the epochs that ended in this call: not of those before `resume`. */
  readonly epochs: readonly EpochMetrics[]
  /** `interrupted`: by the signal; a checkpoint has been given. `stopped`: by `onEpoch`. */
  readonly ended: 'finished' | 'stopped' | 'interrupted'
}
