import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gradients } from '../../../src/autodiff/gradients.js'
import type { DType } from '../../../src/graph/dtype.js'
import { sizeOf } from '../../../src/graph/tensor.js'
import { runAt } from '../../support/gradient-check.js'
import { Network } from '../network.js'
import { awayFromKinks, check, type Example, gradientsOfSum, runs } from './elementwise-check.js'

const REDUCTIONS = [
  'ReduceSum',
  'ReduceMean',
  'ReduceMax',
  'ReduceMin',
  'ReduceL1',
  'ReduceL2',
  'ReduceSumSquare',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceProd',
]

interface Form {
  /** Absent: not given. */
  readonly axes?: readonly number[]
  readonly keepdims?: 0 | 1
  readonly noop?: 1
}

function reduction(opType: string, dims: readonly number[], { axes, keepdims, noop }: Form, seed = 1): Example {
  const domain: readonly [number, number] = [opType === 'ReduceLogSum' ? 0.1 : -2.4, 2.4]
  const given = axes && ({ dims: [axes.length], values: axes, dtype: 'int64' } as const)
  return {
    opType,
    inputs: [{ dims, values: awayFromKinks(dims, seed, ...domain) }, ...(given ? [given] : [])],
    ...(given && { constants: { 1: given } }),
    attributes: {
      ...(keepdims !== undefined && { keepdims }),
      ...(noop !== undefined && { noop_with_empty_axes: noop }),
    },
  }
}

const FORMS: readonly Form[] = [
  {},
  { keepdims: 0 },
  { axes: [1] },
  { axes: [1], keepdims: 0 },
  { axes: [-3, 2], keepdims: 1 },
  { axes: [2, 0], keepdims: 0 },
  { axes: [0, 1, 2], keepdims: 0 },
  { axes: [] },
  { axes: [], noop: 1 },
  { noop: 1, keepdims: 0 },
]

describe('gradients of reductions', () => {
  for (const opType of REDUCTIONS)
    it(`${opType}, every form of axes and keepdims`, async () => {
      for (const form of FORMS)
        for (const dtype of ['float64', 'float32'] as const) await check(reduction(opType, [2, 3, 2], form), dtype)
      await check(reduction(opType, [], {}))
    })

  it('hold for all shapes and axes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...REDUCTIONS),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
        fc.nat({ max: 15 }),
        fc.constantFrom(0, 1),
        fc.nat({ max: 1e6 }),
        async (opType, dims, chosen, keepdims, seed) => {
          const axes = [...dims.keys()].filter((axis) => (chosen >> axis) & 1)
          await check(reduction(opType, dims, { axes, keepdims, noop: 1 }, seed))
        },
      ),
      runs(40),
    )
  })
})

describe('what is special in reductions', () => {
  const of = async (opType: string, values: readonly number[]) =>
    (await gradientsOfSum({ opType, inputs: [{ dims: [values.length], values }] }))[0]

  it('equal extrema share the gradient, as in PyTorch’s amax', async () => {
    expect(await of('ReduceMax', [1, 3, 3, 2])).toEqual([0, 0.5, 0.5, 0])
    expect(await of('ReduceMin', [1, 3, 1, 1])).toEqual([1 / 3, 0, 1 / 3, 1 / 3].map(Math.fround))
  })

  it('norms have gradient 0 at 0', async () => {
    expect(await of('ReduceL1', [0, -2, 3])).toEqual([0, -1, 1])
    expect(await of('ReduceL2', [0, 0])).toEqual([0, 0])
    expect(await of('ReduceL2', [3, -4])).toEqual([0.6, -0.8].map(Math.fround))
  })

  it('a product may have factors that are 0', async () => {
    expect(await of('ReduceProd', [2, 3, 4])).toEqual([12, 8, 6])
    expect(await of('ReduceProd', [2, 0, 4])).toEqual([0, 8, 0])
    expect(await of('ReduceProd', [0, 0, 4])).toEqual([0, 0, 0])
    for (const values of [
      [2, 0, 4, -1, 0.5],
      [0, 0, 4, 1, 3],
      [0, 0, 0, 1, 2],
    ])
      await check({ opType: 'ReduceProd', inputs: [{ dims: [5], values }] })
  })

  it('a mean over a size that only the run knows', async () => {
    for (const keepdims of [0, 1]) {
      const network = new Network(18)
      const x = network.input([2, 3])
      const mean = network.op('ReduceMean', [x, network.integers([0])], { keepdims })
      const model = network.output(network.op('ReduceSum', [mean], { keepdims: 0 })).model()
      const inputs = [{ name: x, dtype: 'float32' as DType, shape: ['N', 3] }]
      const symbolic = { ...model, graph: { ...model.graph, inputs } }
      const derived = gradients(symbolic, { of: network.outputs[0] as string, wrt: [x], keepOutputs: false })
      const found = await runAt(derived.model, new Map([[x, { dims: [4, 3], data: new Float64Array(12) }]]))
      expect(found.get(derived.gradients.get(x) as string)).toEqual({
        dims: [4, 3],
        data: new Float64Array(12).fill(0.25),
      })
    }
  })

  it('axes that the model computes are refused in one line', () => {
    const network = new Network(18)
    const x = network.input([2, 3])
    const axes = network.op('Cast', [network.op('Ceil', [network.input([1])])], { to: 7 })
    const y = network.op('ReduceSum', [network.op('ReduceSum', [x, axes])], { keepdims: 0 })
    expect(() => gradients(network.output(y).model(), { of: y, wrt: [x] })).toThrow(
      /^ReduceSum 'ReduceSum node \d': its axes are computed by the model/,
    )
  })
})

describe('Softmax and LogSoftmax', () => {
  for (const opType of ['Softmax', 'LogSoftmax'])
    it(`${opType} along every axis`, async () => {
      const dims = [2, 3, 2]
      const inputs = [{ dims, values: awayFromKinks(dims, 5, -2, 2) }]
      for (const attributes of [{}, { axis: 0 }, { axis: 1 }, { axis: -1 }]) {
        await check({ opType, inputs, attributes })
        await check({ opType, inputs, attributes }, 'float32')
      }
    })

  it('do not overflow', async () => {
    const [softmax] = await gradientsOfSum({ opType: 'Softmax', inputs: [{ dims: [3], values: [1000, 0, -1000] }] })
    expect(softmax).toEqual([0, 0, 0])
    const [log] = await gradientsOfSum({ opType: 'LogSoftmax', inputs: [{ dims: [3], values: [1000, 0, -1000] }] })
    expect(log).toEqual([-2, 1, 1])
  })

  it('Hardmax is piecewise constant', async () => {
    expect(await gradientsOfSum({ opType: 'Hardmax', inputs: [{ dims: [3], values: [1, 2, 0] }] })).toEqual([[0, 0, 0]])
  })
})

describe('CumSum', () => {
  for (const axis of [0, 1, -1])
    for (const exclusive of [0, 1])
      for (const reverse of [0, 1])
        it(`along axis ${axis}, exclusive ${exclusive}, reverse ${reverse}`, async () => {
          const dims = [2, 3, 2]
          const along = { dims: [], values: [axis], dtype: 'int64' } as const
          const inputs = [{ dims, values: awayFromKinks(dims, 6, -2, 2) }, along]
          const example = { opType: 'CumSum', inputs, constants: { 1: along }, attributes: { exclusive, reverse } }
          await check(example)
          await check(example, 'float32')
        })
})

describe('TopK', () => {
  for (const axis of [0, 1, -1])
    for (const largest of [0, 1])
      it(`along axis ${axis}, ${largest ? 'the greatest' : 'the least'}`, async () => {
        const dims = [3, 2, 4]
        const k = { dims: [1], values: [2], dtype: 'int64' } as const
        const inputs = [{ dims, values: Array.from({ length: sizeOf(dims) }, (_, i) => ((i * 7) % 24) / 10 - 1) }, k]
        const example = { opType: 'TopK', inputs, constants: { 1: k }, attributes: { axis, largest }, outputs: 2 }
        await check(example)
        await check(example, 'float32')
      })
})
