import type { Initializer } from './initializers/initializer.js'
import { MODEL_NAMES, type ModelName, type ModelOptions } from './registry.js'

/** What `default` and the initialisers begin with. */
const INITIALIZERS: Readonly<Record<Initializer['type'], Initializer>> = {
  kaiming: { type: 'kaiming', distribution: 'normal', mode: 'fanIn', nonlinearity: 'leakyRelu', a: 0 },
  xavier: { type: 'xavier', distribution: 'normal', gain: 1 },
  gaussian: { type: 'gaussian', std: 0.02 },
  orthogonal: { type: 'orthogonal', gain: 1 },
}

const VGG = { width: 64, hidden: 4096, dropout: 0.5 }
const RESNET = { width: 64, stem: 'cifar' } as const
const DENSENET = { width: 64, growthRate: 32, bottleneck: 4 }

const OPTIONS: Readonly<Record<ModelName, ModelOptions>> = {
  mlp: { hidden: [500, 500, 500, 500, 500], batchNorm: false },
  vgg11: VGG,
  vgg13: VGG,
  vgg16: VGG,
  vgg19: VGG,
  vgg11_bn: VGG,
  vgg13_bn: VGG,
  vgg16_bn: VGG,
  vgg19_bn: VGG,
  resnet18: { ...RESNET, blocks: [2, 2, 2, 2] },
  resnet34: { ...RESNET, blocks: [3, 4, 6, 3] },
  resnet50: { ...RESNET, blocks: [3, 4, 6, 3] },
  densenet121: { ...DENSENET, blocks: [6, 12, 24, 16] },
  densenet169: { ...DENSENET, blocks: [6, 12, 32, 32] },
}

/**
 * A network's options with all defaults spelt out: two spellings of one network are the same then. Nothing is checked: `modelOf` does that.
 * @param options those that are given, `seed`, `inputShape` and `classes` among them
 */
export function settledOptions(name: string, options: ModelOptions): ModelOptions {
  const own: ModelOptions = (MODEL_NAMES as readonly string[]).includes(name) ? OPTIONS[name as ModelName] : {}
  const [, height = 0, width = 0] = options.inputShape ?? [3, 32, 32]
  const { initialize = 'default', ...others } = options
  return {
    activation: 'relu',
    inputShape: [3, 32, 32],
    classes: 10,
    seed: 0,
    ...own,
    ...(own.stem !== undefined && Math.min(height, width) > 64 && { stem: 'imagenet' }),
    ...others,
    initialize: initialize === 'default' ? initialize : settledInitializer(initialize),
  }
}

function settledInitializer(initialize: Initializer | Initializer['type']): Initializer {
  const given = typeof initialize === 'string' ? { type: initialize } : initialize
  return { ...INITIALIZERS[given.type], ...given }
}
