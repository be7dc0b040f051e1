import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gradients } from '../../../src/autodiff/gradients.js'
import type { DType } from '../../../src/graph/dtype.js'
import type { Model } from '../../../src/graph/model.js'
import { Continuation } from '../../../src/shapes/build.js'
import { valuesOf } from '../../../src/shapes/infer.js'
import { checkForward } from '../../support/forward-check.js'
import { normalAt, seedOf } from '../../support/draw.js'
import { checkGradients, runAt } from '../../support/gradient-check.js'
import type { AttributeValue } from '../../support/plain-graph.js'
import { float, Network } from '../network.js'

const RUNS = Number(process.env['RUNS'] ?? 15)

interface Layer {
  readonly opType: string
  readonly dims: readonly number[]
  /** Shapes of γ, β. */
  readonly parameters?: readonly (readonly number[])[]
  readonly attributes?: Record<string, AttributeValue>
  readonly dtype?: DType
  readonly opset?: number
  readonly outputs?: number
}

function layer({ opType, dims, parameters = [], attributes = {}, dtype = 'float32', opset = 18, outputs = 1 }: Layer) {
  const net = new Network(opset)
  const inputs = [net.input(dims, dtype), ...parameters.map((shape, i) => net.weight(shape, 1 - i, dtype))]
  return net.output(...net.node(opType, inputs, attributes, outputs)).model()
}

function batch(dims: readonly number[], training: boolean, dtype: DType = 'float64', used = [0]) {
  const net = new Network(18)
  const channels = dims[1] as number
  const parameters = [1, 0, 0].map((center) => net.weight([channels], center, dtype))
  const variances = Array.from({ length: channels }, (_, i) => 0.5 + i)
  const inputs = [net.input(dims, dtype), ...parameters, net.constant([channels], variances, dtype)]
  const attributes = { epsilon: 0.01, training_mode: Number(training) }
  const outputs = net.node('BatchNormalization', inputs, attributes, training ? 3 : 1)
  return net.output(...used.map((i) => outputs[i] as string)).model()
}

async function checkBoth(model: Model): Promise<void> {
  await checkForward(model)
  await checkGradients(model)
}

describe('BatchNormalization', () => {
  for (const dims of [
    [4, 2],
    [3, 2, 3],
    [2, 3, 2, 2],
    [2, 1, 2, 2, 2],
  ])
    for (const training of [false, true])
      it(`of rank ${dims.length}, ${training ? 'batch statistics' : 'inference'}`, async () => {
        await checkGradients(batch(dims, training))
        await checkBoth(batch(dims, training, 'float32'))
      })

  it('of any shapes', async () => {
    const dims = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(dims, fc.boolean(), (sizes, training) => checkGradients(batch(sizes, training))),
      { numRuns: RUNS },
    )
  })

  it('reduces all of its input four times, and works on all of it seven times', () => {
    const model = batch([4, 2, 3, 3], true, 'float32')
    const continuation = new Continuation(model, '')
    const dy = continuation.builder.input('dy', 'float32', [4, 2, 3, 3])
    const y = continuation.value(model.graph.outputs[0]?.name ?? '')
    continuation.builder.output(y.mul(dy).sum(undefined, false), 'L')
    const wrt = [...model.graph.inputs.map(({ name }) => name), ...[...model.graph.initializers.keys()].slice(0, 2)]
    const derived = gradients(continuation.finish(), { of: 'L', wrt }).model
    const values = valuesOf(derived)
    const whole = (name: string) =>
      values.find(name)?.facts.shape?.length === 4 && values.find(name)?.facts.shape?.[0] === 4
    const nodes = derived.graph.nodes.slice(3).filter(({ inputs }) => inputs.some(whole))
    const reductions = nodes.filter(({ opType }) => opType.startsWith('Reduce'))
    expect(reductions).toHaveLength(4)
    // One more is the product with dy, and one the output.
    expect(nodes.length - reductions.length - 2).toBe(7)
  })

  it('lets no gradient through its running statistics', () => {
    const model = batch([4, 2], true, 'float32', [0, 1])
    const sum = { name: 'sum', opType: 'ReduceSum', domain: '', inputs: [model.graph.outputs[1]?.name ?? ''] }
    const node = { ...sum, outputs: ['L'], attributes: new Map([['keepdims', { type: 'int', value: 0 } as const]]) }
    const graph = { ...model.graph, nodes: [...model.graph.nodes, node], outputs: [{ name: 'L' }] }
    const x = model.graph.inputs[0]?.name ?? ''
    expect(() => gradients({ ...model, graph }, { of: 'L', wrt: [x] })).toThrow(
      /BatchNormalization.*no gradient passes through its output/,
    )
  })

  it('of a batch whose size is a name', () => {
    const model = batch([4, 2, 3], true, 'float32')
    const x = model.graph.inputs[0]?.name ?? ''
    const y = model.graph.outputs[0]?.name ?? ''
    const sum = { name: 'sum', opType: 'ReduceSum', domain: '', inputs: [y], outputs: ['L'] }
    const node = { ...sum, attributes: new Map([['keepdims', { type: 'int', value: 0 } as const]]) }
    const graph = {
      ...model.graph,
      inputs: [{ name: x, dtype: 'float32' as const, shape: ['N', 2, 'L'] }],
      nodes: [...model.graph.nodes, node],
      outputs: [{ name: 'L' }],
    }
    const { model: derived, gradients: names } = gradients({ ...model, graph }, { of: 'L', wrt: [x] })
    const output = derived.graph.outputs.find(({ name }) => name === names.get(x))
    expect(output?.shape).toEqual(['N', 2, 'L'])
  })
})

describe('LayerNormalization', () => {
  for (const axis of [0, 1, 2, -1, -2])
    it(`axis ${axis}, with and without a bias, with its statistics`, async () => {
      const dims = [2, 3, 4]
      const shape = dims.slice(axis)
      for (const parameters of [[shape], [shape, shape], [[4], shape], [[4], [1]]])
        for (const outputs of [1, 3]) {
          const of = { opType: 'LayerNormalization', dims, parameters, attributes: { axis, epsilon: 0.01 }, outputs }
          await checkBoth(layer(of))
          if (outputs === 1) await checkGradients(layer({ ...of, dtype: 'float64' }))
        }
    })
})

describe('normalizations of halves', () => {
  const dims = [2, 4, 6]
  const of: readonly Layer[] = [
    { opType: 'LayerNormalization', dims, parameters: [[6], [6]] },
    { opType: 'GroupNormalization', dims, parameters: [[4], [4]], attributes: { num_groups: 2 }, opset: 21 },
  ]
  for (const each of of)
    it(each.opType, async () => {
      const found = await Promise.all(
        (['float16', 'float32'] as const).map(async (dtype) => {
          const model = layer({ ...each, dtype })
          const continuation = new Continuation(model, '')
          const y = continuation.value(model.graph.outputs[0]?.name ?? '')
          const single = y.cast('float32')
          continuation.builder.output(single.mul(single).mul(single).sum(undefined, false), 'L')
          const finished = continuation.finish()
          const wrt = [...model.graph.inputs.map(({ name }) => name), ...model.graph.initializers.keys()]
          const outputs = finished.graph.outputs.filter(({ name }) => name === 'L')
          const { model: derived, gradients: names } = gradients(
            { ...finished, graph: { ...finished.graph, outputs } },
            { of: 'L', wrt },
          )
          for (const { name, dtype: own } of derived.graph.outputs) if (name !== 'L') expect(own).toBe(dtype)
          const x = wrt[0] as string
          const data = Float64Array.from({ length: 48 }, (_, i) => normalAt(seedOf(x), i))
          const values = await runAt(derived, new Map([[x, { dims, data }]]))
          return wrt.map((name) => values.get(names.get(name) as string)?.data)
        }),
      )
      const [half, single] = found
      single?.forEach((gradient, i) => {
        const greatest = Math.max(...(gradient ?? []).map(Math.abs))
        gradient?.forEach((value, k) => expect(Math.abs(value - (half?.[i]?.[k] ?? NaN))).toBeLessThan(0.01 * greatest))
      })
    })
})

describe('RMSNormalization', () => {
  for (const axis of [0, 1, -1])
    it(`axis ${axis}`, async () => {
      const dims = [2, 3, 4]
      const of = { opType: 'RMSNormalization', dims, attributes: { axis, epsilon: 0.01 }, opset: 23 }
      await checkGradients(layer({ ...of, parameters: [dims.slice(axis)], dtype: 'float64' }))
      await checkBoth(layer({ ...of, parameters: [dims.slice(axis)] }))
    })
})

describe('InstanceNormalization', () => {
  for (const dims of [
    [2, 3, 4],
    [1, 2, 3, 2],
    [2, 2, 2, 2, 2],
  ])
    it(`of rank ${dims.length}`, async () => {
      const channels = dims.slice(1, 2)
      const attributes = { epsilon: 0.01 }
      await checkBoth(layer({ opType: 'InstanceNormalization', dims, parameters: [channels, channels], attributes }))
    })
})

describe('GroupNormalization', () => {
  for (const opset of [18, 21])
    for (const groups of [1, 2, 4])
      it(`opset ${opset}, 4 channels in ${groups} groups`, async () => {
        for (const dims of [
          [2, 4, 3],
          [2, 4, 2, 3],
        ]) {
          const shape = [opset === 18 ? groups : 4]
          const attributes = { num_groups: groups, epsilon: 0.01 }
          const of = { opType: 'GroupNormalization', dims, parameters: [shape, shape], attributes, opset }
          // From opset 21 on ONNX Runtime takes the statistics of doubles, too, in single precision.
          if (opset === 18) await checkGradients(layer({ ...of, dtype: 'float64' }))
          await checkBoth(layer(of))
        }
      })
})

describe('LpNormalization', () => {
  for (const p of [1, 2])
    for (const axis of [-1, 0, 1])
      it(`p ${p}, axis ${axis}`, async () => {
        const of = { opType: 'LpNormalization', dims: [2, 3, 4], attributes: { p, axis } }
        await checkGradients(layer({ ...of, dtype: 'float64' }))
        await checkBoth(layer(of))
      })
})

describe('LRN', () => {
  // ONNX Runtime refuses even sizes.
  for (const size of [1, 3, 5, 9])
    it(`over ${size} channels`, async () => {
      const attributes = { size, alpha: 0.5, beta: 0.6, bias: float(2) }
      await checkBoth(layer({ opType: 'LRN', dims: [2, 5, 2, 3], attributes }))
    })
})

describe('MeanVarianceNormalization', () => {
  for (const axes of [undefined, [1], [2, 3], [0, 1, 2, 3], [-1]])
    it(axes === undefined ? 'over its default axes' : `over axes ${axes.join(', ')}`, async () => {
      await checkBoth(
        layer({ opType: 'MeanVarianceNormalization', dims: [2, 3, 3, 4], attributes: { ...(axes && { axes }) } }),
      )
    })
})
