import type { Model } from '../graph/model.js'
import type { Value } from '../graph/value.js'
import { Network, TORCH_DEFAULT } from './network.js'
import { type NetworkOptions, oneOf, settleImages, wholeNumber, wholeNumbers } from './options.js'

/** Blocks in each of the four stages, and whether they are bottlenecks (He et al. 2016, table 1). */
const DEPTHS = {
  18: { blocks: [2, 2, 2, 2], bottleneck: false },
  34: { blocks: [3, 4, 6, 3], bottleneck: false },
  50: { blocks: [3, 4, 6, 3], bottleneck: true },
} as const

const RESNET_DEPTHS = [18, 34, 50] as const

export interface ResnetOptions extends NetworkOptions {
  readonly depth: (typeof RESNET_DEPTHS)[number]
  /**
   * The first convolution: `imagenet` 7×7 with stride 2, `cifar` 3×3 with stride 1; the 3×3 MaxPool with stride 2 follows either.
   * Default: `cifar` for images whose shorter side is at most 64, `imagenet` for others.
   */
  readonly stem?: 'imagenet' | 'cifar'
  /** Channels of the first stage, doubled in each later one; default 64. */
  readonly width?: number
  /** How many blocks each stage has, instead of the depth's own. */
  readonly blocks?: readonly number[]
}

/**
 * A residual network (He et al. 2016) as torchvision has it, bottlenecks with their stride in the 3×3 convolution (v1.5). Parameters
 * are named as torchvision's; by default they begin as there: kaiming, normal, fan out.
 *
 * @returns a model from `x`, float32 [N, …inputShape], to `logits`, float32 [N, classes]
 * @throws ModelError for options that make no sense
 */
export function resnet(options: ResnetOptions): Model {
  const depth = oneOf('resnet', 'depth', options.depth, RESNET_DEPTHS)
  const name = `resnet${depth}`
  const settled = settleImages(name, options)
  const { bottleneck } = DEPTHS[depth]
  const blocks = wholeNumbers(name, 'blocks', options.blocks ?? DEPTHS[depth].blocks)
  const width = wholeNumber(name, 'width', options.width ?? 64)
  const [, height = 0, breadth = 0] = settled.inputShape
  const stem = options.stem ?? (Math.min(height, breadth) <= 64 ? 'cifar' : 'imagenet')
  oneOf(name, 'stem', stem, ['imagenet', 'cifar'])

  const network = new Network(name, settled, {
    conv: { weight: { type: 'kaiming', mode: 'fanOut', nonlinearity: 'relu' }, bias: 'zero' },
    linear: TORCH_DEFAULT,
  })
  const window = stem === 'cifar' ? { kernel: 3, padding: 1 } : { kernel: 7, stride: 2, padding: 3 }
  let x = network.conv('conv1', network.input(), width, { ...window, bias: false })
  x = network.activation('relu', network.batchNorm('bn1', x))
  x = network.maxPool('maxpool', x, { kernel: 3, stride: 2, padding: 1 })
  blocks.forEach((count, stage) => {
    for (let block = 0; block < count; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1
      const channels = width * 2 ** stage
      const path = `layer${stage + 1}.${block}`
      x = bottleneck
        ? bottleneckBlock(network, path, x, channels, stride)
        : basicBlock(network, path, x, channels, stride)
    }
  })
  x = network.op('flatten', 'Flatten', [network.op('avgpool', 'GlobalAveragePool', [x])], { axis: 1 })
  return network.finish(network.linear('fc', x, settled.classes))
}

/** ResNet-18, see `resnet`. */
export function resnet18(options: Omit<ResnetOptions, 'depth'> = {}): Model {
  return resnet({ ...options, depth: 18 })
}

function basicBlock(network: Network, path: string, x: Value, channels: number, stride: number): Value {
  let y = network.conv(`${path}.conv1`, x, channels, { kernel: 3, stride, padding: 1, bias: false })
  y = network.activation(`${path}.relu1`, network.batchNorm(`${path}.bn1`, y))
  y = network.conv(`${path}.conv2`, y, channels, { kernel: 3, padding: 1, bias: false })
  y = network.batchNorm(`${path}.bn2`, y)
  return joined(network, path, x, y, stride, 2)
}

/** The last convolution has four times as many channels. */
function bottleneckBlock(network: Network, path: string, x: Value, channels: number, stride: number): Value {
  let y = network.conv(`${path}.conv1`, x, channels, { kernel: 1, bias: false })
  y = network.activation(`${path}.relu1`, network.batchNorm(`${path}.bn1`, y))
  y = network.conv(`${path}.conv2`, y, channels, { kernel: 3, stride, padding: 1, bias: false })
  y = network.activation(`${path}.relu2`, network.batchNorm(`${path}.bn2`, y))
  y = network.conv(`${path}.conv3`, y, 4 * channels, { kernel: 1, bias: false })
  y = network.batchNorm(`${path}.bn3`, y)
  return joined(network, path, x, y, stride, 3)
}

/** The block's end: the input, brought to the same shape where that is needed, is added. */
function joined(network: Network, path: string, x: Value, y: Value, stride: number, activation: number): Value {
  let shortcut = x
  if (stride !== 1 || x.size(1) !== y.size(1)) {
    shortcut = network.conv(`${path}.downsample.0`, x, y.size(1), { kernel: 1, stride, bias: false })
    shortcut = network.batchNorm(`${path}.downsample.1`, shortcut)
  }
  return network.activation(`${path}.relu${activation}`, network.op(`${path}.add`, 'Add', [y, shortcut]))
}
