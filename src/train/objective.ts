import { correctPredictions, crossEntropy, meanSquaredError, type Reduction } from '../autodiff/losses.js'
import { describe, intOf } from '../graph/attributes.js'
import { isNumber, show } from '../graph/dims.js'
import { isFloat } from '../graph/dtype.js'
import { type Model, ModelError, type Node } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { Value } from '../graph/value.js'
import type { Continuation } from '../shapes/build.js'
import { valuesOf } from '../shapes/infer.js'
import type { Loss } from './step.js'

/** What is minimised, as values of a graph. */
export interface Objective {
  readonly target: Value
  readonly loss: Value
  /** For cross-entropy: the number of correct predictions, int64. */
  readonly correct?: Value
  readonly classes?: number
}

/**
 * The name of the value whose loss is minimised: the output, or, for cross-entropy, what a Softmax at the end is computed from.
 * @throws ModelError if the model has several outputs and none is named
 */
export function predictionOf(model: Model, loss: Loss, output?: string): string {
  const names = model.graph.outputs.map(({ name }) => name)
  if (output !== undefined && !names.includes(output))
    throw new ModelError(
      `output ${quoted(output)}: the model has none of that name, only ${names.map(quoted).join(', ')}`,
    )
  const name = output ?? names[0]
  if (name === undefined || (output === undefined && names.length > 1))
    throw new ModelError(
      `the model has ${names.length} outputs, ${names.map(quoted).join(', ')}: say by \`output\` which one the loss is computed from`,
    )
  if (loss === 'meanSquaredError') return name
  const softmax = producerOf(model, name)
  if (softmax?.opType !== 'Softmax') return name
  const rank = valuesOf(model).find(name)?.facts.shape?.length
  const axis = intOf(softmax, 'axis', (model.opsets.get('') ?? 0) >= 13 ? -1 : 1)
  if (rank !== 2 || (axis !== 1 && axis !== -1))
    throw new ModelError(
      `${describe(softmax)}: cross-entropy needs logits [N, C], or their Softmax over C; got rank ${rank ?? 'unknown'} and axis ${axis}`,
    )
  return softmax.inputs[0] as string
}

/** The node that computes a value, or what an Identity passes on. */
function producerOf(model: Model, name: string): Node | undefined {
  const node = model.graph.nodes.find(({ outputs }) => outputs[0] === name)
  return node?.opType === 'Identity' ? producerOf(model, node.inputs[0] ?? '') : node
}

/**
 * Adds the target as an input, and the loss. @throws ModelError if the prediction does not fit the loss
 * @param batchSize what the prediction's first axis must be, if it is known
 */
export function objective(
  { builder }: Continuation,
  prediction: Value,
  loss: Loss,
  reduction: Reduction,
  batchSize?: number,
): Objective {
  const { dims, dtype } = prediction
  const shape = `shape [${dims.map(show).join(', ')}]`
  if (!isFloat(dtype))
    throw new ModelError(
      `output ${quoted(prediction.name)}: expected floats for a loss, got ${dtype ?? 'an unknown type'}`,
    )
  const first = dims[0]
  if (first === undefined || (batchSize !== undefined && first !== batchSize && isNumber(first)))
    throw new ModelError(
      `output ${quoted(prediction.name)}: expected a first axis of ${batchSize ?? 'N'} examples, got ${shape}`,
    )
  const sizes = dims.map((dim, axis) => (isNumber(dim) ? dim : axis === 0 ? 'N' : `D${axis}`))
  if (loss === 'meanSquaredError') {
    const target = builder.freshInput('target', dtype, sizes)
    return { target, loss: meanSquaredError(prediction, target, { reduction }) }
  }
  const classes = dims[1]
  if (classes === undefined || !isNumber(classes))
    throw new ModelError(`output ${quoted(prediction.name)}: cross-entropy needs logits [N, C], got ${shape}`)
  const { labelSmoothing = 0 } = loss === 'crossEntropy' ? {} : loss.crossEntropy
  const labels = sizes.filter((_, axis) => axis !== 1)
  const target = builder.freshInput('target', 'int64', labels)
  return {
    target,
    loss: crossEntropy(prediction, target, { reduction, labelSmoothing }),
    correct: correctPredictions(prediction, target),
    classes,
  }
}
