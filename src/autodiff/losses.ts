import { isNumber, same, show } from '../graph/dims.js'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { Value } from '../graph/value.js'
import { range } from '../ops/facts.js'

/** How the losses of a batch become one number: their mean, or the sum over the batch of each example's mean (mean × batch size). */
export type Reduction = 'mean' | 'sumOfExamples'

export interface LossOptions {
  /** Default `mean`. */
  readonly reduction?: Reduction
}

export interface CrossEntropyOptions extends LossOptions {
  /** The part of the target, from 0 (default) to 1, that is spread evenly over all classes. */
  readonly labelSmoothing?: number
}

/**
 * Softmax cross-entropy as torch.nn.CrossEntropyLoss has it: −(1 − s)·log p[label] − s·Σ log p/C, with s the label smoothing and p the softmax
 * of the logits over axis 1; a scalar of the logits' type.
 * @param logits float [N, C] or [N, C, d1, …]; C must be known
 * @param labels integers [N] or [N, d1, …], from 0 to C − 1; others belong to no class (there is no `ignore_index`)
 */
export function crossEntropy(logits: Value, labels: Value, options: CrossEntropyOptions = {}): Value {
  checkLabels(logits, labels)
  const { labelSmoothing = 0 } = options
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
    throw new ModelError(`label smoothing ${labelSmoothing}: expected a number from 0 to 1`)
  const logProbabilities = logits.op('LogSoftmax', [], { axis: 1 })
  const isLabel = oneHot(logits, labels)
  const spread = labelSmoothing / logits.size(1)
  const chosen =
    labelSmoothing === 0
      ? isLabel.where(logProbabilities, 0)
      : logProbabilities.mul(isLabel.where(logits.constant(1 - labelSmoothing + spread), logits.constant(spread)))
  return reduced(chosen.sum([1], false).neg(), options)
}

/** The mean of squared differences, over all elements; a scalar. The two have the same shape and type. */
export function meanSquaredError(prediction: Value, target: Value, options: LossOptions = {}): Value {
  const [a, b] = [prediction.dims, target.dims]
  if (a.length !== b.length || a.some((dim, axis) => isNumber(dim) && isNumber(b[axis]) && dim !== b[axis]))
    throw new ModelError(
      `mean squared error: ${described(prediction)} and the target, ${described(target)}, must have the same shape; reshape one of them`,
    )
  return reduced(prediction.sub(target).square(), options)
}

/** How many of the labels (see `crossEntropy`) are the class with the greatest logit, of equal ones the first; an int64 scalar. */
export function correctPredictions(logits: Value, labels: Value): Value {
  checkLabels(logits, labels)
  const predicted = logits.op('ArgMax', [], { axis: 1, keepdims: 0 })
  return predicted.equal(labels.cast('int64')).cast('int64').sum(undefined, false)
}

/** [N, …]: one loss for each example, or for each of its elements. */
function reduced(losses: Value, { reduction = 'mean' }: LossOptions): Value {
  if (reduction === 'mean') return losses.mean(undefined, false)
  const { rank } = losses
  const examples = rank > 1 ? losses.mean(range(1, rank), false) : losses
  return examples.sum(undefined, false)
}

/** True where the class is the label, in the shape of the logits. */
function oneHot(logits: Value, labels: Value): Value {
  const classes = logits.size(1)
  const numbers = logits.builder.constant(
    'int64',
    [1, classes, ...range(2, logits.rank).map(() => 1)],
    range(0, classes),
  )
  return labels.cast('int64').unsqueeze([1]).equal(numbers)
}

function checkLabels(logits: Value, labels: Value): void {
  const expected = logits.dims.filter((_, axis) => axis !== 1)
  const found = labels.dims
  const fits = (axis: number) => {
    const [a, b] = [expected[axis], found[axis]]
    return a === undefined || b === undefined || !isNumber(a) || !isNumber(b) || same(a, b)
  }
  if (logits.rank < 2 || found.length !== expected.length || !expected.every((_, axis) => fits(axis)))
    throw new ModelError(
      `cross-entropy: logits must be [N, C, …] and labels [N, …] without the classes' axis; got ${described(logits)} and labels ${described(labels)}`,
    )
}

function described(value: Value): string {
  return `${quoted(value.name)} of shape [${value.dims.map(show).join(', ')}]`
}
