import { describe, expect, it } from 'vitest'
import { ModelError } from '../../src/graph/model.js'
import { densenet } from '../../src/models/densenet.js'
import { mlp } from '../../src/models/mlp.js'
import { MODEL_NAMES, type ModelOptions, modelOf } from '../../src/models/registry.js'
import { resnet } from '../../src/models/resnet.js'
import { vgg } from '../../src/models/vgg.js'

describe('models by name', () => {
  it.each(MODEL_NAMES)('%s is named so', (name) => {
    expect(modelOf(name).graph.name).toBe(name)
  })

  it.each([
    ['lenet', {}, /there is no model 'lenet': expected one of mlp, vgg11, .*vgg19_bn, resnet18, .*densenet169$/],
    ['toString', {}, /there is no model 'toString'/],
    ['resnet18', { hidden: [3] }, /resnet18: there is no option 'hidden': expected one of inputShape, classes, .*stem/],
    ['mlp', { width: 3 }, /mlp: there is no option 'width'/],
    ['vgg16_bn', { batchNorm: false }, /vgg16_bn: there is no option 'batchNorm'/],
    ['mlp', { hidden: [3, 0] }, /mlp: hidden\[1\] 0: expected a whole number from 1 on/],
    ['mlp', { hidden: 3 }, /mlp: hidden 3: expected a list of sizes/],
    ['vgg11', { hidden: [3] }, /vgg11: hidden 3: expected a whole number from 1 on/],
    ['mlp', { inputShape: [] }, /mlp: inputShape is empty: expected a list of sizes such as \[3, 32, 32\]/],
    ['vgg11', { inputShape: [3072] }, /vgg11: inputShape \[3072\]: expected \[channels, height, width\]/],
    [
      'vgg11',
      { inputShape: [3, 16, 32] },
      /vgg11: inputShape \[3, 16, 32\] is too small: nothing is left .* at 'features.20'/,
    ],
    ['densenet121', { inputShape: [3, 8, 8] }, /densenet121: inputShape \[3, 8, 8\] is too small/],
    ['resnet34', { classes: 2.5 }, /resnet34: classes 2.5: expected a whole number/],
    ['resnet34', { seed: 0.5 }, /resnet34: seed 0.5: expected a whole number/],
    ['resnet34', { stem: 'none' }, /resnet34: stem 'none': expected one of imagenet, cifar/],
    ['resnet34', { blocks: [2, -1] }, /resnet34: blocks\[1\] -1/],
    ['mlp', { activation: 'gelu' }, /mlp: activation 'gelu': expected one of relu, leakyRelu, tanh, elu, sigmoid/],
    [
      'mlp',
      { initialize: 'he' },
      /mlp: initialize 'he': expected one of default, kaiming, xavier, gaussian, orthogonal/,
    ],
    ['mlp', { initialize: { type: 'he' } }, /'he': expected default, kaiming/],
  ])('%s %j is refused with what was expected', (name, options, message) => {
    const build = () => modelOf(name, options as unknown as ModelOptions)
    expect(build).toThrow(ModelError)
    expect(build).toThrow(message)
  })

  it('depths that there are not are refused', () => {
    expect(() => vgg({ depth: 12 as 11 })).toThrow(/vgg: depth '12': expected one of 11, 13, 16, 19/)
    expect(() => resnet({ depth: 101 as 18 })).toThrow(/resnet: depth '101': expected one of 18, 34, 50/)
    expect(() => densenet({ depth: 201 as 121 })).toThrow(/densenet: depth '201': expected one of 121, 169/)
    expect(mlp({ hidden: [] }).graph.initializers.size).toBe(2)
  })

  it('the stem follows from the size of the images', () => {
    const kernel = (options: ModelOptions) =>
      modelOf('resnet18', options).graph.initializers.get('conv1.weight')?.dims[2]
    expect(kernel({ inputShape: [3, 64, 64] })).toBe(3)
    expect(kernel({ inputShape: [3, 224, 65] })).toBe(7)
    expect(kernel({ inputShape: [3, 224, 224], stem: 'cifar' })).toBe(3)
  })
})
