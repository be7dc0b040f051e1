import { describe, expect, it } from 'vitest'
import { NETWORKS, networkNamed, networkOf } from '../../src/experiments/networks.js'
import { configSchema } from '../../src/runs/config-schema.js'
import { weightsOf } from '../../src/teleport/distance.js'
import { sizeOf } from '../../src/graph/tensor.js'

const weightCount = (label: string) =>
  [...weightsOf(networkOf(label)).values()].reduce((sum, { dims }) => sum + sizeOf(dims), 0)

describe('networks by label', () => {
  it.each([
    ['MLP 5×500', 'MLP', { name: 'mlp', hidden: [500, 500, 500, 500, 500] }],
    ['MLP 1×128', 'MLP', { name: 'mlp', hidden: [128] }],
    ['VGG-16', 'VGG', { name: 'vgg16' }],
    ['VGG-16-bn', 'VGG', { name: 'vgg16_bn' }],
    ['VGG-11-bn, width 1/8', 'VGG', { name: 'vgg11_bn', width: 8, hidden: 512 }],
    ['ResNet-18', 'ResNet', { name: 'resnet18' }],
    ['ResNet-10, width 1/4', 'ResNet', { name: 'resnet18', blocks: [1, 1, 1, 1], width: 16 }],
    ['DenseNet-121', 'DenseNet', { name: 'densenet121' }],
    ['DenseNet-121, width 1/4', 'DenseNet', { name: 'densenet121', width: 16, growthRate: 8 }],
    [
      'DenseNet 2-2-2-2, width 1/4',
      'DenseNet',
      { name: 'densenet121', blocks: [2, 2, 2, 2], width: 16, growthRate: 8 },
    ],
  ])('%s', (label, family, model) => {
    expect(networkNamed(label)).toEqual({ label, family, model })
  })

  it('are the four families at both scales, with models that a run accepts', () => {
    for (const labels of Object.values(NETWORKS)) {
      expect(labels.map((label) => networkNamed(label).family)).toEqual(['MLP', 'VGG', 'ResNet', 'DenseNet'])
      for (const label of labels) expect(configSchema.shape.model.parse(networkNamed(label).model)).toBeDefined()
    }
  })

  it('have the sizes that their papers give', () => {
    expect(weightCount('MLP 5×500')).toBe(3072 * 500 + 500 + 4 * (500 * 500 + 500) + 5010)
    // torchvision's 11,689,512 with 1000 classes and a 7×7 stem: 10 classes and 3×3 here.
    expect(weightCount('ResNet-18')).toBe(11_689_512 - 990 * 513 - 64 * 3 * (49 - 9))
    expect(weightCount('ResNet-10, width 1/4')).toBeLessThan(weightCount('ResNet-18') / 16)
  })

  it('take seed, classes and initialiser', () => {
    const [a, b, c] = [1, 1, 2].map((seed) => networkOf('MLP 1×8', { seed, classes: 100, initialize: 'xavier' }))
    const bytes = (model: typeof a) => model?.graph.initializers.get('1.weight')?.data.read(0, 64)
    expect(a?.graph.initializers.get('3.weight')?.dims).toEqual([100, 8])
    expect(bytes(a)).toEqual(bytes(b))
    expect(bytes(a)).not.toEqual(bytes(c))
  })

  it.each([
    'VGG',
    'VGG-12',
    'MLP 5x500',
    'MLP 5×500, width 1/2',
    'ResNet-18, width 1/0',
    'ResNet-18, width 1/3',
    'DenseNet 2-0',
    'LeNet',
  ])('refuses %s', (label) => {
    expect(() => networkNamed(label)).toThrow(/network '/)
  })
})
