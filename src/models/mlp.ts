import type { Model } from '../graph/model.js'
import { Network } from './network.js'
import { type NetworkOptions, settle, wholeNumbers } from './options.js'

export interface MlpOptions extends NetworkOptions {
  /** The sizes of the hidden layers; default five of 500, the paper's. */
  readonly hidden?: readonly number[]
  /** A normalisation between each hidden layer and its activation; default false. */
  readonly batchNorm?: boolean
}

/**
 * A multi-layer perceptron: Flatten, then hidden layers with their activations, then the logits. Parameters are named as those of a
 * `torch.nn.Sequential` of these modules (`1.weight` is the first layer's). `inputShape` may have any number of axes.
 *
 * @returns a model from `x`, float32 [N, …inputShape], to `logits`, float32 [N, classes]
 * @throws ModelError for options that make no sense
 */
export function mlp(options: MlpOptions = {}): Model {
  const { hidden = [500, 500, 500, 500, 500], batchNorm = false } = options
  const settled = settle('mlp', options)
  const network = new Network('mlp', settled)
  let module = 0
  const next = () => String(module++)
  let x = network.op(next(), 'Flatten', [network.input()], { axis: 1 })
  wholeNumbers('mlp', 'hidden', hidden).forEach((size) => {
    x = network.linear(next(), x, size)
    if (batchNorm) x = network.batchNorm(next(), x)
    x = network.activation(next(), x)
  })
  return network.finish(network.linear(next(), x, settled.classes))
}
