import { describe, expect, it } from 'vitest'
import { upgraded } from '../../src/autodiff/upgrade.js'
import type { DType } from '../../src/graph/dtype.js'
import type { Model } from '../../src/graph/model.js'
import { modelBytes } from '../../src/onnx/write.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import type { HostTensor } from '../../src/runtime/session.js'
import { float, Network, numbersIn, run } from '../ops/network.js'
import { attributeOf, graphOf } from '../support/plain-graph.js'
import { feedsOf, loadSkeleton, SKELETONS } from '../support/skeleton.js'

type Attributes = Parameters<Network['op']>[2]

/** Both compute, and the same; returns the new one. */
async function expectSame(model: Model): Promise<Model> {
  const renewed = upgraded(model)
  expect(renewed.opsets.get('')).toBe(18)
  const [before, after] = [await run(model), await run(renewed)]
  expect([...after.keys()]).toEqual([...before.keys()])
  for (const [name, tensor] of before) {
    expect(after.get(name)?.dims).toEqual(tensor.dims)
    expect(numbersIn(after.get(name) as HostTensor)).toEqual(numbersIn(tensor))
  }
  return renewed
}

function typed(net: Network, dtype?: DType): Model {
  const model = net.model()
  const outputs = model.graph.outputs.map(({ name }) => ({ name, ...(dtype && { dtype }) }))
  return { ...model, irVersion: net.opset < 9 ? 3 : 7, graph: { ...model.graph, outputs } }
}

/** One node over an input. */
function single(
  opset: number,
  opType: string,
  shape: readonly number[],
  attributes: Attributes = {},
  others: (net: Network) => readonly string[] = () => [],
  outputs = 1,
): Model {
  const net = new Network(opset)
  const x = net.input(shape)
  const model = typed(net.output(...net.node(opType, [x, ...others(net)], attributes, outputs)))
  // Before version 4 of the format initializers are inputs as well.
  const { initializers, inputs } = model.graph
  if (model.irVersion >= 4) return model
  const constants = [...initializers.values()].map(({ name, dtype, dims }) => ({ name, dtype, shape: dims }))
  return { ...model, graph: { ...model.graph, inputs: [...inputs, ...constants] } }
}

const REDUCTIONS = ['L1', 'L2', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'Sum', 'SumSquare']

describe('upgraded', () => {
  it.each([7, 11, 12])('Squeeze, Unsqueeze of opset %i', async (opset) => {
    await expectSame(single(opset, 'Squeeze', [1, 2, 1, 3], { axes: [0, 2] }))
    await expectSame(single(opset, 'Squeeze', [1, 2, 1, 3]))
    await expectSame(single(opset, 'Unsqueeze', [2, 3], { axes: [0, 3] }))
  })

  it.each(REDUCTIONS)('Reduce%s', async (kind) => {
    for (const opset of [7, 11, 13, 17]) {
      if (kind === 'Sum' && opset >= 13) continue
      for (const attributes of [{}, { axes: [1] }, { axes: [0, 2], keepdims: 0 }])
        await expectSame(single(opset, `Reduce${kind}`, [2, 3, 4], attributes))
    }
  })

  it('ReduceLogSum', async () => {
    const net = new Network(13)
    const y = net.op('ReduceLogSum', [net.op('Abs', [net.input([2, 3])])], { axes: [1] })
    await expectSame(typed(net.output(y)))
  })

  it.each([7, 9])('Slice of opset %i', async (opset) => {
    await expectSame(single(opset, 'Slice', [4, 5], { starts: [1, -3], ends: [2 ** 63, -1], axes: [0, 1] }))
    await expectSame(single(opset, 'Slice', [4, 5], { starts: [1], ends: [1000] }))
  })

  it.each([7, 11, 13, 17])('Split of opset %i', async (opset) => {
    await expectSame(single(opset, 'Split', [2, 6], { axis: 1 }, undefined, 3))
    if (opset < 13) await expectSame(single(opset, 'Split', [2, 6], { axis: 1, split: [1, 3, 2] }, undefined, 3))
    else await expectSame(single(opset, 'Split', [2, 6], { axis: 1 }, (net) => [net.integers([1, 3, 2])], 3))
  })

  it.each([7, 10])('Pad of opset %i', async (opset) => {
    for (const mode of ['constant', 'reflect', 'edge'])
      await expectSame(single(opset, 'Pad', [3, 4], { pads: [1, 0, 2, 1], mode }))
    await expectSame(single(opset, 'Pad', [3, 4], { pads: [1, 0, 0, -1], value: 2.5 }))
  })

  it.each([7, 10])('Clip of opset %i', async (opset) => {
    for (const attributes of [{}, { min: float(0) }, { max: 0.25 }, { min: -0.5, max: float(1) }])
      await expectSame(single(opset, 'Clip', [3, 4], attributes))
  })

  it.each([7, 10, 11])('Dropout of opset %i', async (opset) => {
    await expectSame(single(opset, 'Dropout', [3, 4], { ratio: 0.3 }))
    const net = new Network(opset)
    const [y] = net.node('Dropout', [net.input([3, 4])], {}, 2) as [string, string]
    await expectSame(typed(net.output(y)))
  })

  it('TopK of opset 7', async () => {
    const net = new Network(7)
    const [values, indices] = net.node('TopK', [net.input([3, 5])], { k: 2, axis: 1 }, 2) as [string, string]
    await expectSame(typed(net.output(values, net.op('Cast', [indices], { to: 1 }))))
  })

  it.each(['nearest', 'linear'])('Upsample, mode %s', async (mode) => {
    for (const scales of [
      [1, 1, 2, 3],
      [1, 1, 1.7, 2.5],
    ]) {
      await expectSame(single(7, 'Upsample', [1, 2, 3, 4], { mode, scales: { type: 'floats', value: scales } }))
      await expectSame(single(9, 'Upsample', [1, 2, 3, 4], { mode }, (net) => [net.constant([4], scales)]))
    }
  })

  it.each(['nearest', 'linear'])('Resize of opset 10, mode %s', async (mode) => {
    for (const scales of [
      [1, 1, 2, 3],
      [1, 1, 0.6, 0.8],
      [1, 1, 0.6, 1.7],
      [1, 1, 1, 0.4],
    ]) {
      await expectSame(single(10, 'Resize', [1, 2, 7, 5], { mode }, (net) => [net.constant([4], scales)]))
      await expectSame(
        // By scales that are computed.
        single(10, 'Resize', [1, 2, 7, 5], { mode }, (net) => [
          net.op('Exp', [net.op('Log', [net.constant([4], scales)])]),
        ]),
      )
    }
  })

  it.each([11, 12])('Resize of opset %i', async (opset) => {
    for (const coordinate_transformation_mode of [
      'half_pixel',
      'asymmetric',
      'align_corners',
      'pytorch_half_pixel',
      'tf_half_pixel_for_nn',
    ])
      for (const mode of ['nearest', 'linear', 'cubic']) {
        const attributes = { mode, coordinate_transformation_mode }
        const empty = (net: Network) => net.constant([0], [])
        await expectSame(
          single(opset, 'Resize', [1, 2, 3, 4], attributes, (net) => [empty(net), net.constant([4], [1, 1, 2, 1.5])]),
        )
        await expectSame(
          single(opset, 'Resize', [1, 2, 3, 4], attributes, (net) => [
            empty(net),
            empty(net),
            net.integers([1, 2, 5, 3]),
          ]),
        )
      }
    await expectSame(
      single(
        opset,
        'Resize',
        [1, 1, 5, 6],
        { mode: 'linear', coordinate_transformation_mode: 'tf_crop_and_resize' },
        (net) => [
          net.constant([8], [0, 0, 0.1, 0.2, 1, 1, 0.8, 0.9]),
          net.constant([0], []),
          net.integers([1, 1, 4, 4]),
        ],
      ),
    )
  })

  it.each(['Softmax', 'LogSoftmax', 'Hardmax'])('%s', async (opType) => {
    for (const opset of [7, 11, 12]) {
      for (const axis of [0, 1, 2]) await expectSame(single(opset, opType, [2, 3, 4], { axis }))
      await expectSame(single(opset, opType, [2, 3, 4]))
      await expectSame(single(opset, opType, [2, 3]))
      if (opset > 7) for (const axis of [-1, -2]) await expectSame(single(opset, opType, [2, 3, 4], { axis }))
    }
  })

  it('BatchNormalization of opset 7 and 9', async () => {
    const parameters = (net: Network) => [
      net.weight([3]),
      net.weight([3]),
      net.weight([3]),
      net.constant([3], [0.5, 1, 2]),
    ]
    await expectSame(single(7, 'BatchNormalization', [2, 3, 4], { spatial: 1, epsilon: 0.01 }, parameters))
    await expectSame(single(9, 'BatchNormalization', [2, 3, 4], { momentum: 0.8 }, parameters))
    expect(() => upgraded(single(7, 'BatchNormalization', [2, 3], { spatial: 0 }, parameters))).toThrow(
      /BatchNormalization '.*': spatial = 0/,
    )
    expect(() => upgraded(single(9, 'BatchNormalization', [2, 3], {}, parameters, 5))).toThrow(
      /BatchNormalization '.*': in opset 9 more than one output means training/,
    )
  })

  it('Scatter, RoiAlign', async () => {
    const places = (net: Network) => [net.constant([1, 3], [2, 0, 1], 'int64'), net.weight([1, 3])]
    await expectSame(single(9, 'Scatter', [4, 3], { axis: 0 }, places))
    const regions = (net: Network) => [
      net.constant([2, 4], [0.3, 0.6, 4.1, 5.2, 1, 1, 3, 2]),
      net.constant([2], [0, 0], 'int64'),
    ]
    for (const opset of [10, 13])
      await expectSame(
        single(opset, 'RoiAlign', [1, 2, 8, 8], { output_height: 2, output_width: 3, sampling_ratio: 2 }, regions),
      )
  })

  it('what stands inside subgraphs, where no types are known', async () => {
    const net = new Network(9)
    const x = net.input([1, 3, 1])
    const inside = (name: string, nodes: readonly [string, Attributes][]) => {
      const values = [x, ...nodes.map((_, i) => `${name}_${i}`)]
      return graphOf({
        name,
        nodes: nodes.map(([opType, attributes = {}], i) => ({
          name: '',
          opType,
          domain: '',
          inputs: [values[i] as string],
          outputs: [values[i + 1] as string],
          attributes: new Map(Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)])),
        })),
        inputs: [],
        outputs: [{ name: values.at(-1) as string, dtype: 'float32' }],
        initializers: new Map(),
        valueInfo: new Map(),
      })
    }
    const condition = net.constant([], [1], 'bool')
    const y = net.op('If', [condition], {
      then_branch: {
        type: 'graph',
        value: inside('then', [
          ['Clip', { min: -0.5, max: 0.5 }],
          ['Softmax', { axis: 1 }],
          ['Pad', { pads: [0, 1, 0, 0, -1, 0], value: 3.5 }],
          ['Squeeze', { axes: [0] }],
        ]),
      },
      else_branch: { type: 'graph', value: inside('else', [['Squeeze', { axes: [0] }]]) },
    })
    const renewed = await expectSame(typed(net.output(y)))
    const names = renewed.graph.nodes.flatMap(({ attributes }) =>
      [...attributes.values()].flatMap((attribute) =>
        attribute.type === 'graph' ? attribute.value.nodes.map(({ opType }) => opType) : [],
      ),
    )
    expect(names).toContain('CastLike')
  })

  it('refuses what has no exact form', () => {
    const message = (model: Model) => {
      try {
        upgraded(model)
      } catch (error) {
        return (error as Error).message
      }
      return ''
    }
    expect(message(single(6, 'Relu', [2]))).toMatch(/of opset 6.*from opset 7 on/)
    expect(message(single(8, 'Scan', [2]))).toMatch(/Scan '.*': its form of opset 8 has a batch axis/)
    expect(message(single(7, 'ImageScaler', [2]))).toMatch(/ImageScaler '.*': .*experimental/)
    const net = new Network(9)
    const [, mask] = net.node('Dropout', [net.input([2])], {}, 2) as [string, string]
    expect(message(typed(net.output(mask)))).toMatch(/Dropout '.*': its mask is read/)
    expect(message({ ...single(15, 'Relu', [2]), functions: ['local::f'] })).toMatch(/local::f.*inline them first/)
  })

  it('leaves models of opset 18 and later as they are', () => {
    for (const opset of [18, 19, 21]) {
      const model = single(opset, 'Relu', [2])
      expect(upgraded(model)).toBe(model)
    }
  })
})

/**
 * Whether an operator has a kernel in half precision depends, in ONNX Runtime, on its version (Resize), and so does where
 * intermediate results are rounded: these agree to a few roundings of halves, 2⁻¹¹ each.
 */
const HALF_INSIDE = new Set(['nested-u-half-inside', 'unet-bilinear-half-inside'])

describe('skeletons', () => {
  it.each(SKELETONS.filter(({ opset }) => opset < 18).map((skeleton) => [skeleton.name, skeleton] as const))(
    '%s stays the same function',
    async (name, skeleton) => {
      const model = loadSkeleton(name)
      const outputs = async (of: Model) => {
        const session = await nodeRuntime.open({ bytes: modelBytes(of) }, { threads: 1, optimization: 'none' })
        try {
          return await session.run(feedsOf(skeleton))
        } finally {
          await session.release()
        }
      }
      const before = await outputs(model)
      const after = await outputs(upgraded(model))
      for (const [output, tensor] of before) {
        expect(after.get(output)?.dims).toEqual(tensor.dims)
        const [numbers, others] = [numbersIn(tensor), numbersIn(after.get(output) as HostTensor)]
        if (!HALF_INSIDE.has(name)) expect(others).toEqual(numbers)
        const largest = Math.max(...numbers.map(Math.abs))
        const error = Math.max(...numbers.map((x, i) => Math.abs(x - (others[i] as number))))
        expect(error / largest).toBeLessThan(2 ** -8)
      }
    },
  )
})
