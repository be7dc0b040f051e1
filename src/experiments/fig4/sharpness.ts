import { largestEigenvalue } from '../../autodiff/eigenvalue.js'
import { Hessian, type SymmetricOperator } from '../../autodiff/hessian.js'
import { crossEntropy } from '../../autodiff/losses.js'
import { trainable } from '../../autodiff/parameters.js'
import { upgraded } from '../../autodiff/upgrade.js'
import { dot } from '../../autodiff/vectors.js'
import type { Model, Tensor } from '../../graph/model.js'
import { numbersOf, sizeOf } from '../../graph/tensor.js'
import { isNumber, show } from '../../graph/dims.js'
import type { HostTensor } from '../../runtime/session.js'
import { nodeRuntime } from '../../runtime/node/session.js'
import { Continuation } from '../../shapes/build.js'
import { randomStream } from '../../teleport/random.js'
import type { TrainingBatch } from '../../train/trainer.js'
import type { SharpnessRow } from './rows.js'

type Measured = Pick<
  SharpnessRow,
  'eigenvalue' | 'scaledEigenvalue' | 'filterCurvature' | 'weightCurvature' | 'converged'
>

/** ‖Hv − λv‖ ÷ |λ|: the eigenvalue's own error is about its square. */
const TOLERANCE = 0.01

/**
 * Sharpness of a perceptron's training loss at its weights, in four ways: two that depend on the coordinates, two that do not. Under a positive
 * change of basis V = C·W the Hessian becomes C⁻¹HC⁻¹ and D = diag(|w|) becomes C·D, so that D·H·D stays what it is, exactly.
 */
export async function sharpnessOf(
  model: Model,
  batch: TrainingBatch,
  options: { readonly directions: number; readonly seed: number; readonly threads: number },
): Promise<Measured> {
  const { directions, seed, threads } = options
  const { model: withLoss, input, target, loss } = lossOf(model)
  const weights = trainable(model, model.graph.outputs[0]?.name ?? '', {})
  const feeds = new Map([
    [input, batch.x as HostTensor],
    [target, batch.target],
  ])
  const wrt = weights.map(({ name }) => name)
  const hessian = await Hessian.open(nodeRuntime, withLoss, { of: loss, wrt, feeds, threads })
  try {
    const magnitudes = concatenated(weights.map(numbersOf)).map(Math.abs)
    const plain = await largestEigenvalue(hessian, { tolerance: TOLERANCE, seed })
    const scaled = await largestEigenvalue(scaledBy(hessian, magnitudes), { tolerance: TOLERANCE, seed })
    let [filterCurvature, weightCurvature] = [0, 0]
    for (let i = 0; i < directions; i++) {
      const stream = randomStream(seed, `direction ${i}`)
      const xi = Float64Array.from({ length: hessian.size }, () => stream.normal())
      filterCurvature += (await curvature(hessian, filterNormalised(xi, weights))) / directions
      const scaledDirection = xi.map((x, at) => x * (magnitudes[at] as number))
      weightCurvature += (await curvature(hessian, scaledDirection)) / directions
    }
    return {
      eigenvalue: plain.value,
      scaledEigenvalue: scaled.value,
      filterCurvature,
      weightCurvature,
      converged: plain.converged && scaled.converged,
    }
  } finally {
    await hessian.release()
  }
}

function lossOf(model: Model) {
  const continuation = new Continuation(upgraded(model), 'loss/')
  const { builder } = continuation
  const logits = continuation.value(model.graph.outputs[0]?.name ?? '')
  const examples = logits.dims[0] ?? 1
  const target = builder.input('target', 'int64', [isNumber(examples) ? examples : show(examples)])
  const loss = crossEntropy(logits, target)
  builder.output(loss, 'loss')
  const input = model.graph.inputs[0]?.name ?? ''
  return { model: continuation.finish(), input, target: target.name, loss: loss.name }
}

/** D·A·D for a diagonal D. */
export function scaledBy(operator: SymmetricOperator, diagonal: Float64Array): SymmetricOperator {
  const times = (vector: Float64Array) => vector.map((x, i) => x * (diagonal[i] as number))
  return { size: operator.size, apply: async (vector) => times(await operator.apply(times(vector))) }
}

async function curvature(operator: SymmetricOperator, direction: Float64Array): Promise<number> {
  return dot(direction, await operator.apply(direction))
}

/**
 * The direction with each neuron's part as long as its incoming weights; biases, as in Li et al. (2018), stay where they are.
 * @param weights [out, in], and biases [out]
 */
export function filterNormalised(direction: Float64Array, weights: readonly Tensor[]): Float64Array {
  const result = new Float64Array(direction.length)
  let start = 0
  for (const tensor of weights) {
    const size = sizeOf(tensor.dims)
    if (tensor.dims.length > 1) {
      const values = numbersOf(tensor)
      const row = size / (tensor.dims[0] as number)
      for (let from = 0; from < size; from += row) {
        const own = direction.subarray(start + from, start + from + row)
        const wanted = values.subarray(from, from + row)
        const factor = Math.sqrt(dot(wanted, wanted) / dot(own, own))
        for (let i = 0; i < row; i++) result[start + from + i] = factor * (own[i] as number)
      }
    }
    start += size
  }
  return result
}

function concatenated(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0))
  let start = 0
  for (const part of parts) {
    whole.set(part, start)
    start += part.length
  }
  return whole
}
