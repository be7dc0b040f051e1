import type { DType } from '../graph/dtype.js'
import type { Model, Tensor } from '../graph/model.js'
import type { Optimizer } from './optimizer.js'

/** What is minimised: softmax cross-entropy on integer labels, or the mean of squared differences. */
export type Loss = 'crossEntropy' | { readonly crossEntropy: { readonly labelSmoothing?: number } } | 'meanSquaredError'

export interface TrainingStepOptions {
  readonly loss: Loss
  readonly optimizer: Optimizer
  /** Examples in a batch: the size of the inputs' first axis, which the model declares by a name or not at all. */
  readonly batchSize: number
  /** The largest norm of all gradients together; larger ones are scaled down to it, as torch.nn.utils.clip_grad_norm_ does. */
  readonly clipNorm?: number
  /** The output that the loss is computed from. Default: the only one. */
  readonly output?: string
  /** Also compute the norm of all gradients (before clipping). Default: where `clipNorm` is given. */
  readonly gradientNorm?: boolean
  /** Names of initializers that stay as they are; `*` stands for any characters. Default: none. */
  readonly frozen?: readonly string[]
  /** The only ones that are trained, by the same patterns. Default: all that can be. */
  readonly trained?: readonly string[]
  /** Adds l2Penalty / 2 · Σ w² over all parameters to the loss, unlike an optimiser's weight decay, which is not part of it. Default 0. */
  readonly l2Penalty?: number
}

/** A tensor that a step reads under one name and writes under another. */
export interface StepValue {
  /** The initializer's name in the model (a parameter, a running statistic), or `STATE/PARAMETER` (an optimiser's state). */
  readonly name: string
  readonly dtype: DType
  readonly dims: readonly number[]
  /** The input of the step's graph; of the evaluation graph too, for parameters and statistics. */
  readonly input: string
  /** The output of the step's graph that holds its next value. */
  readonly output: string
  /** What it is before the first step. */
  readonly initial: Tensor
}

/** An optimiser's state of one parameter. */
export interface StateValue extends StepValue {
  readonly parameter: string
  /** e.g. `momentum_buffer`. */
  readonly state: string
}

/** What is fed anew in each step. `dims` begins with the batch size. */
export interface BatchInput {
  readonly name: string
  readonly dtype: DType
  readonly dims: readonly number[]
}

/** Which elements a Dropout keeps: an input of the step's graph, to be drawn in each step. */
export interface MaskInput extends BatchInput {
  /** The probability with which an element is dropped. */
  readonly ratio: number
}

/** One step of training as a graph, and what its inputs and outputs are. */
export interface TrainingStep {
  /** The model that is trained, in inference form, as it was given. */
  readonly source: Model
  /** Forward in training form, loss, backward and update: one graph. */
  readonly model: Model
  /** Inference form with the sum of the examples' losses and the number of correct predictions; weights are inputs. */
  readonly evaluation: Model
  readonly options: TrainingStepOptions
  readonly batchSize: number
  readonly inputs: readonly BatchInput[]
  /** Class numbers (int64 [N]) for cross-entropy; for the mean squared error, of the output's type and shape. */
  readonly target: BatchInput
  /** For cross-entropy: class numbers are below it. */
  readonly classes?: number
  readonly masks: readonly MaskInput[]
  /** Scalar inputs. */
  readonly scalars: { readonly lr: string; readonly update?: string }
  readonly parameters: readonly StepValue[]
  readonly states: readonly StateValue[]
  /** Running means and variances of BatchNormalization. */
  readonly statistics: readonly StepValue[]
  /** Scalar outputs of the step: the mean loss, for classification the number of correct predictions (int64), the gradients' norm. */
  readonly outputs: { readonly loss: string; readonly correct?: string; readonly gradientNorm?: string }
  /** The input of the evaluation for targets. */
  readonly evaluationTarget: string
  /** Scalar outputs of the evaluation. */
  readonly evaluationOutputs: { readonly lossSum: string; readonly correct?: string }
}
