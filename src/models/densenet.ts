import type { Model } from '../graph/model.js'
import type { Value } from '../graph/value.js'
import { Network, TORCH_DEFAULT } from './network.js'
import { type NetworkOptions, oneOf, settleImages, wholeNumber, wholeNumbers } from './options.js'

/** Layers in each dense block (Huang et al. 2017, table 1). */
const DEPTHS = { 121: [6, 12, 24, 16], 169: [6, 12, 32, 32] } as const

const DENSENET_DEPTHS = [121, 169] as const

export interface DensenetOptions extends NetworkOptions {
  readonly depth: (typeof DENSENET_DEPTHS)[number]
  /** Channels that each layer adds; default 32. */
  readonly growthRate?: number
  /** Channels of the first convolution; default 64. */
  readonly width?: number
  /** Channels of a layer's 1×1 convolution, in growth rates; default 4. */
  readonly bottleneck?: number
  /** How many layers each dense block has, instead of the depth's own. */
  readonly blocks?: readonly number[]
}

/**
 * A densely connected network (Huang et al. 2017) as torchvision has it, also for small images: 7×7 convolution with stride 2 and
 * MaxPool first. Parameters are named as torchvision's; by default they begin as there: kaiming, normal, fan in.
 *
 * @returns a model from `x`, float32 [N, …inputShape], to `logits`, float32 [N, classes]
 * @throws ModelError for options that make no sense
 */
export function densenet(options: DensenetOptions): Model {
  const depth = oneOf('densenet', 'depth', options.depth, DENSENET_DEPTHS)
  const name = `densenet${depth}`
  const settled = settleImages(name, options)
  const blocks = wholeNumbers(name, 'blocks', options.blocks ?? DEPTHS[depth])
  const growth = wholeNumber(name, 'growthRate', options.growthRate ?? 32)
  const inner = growth * wholeNumber(name, 'bottleneck', options.bottleneck ?? 4)
  const width = wholeNumber(name, 'width', options.width ?? 64)

  const network = new Network(name, settled, {
    conv: { weight: { type: 'kaiming' }, bias: 'zero' },
    linear: { weight: TORCH_DEFAULT.weight, bias: 'zero' },
  })
  const at = (path: string) => `features.${path}`
  let x = network.conv(at('conv0'), network.input(), width, { kernel: 7, stride: 2, padding: 3, bias: false })
  x = network.activation(at('relu0'), network.batchNorm(at('norm0'), x))
  x = network.maxPool(at('pool0'), x, { kernel: 3, stride: 2, padding: 1 })
  blocks.forEach((layers, i) => {
    for (let layer = 1; layer <= layers; layer++)
      x = denseLayer(network, at(`denseblock${i + 1}.denselayer${layer}`), x, inner, growth)
    if (i < blocks.length - 1) x = transition(network, at(`transition${i + 1}`), x)
  })
  x = network.activation(at('relu5'), network.batchNorm(at('norm5'), x))
  x = network.op('flatten', 'Flatten', [network.op('avgpool', 'GlobalAveragePool', [x])], { axis: 1 })
  return network.finish(network.linear('classifier', x, settled.classes))
}

/** DenseNet-121, see `densenet`. */
export function densenet121(options: Omit<DensenetOptions, 'depth'> = {}): Model {
  return densenet({ ...options, depth: 121 })
}

/**
 * All channels so far and the layer's own. One chain of Concats of two, so that a gradient splits once per layer: a Concat of all
 * earlier layers' outputs would have it add as many pieces as there are pairs of layers.
 */
function denseLayer(network: Network, path: string, x: Value, inner: number, growth: number): Value {
  let y = network.activation(`${path}.relu1`, network.batchNorm(`${path}.norm1`, x))
  y = network.conv(`${path}.conv1`, y, inner, { kernel: 1, bias: false })
  y = network.activation(`${path}.relu2`, network.batchNorm(`${path}.norm2`, y))
  y = network.conv(`${path}.conv2`, y, growth, { kernel: 3, padding: 1, bias: false })
  return network.op(`${path}.concat`, 'Concat', [x, y], { axis: 1 })
}

/** Half the channels, half the size. */
function transition(network: Network, path: string, x: Value): Value {
  let y = network.activation(`${path}.relu`, network.batchNorm(`${path}.norm`, x))
  y = network.conv(`${path}.conv`, y, Math.max(1, Math.floor(x.size(1) / 2)), { kernel: 1, bias: false })
  return network.averagePool(`${path}.pool`, y, { kernel: 2, stride: 2 })
}
