import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { sizeOf } from '../../src/graph/tensor.js'
import type { Model } from '../../src/graph/model.js'
import { densenet, densenet121 } from '../../src/models/densenet.js'
import { mlp } from '../../src/models/mlp.js'
import { MODEL_NAMES, modelOf } from '../../src/models/registry.js'
import { resnet, resnet18 } from '../../src/models/resnet.js'
import { vgg } from '../../src/models/vgg.js'
import { fixturePath } from '../support/oracle.js'

/** Written by bench/peer/model_shapes.py. */
const shapes = JSON.parse(readFileSync(fixturePath('models/shapes.json'), 'utf8')) as Record<
  string,
  [name: string, dims: number[]][]
>

function shapesOf(model: Model) {
  return [...model.graph.initializers.values()].map(({ name, dims }) => [name, dims])
}

/** Running statistics are no parameters. */
function parameterCount(model: Model): number {
  return [...model.graph.initializers.values()]
    .filter(({ name }) => !name.includes('.running_'))
    .reduce((sum, { dims }) => sum + sizeOf(dims), 0)
}

describe('parameters', () => {
  it.each(MODEL_NAMES)(
    "%s has the names, shapes and order of PyTorch's state_dict, and no other initializer",
    (name) => {
      const options = name.startsWith('resnet') ? { stem: 'imagenet' as const } : {}
      expect(shapesOf(modelOf(name, options))).toEqual(shapes[name])
    },
  )

  it('of an MLP with normalisations too', () => {
    expect(shapesOf(mlp({ batchNorm: true }))).toEqual(shapes['mlp with batchNorm'])
  })

  it("of the CIFAR stem differ in the first convolution's kernel alone", () => {
    const [first, ...rest] = shapesOf(resnet18())
    expect(first).toEqual(['conv1.weight', [64, 3, 3, 3]])
    expect(rest).toEqual(shapes['resnet18']?.slice(1))
  })

  it('are as many as published', () => {
    expect(parameterCount(mlp({ hidden: [500, 500, 500, 500, 500], inputShape: [3, 32, 32] }))).toBe(2_543_510)
    expect(parameterCount(vgg({ depth: 16, batchNorm: true }))).toBe(134_309_962)
    expect(parameterCount(resnet({ depth: 18, stem: 'cifar' }))).toBe(11_173_962)
    expect(parameterCount(densenet121())).toBe(6_964_106)
    // torchvision's documentation, for 1000 classes and 224×224.
    const imagenet = { classes: 1000, inputShape: [3, 224, 224] }
    expect(parameterCount(vgg({ depth: 11, ...imagenet }))).toBe(132_863_336)
    expect(parameterCount(vgg({ depth: 19, batchNorm: true, ...imagenet }))).toBe(143_678_248)
    expect(parameterCount(resnet({ depth: 50, ...imagenet }))).toBe(25_557_032)
    expect(parameterCount(densenet({ depth: 169, ...imagenet }))).toBe(14_149_480)
  })

  it('follow from the widths', () => {
    const narrow = modelOf('resnet50', { width: 4, blocks: [1, 1], classes: 7 })
    expect(narrow.graph.initializers.get('fc.weight')?.dims).toEqual([7, 32])
    const dense = modelOf('densenet121', { width: 6, growthRate: 2, bottleneck: 3, blocks: [2, 1] })
    expect(dense.graph.initializers.get('features.denseblock1.denselayer2.conv1.weight')?.dims).toEqual([6, 8, 1, 1])
    expect(dense.graph.initializers.get('classifier.weight')?.dims).toEqual([10, 7])
    expect(modelOf('vgg11', { width: 2, hidden: 5 }).graph.initializers.get('classifier.0.weight')?.dims).toEqual([
      5, 784,
    ])
  })
})
