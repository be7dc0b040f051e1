import type { Model } from '../graph/model.js'
import type { HostTensor, HostTensors } from '../runtime/session.js'
import type { TrainingStep } from './step.js'

/** Inputs and targets. `x` is the model's only input, or its inputs by name. */
export interface TrainingBatch {
  readonly x: HostTensor | HostTensors
  /** Labels (any integer type) or, for the mean squared error, values. */
  readonly target: HostTensor
}

export interface StepResult {
  /** The mean over the batch, before the update. Not finite if training diverged. */
  readonly loss: number
  /** Correct predictions in the batch, for classification. */
  readonly correct?: number
  /** The norm of all gradients together, before clipping. */
  readonly gradientNorm?: number
}

export interface EvaluationResult {
  /** Sum over the batch. */
  readonly lossSum: number
  readonly correct?: number
  readonly count: number
}

/** All that a trainer needs to go on exactly where another stopped: the tensors are copies. */
export interface TrainerState {
  /** Steps run so far: with the seed, what dropout masks are drawn from. */
  readonly steps: number
  /** Updates since the optimiser's state was last zero. */
  readonly updates: number
  /** Parameters and running statistics by their names, optimiser's states as `STATE/PARAMETER`. */
  readonly weights: HostTensors
  readonly optimizer: HostTensors
}

/** Runs a training step again and again, and holds what changes. One call at a time. */
export interface Trainer {
  readonly step: TrainingStep
  /** Steps run so far. */
  readonly steps: number
  /** Where it runs: what was asked for, or 'cpu' if that could not be opened. */
  readonly device: 'cpu' | 'webgpu'
  /** One step. `lr` defaults to the optimiser's. @throws ModelError for a batch that does not fit */
  run(batch: TrainingBatch, options?: { readonly lr?: number }): Promise<StepResult>
  /** Loss and correct predictions with the current weights and running statistics; any batch size that the model allows. */
  evaluate(batch: TrainingBatch): Promise<EvaluationResult>
  /** Copies of parameters and running statistics, by the initializers' names. */
  weights(): Map<string, HostTensor>
  /** Replaces some or all parameters and running statistics. @throws ModelError for unknown names and other shapes */
  setWeights(weights: HostTensors): void
  /** Sets the optimiser's state back to zero. */
  resetOptimizer(): void
  state(): TrainerState
  /** @throws ModelError where tensors are missing, unknown, or of other shapes */
  load(state: TrainerState): void
  /** The model in inference form with the current weights and running statistics. */
  model(): Model
  /** Frees the sessions. */
  release(): Promise<void>
}
