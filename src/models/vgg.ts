import type { Model } from '../graph/model.js'
import { adaptiveAveragePool } from './adaptive-pool.js'
import { Network } from './network.js'
import { type NetworkOptions, oneOf, settleImages, wholeNumber } from './options.js'

/** How many 3×3 convolutions each of the five stages has (Simonyan and Zisserman 2015, table 1: A, B, D, E). */
const DEPTHS = { 11: [1, 1, 2, 2, 2], 13: [2, 2, 2, 2, 2], 16: [2, 2, 3, 3, 3], 19: [2, 2, 4, 4, 4] } as const

const VGG_DEPTHS = [11, 13, 16, 19] as const

export interface VggOptions extends NetworkOptions {
  readonly depth: (typeof VGG_DEPTHS)[number]
  /** A normalisation between each convolution and its activation; default false. */
  readonly batchNorm?: boolean
  /** Channels of the first stage; the later ones have 2, 4, 8 and 8 times as many. Default 64. */
  readonly width?: number
  /** The size of the two hidden fully connected layers; default 4096. */
  readonly hidden?: number
  /** The probability of dropping a feature after each of those in training; default 0.5. With 0 there is no Dropout node. */
  readonly dropout?: number
}

/**
 * A VGG network (Simonyan and Zisserman 2015) as torchvision has it: stages of 3×3 convolutions with a MaxPool after each, an adaptive
 * average pool to 7×7, and three fully connected layers. Parameters are named as torchvision's; by default they begin as there:
 * convolutions kaiming, normal, fan out, fully connected layers N(0, 0.01²), biases 0. Images need at least 32 rows and columns.
 *
 * @returns a model from `x`, float32 [N, …inputShape], to `logits`, float32 [N, classes]
 * @throws ModelError for options that make no sense
 */
export function vgg(options: VggOptions): Model {
  const { batchNorm = false, dropout = 0.5 } = options
  const depth = oneOf('vgg', 'depth', options.depth, VGG_DEPTHS)
  const name = `vgg${depth}${batchNorm ? '_bn' : ''}`
  const settled = settleImages(name, options)
  const width = wholeNumber(name, 'width', options.width ?? 64)
  const hidden = wholeNumber(name, 'hidden', options.hidden ?? 4096)

  const network = new Network(name, settled, {
    conv: { weight: { type: 'kaiming', mode: 'fanOut', nonlinearity: 'relu' }, bias: 'zero' },
    linear: { weight: { type: 'gaussian', std: 0.01 }, bias: 'zero' },
  })
  let module = 0
  const next = () => `features.${module++}`
  let x = network.input()
  DEPTHS[depth].forEach((convolutions, stage) => {
    for (let i = 0; i < convolutions; i++) {
      x = network.conv(next(), x, width * Math.min(8, 2 ** stage), { kernel: 3, padding: 1 })
      if (batchNorm) x = network.batchNorm(next(), x)
      x = network.activation(next(), x)
    }
    x = network.maxPool(next(), x, { kernel: 2, stride: 2 })
  })
  x = adaptiveAveragePool(network, 'avgpool', x, 7)
  x = network.op('flatten', 'Flatten', [x], { axis: 1 })
  x = network.activation('classifier.1', network.linear('classifier.0', x, hidden))
  x = network.dropout('classifier.2', x, dropout)
  x = network.activation('classifier.4', network.linear('classifier.3', x, hidden))
  x = network.dropout('classifier.5', x, dropout)
  return network.finish(network.linear('classifier.6', x, settled.classes))
}
