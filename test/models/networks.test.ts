import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Model } from '../../src/graph/model.js'
import { bytesOf } from '../../src/graph/tensor.js'
import { ACTIVATIONS } from '../../src/models/options.js'
import { MODEL_NAMES, type ModelOptions, modelOf } from '../../src/models/registry.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { reportOf } from '../../src/quiver/report.js'
import { loadModel, saveModel } from '../../src/runtime/node/load.js'
import { expectMoments } from './initializers/moments.js'
import { logitsOf } from './formula.js'

const folder = mkdtempSync(path.join(tmpdir(), 'teleport-models-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Narrow networks of all families. */
const NARROW: [string, ModelOptions][] = [
  ['mlp', { hidden: [20, 10] }],
  ['mlp', { hidden: [20, 10], batchNorm: true }],
  ['vgg11', { width: 4, hidden: 64 }],
  ['vgg16_bn', { width: 4, hidden: 64 }],
  ['resnet18', { width: 4 }],
  ['resnet50', { width: 4, stem: 'imagenet' }],
  ['densenet121', { width: 8, growthRate: 4 }],
]

function weight(model: Model, name: string): Float32Array {
  const bytes = bytesOf(model.graph.initializers.get(name)!)
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
}

/** Comparing digests is faster than comparing arrays element by element. */
function digest(model: Model, name: string): string {
  return createHash('sha256')
    .update(bytesOf(model.graph.initializers.get(name)!))
    .digest('hex')
}

function digests(model: Model): [name: string, digest: string][] {
  return [...model.graph.initializers.keys()].map((name) => [name, digest(model, name)])
}

describe('graphs', () => {
  it.each(NARROW)('%s %j is the same when it is saved and loaded, for any batch', async (name, options) => {
    const model = modelOf(name, options)
    expect([model.irVersion, model.opsets.get('')]).toEqual([8, 18])
    expect(model.graph.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['N', 3, 32, 32] }])
    expect(model.graph.outputs).toEqual([{ name: 'logits', dtype: 'float32', shape: ['N', 10] }])
    const file = path.join(folder, `${name}.onnx`)
    await saveModel(model, file, { force: true })
    const loaded = await loadModel(file)
    expect(digests(loaded)).toEqual(digests(model))
    const three = await logitsOf(loaded, [3, 32, 32], 3)
    expect(three).toEqual(await logitsOf(model, [3, 32, 32], 3))
    expect(three).toHaveLength(30)
    expect(three.every(Number.isFinite)).toBe(true)
    const one = await logitsOf(model, [3, 32, 32], 1)
    one.forEach((logit, i) => expect(Math.abs(logit - three[i]!)).toBeLessThan(1e-5 * Math.max(...three.map(Math.abs))))
  })

  it.each(NARROW)('%s %j can be teleported everywhere', (name, options) => {
    const report = reportOf(quiverOf(modelOf(name, options), { scope: 'weights' }))
    expect(report).toMatchObject({ coverage: 1, pinned: 0, outputs: 10 })
    expect(report.neurons).toBeGreaterThan(20)
  })

  it.each(ACTIVATIONS)('all families take the activation %s', async (activation) => {
    for (const [name, options] of NARROW) {
      const model = modelOf(name, { ...options, activation })
      const opType = { relu: 'Relu', leakyRelu: 'LeakyRelu', tanh: 'Tanh', elu: 'Elu', sigmoid: 'Sigmoid' }[activation]
      const counted = (type: string) => model.graph.nodes.filter((node) => node.opType === type).length
      const relus = modelOf(name, options).graph.nodes.filter((node) => node.opType === 'Relu').length
      expect(counted(opType)).toBe(relus)
      expect((await logitsOf(model, [3, 32, 32], 1)).every(Number.isFinite)).toBe(true)
    }
  })

  it('nodes and values are named by the path of the module', () => {
    const { nodes } = modelOf('resnet18', { width: 4 }).graph
    expect(nodes.map(({ name }) => name)).toEqual(nodes.map(({ outputs }) => outputs[0]))
    expect(nodes.find(({ opType }) => opType === 'Add')?.inputs).toEqual(['layer1.0.bn2', 'maxpool'])
    const names = modelOf('vgg11', { width: 4, hidden: 64 }).graph.nodes.map(({ name }) => name)
    expect(names.filter((name) => name.startsWith('classifier'))).toEqual([
      'classifier.0',
      'classifier.1',
      'classifier.2',
      'classifier.3',
      'classifier.4',
      'classifier.5',
    ])
    expect(names.at(-1)).toBe('logits')
  })

  it('dropout is in VGG, unless its probability is 0', () => {
    const dropouts = (options: ModelOptions) =>
      modelOf('vgg11', { width: 4, hidden: 64, ...options }).graph.nodes.filter(({ opType }) => opType === 'Dropout')
    expect(dropouts({})).toHaveLength(2)
    expect(dropouts({ dropout: 0 })).toEqual([])
    expect(() => dropouts({ dropout: 1 })).toThrow(/vgg11: dropout 1: expected a probability/)
  })
})

describe('weights', () => {
  it.each(MODEL_NAMES)('of %s are drawn only when they are read', (name) => {
    const start = process.memoryUsage().arrayBuffers
    modelOf(name)
    expect(process.memoryUsage().arrayBuffers - start).toBeLessThan(2 ** 20)
  })

  it.each(NARROW)('of %s %j are the same for a seed, and all others for another', (name, options) => {
    const model = modelOf(name, { ...options, seed: 5 })
    expect(digests(modelOf(name, { ...options, seed: 5 }))).toEqual(digests(model))
    const other = modelOf(name, { ...options, seed: 6 })
    for (const { name: parameter, dims } of model.graph.initializers.values())
      if (dims.length > 1) expect(digest(other, parameter)).not.toBe(digest(model, parameter))
  })

  it('of layers of one shape differ', () => {
    const model = modelOf('resnet18', { width: 4 })
    expect(digest(model, 'layer1.0.conv1.weight')).not.toBe(digest(model, 'layer1.0.conv2.weight'))
  })

  it('do not depend on what other layers there are', () => {
    const small = modelOf('resnet18', { width: 4, blocks: [1, 1] })
    const large = modelOf('resnet18', { width: 4, blocks: [3, 2, 1] })
    for (const name of ['conv1.weight', 'layer1.0.conv2.weight', 'layer2.0.downsample.0.weight'])
      expect(digest(large, name)).toBe(digest(small, name))
  })

  it('can be read in pieces', () => {
    const { data } = modelOf('mlp', { hidden: [20] }).graph.initializers.get('1.weight')!
    const piece = Buffer.from(data.read(400, 80))
    const again = modelOf('mlp', { hidden: [20] }).graph.initializers.get('1.weight')!
    expect(piece).toEqual(Buffer.from(bytesOf(again).subarray(400, 480)))
  })
})

describe('the default initialisation', () => {
  it("of an MLP is torch.nn.Linear's", () => {
    const model = modelOf('mlp')
    expectMoments(weight(model, '1.weight'), 1 / Math.sqrt(3 * 3072), 'uniform')
    expectMoments(weight(model, '1.bias'), 1 / Math.sqrt(3 * 3072), 'uniform')
    expectMoments(weight(model, '5.weight'), 1 / Math.sqrt(3 * 500), 'uniform')
    expectMoments(weight(model, '5.bias'), 1 / Math.sqrt(3 * 500), 'uniform')
  })

  it("of a VGG is torchvision's", () => {
    const model = modelOf('vgg11_bn', { hidden: 256 })
    expectMoments(weight(model, 'features.4.weight'), Math.sqrt(2 / (128 * 9)), 'normal')
    expectMoments(weight(model, 'classifier.3.weight'), 0.01, 'normal')
    for (const name of ['features.4.bias', 'features.5.bias', 'features.5.running_mean', 'classifier.3.bias'])
      expect(new Set(weight(model, name))).toEqual(new Set([0]))
    for (const name of ['features.5.weight', 'features.5.running_var'])
      expect(new Set(weight(model, name))).toEqual(new Set([1]))
  })

  it("of a ResNet is torchvision's", () => {
    const model = modelOf('resnet18')
    expectMoments(weight(model, 'layer2.0.conv1.weight'), Math.sqrt(2 / (128 * 9)), 'normal')
    expectMoments(weight(model, 'fc.weight'), 1 / Math.sqrt(3 * 512), 'uniform')
    expect(weight(model, 'fc.bias').every((bias) => bias !== 0 && Math.abs(bias) <= 1 / Math.sqrt(512))).toBe(true)
  })

  it("of a DenseNet is torchvision's", () => {
    const model = modelOf('densenet121')
    expectMoments(weight(model, 'features.denseblock1.denselayer1.conv2.weight'), Math.sqrt(2 / (128 * 9)), 'normal')
    expectMoments(weight(model, 'features.conv0.weight'), Math.sqrt(2 / (3 * 49)), 'normal')
    expectMoments(weight(model, 'classifier.weight'), 1 / Math.sqrt(3 * 1024), 'uniform')
    expect(new Set(weight(model, 'classifier.bias'))).toEqual(new Set([0]))
  })
})

describe('another initialisation', () => {
  it('draws all layers, with biases 0, and leaves normalisations alone', () => {
    const model = modelOf('vgg11_bn', { width: 16, hidden: 128, initialize: { type: 'gaussian', std: 0.3 } })
    for (const { name, dims } of model.graph.initializers.values()) {
      if (dims.length > 1) expectMoments(weight(model, name), 0.3, 'normal')
      else {
        const constant = name.endsWith('running_var') || name.endsWith('.weight') ? 1 : 0
        expect([name, new Set(weight(model, name))]).toEqual([name, new Set([constant])])
      }
    }
  })

  it('may be given by its name alone', () => {
    const names = { kaiming: 2 / 3072, xavier: 2 / (3072 + 60), gaussian: 0.02 ** 2, orthogonal: 1 / 3072 }
    for (const [type, variance] of Object.entries(names)) {
      const values = weight(modelOf('mlp', { hidden: [60], initialize: type as 'xavier' }), '1.weight')
      expectMoments(values, Math.sqrt(variance), 'normal')
    }
  })
})
