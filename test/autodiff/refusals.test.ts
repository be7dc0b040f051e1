import { describe, expect, it } from 'vitest'
import { gradients } from '../../src/autodiff/gradients.js'
import { type Model, ModelError } from '../../src/graph/model.js'
import { tensorOf } from '../../src/graph/tensor.js'
import { graphOf } from '../support/plain-graph.js'
import { placeOf, runtimeEvaluator } from '../support/derivative-check.js'
import type { AttributeValue } from '../support/plain-graph.js'
import { Network } from '../ops/network.js'

/** The message with which the gradient of Σ op(x) by x is refused. */
function refusal(opType: string, attributes: Record<string, AttributeValue>, dims: readonly number[]): string {
  const net = new Network()
  const x = net.input(dims)
  const total = net.op('ReduceSum', [net.op(opType, [x], attributes)], { keepdims: 0 })
  try {
    gradients(net.output(total).model(), { of: total, wrt: [x] })
  } catch (error) {
    if (error instanceof ModelError) return error.message
    throw error
  }
  return ''
}

describe('models that no machine could run', () => {
  it.each([
    ['LRN', { size: 5 }, [1, 100_000, 2, 2], /LRN.*at most 4096 channels, got 100000/],
    ['AveragePool', { kernel_shape: [3] }, [1, 1, 1e9], /AveragePool.*999999998 windows/],
    ['AveragePool', { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }, [1, 1, 60_000, 60_000], /3600000000 windows/],
    ['AveragePool', { kernel_shape: [100_000, 100_000] }, [1, 1, 100_000, 100_000], /10000000000 windows/],
    ['MaxPool', { kernel_shape: [1e8], dilations: [2] }, [1, 1, 1e9], /MaxPool.*windows/],
  ] as const)('are refused before their constants are made: %s %o', (opType, attributes, dims, message) => {
    expect(refusal(opType, attributes, dims)).toMatch(message)
  })
})

describe('what cannot be differentiated', () => {
  it('is a value of whole numbers', () => {
    const net = new Network()
    const x = net.input([3], 'int64')
    const total = net.op('ReduceSum', [net.op('Cast', [x], { to: 1 })], { keepdims: 0 })
    const model = net.output(total).model()
    expect(() => gradients(model, { of: total, wrt: [x] })).toThrow(/'input_0' is of type int64; only floats/)
  })

  it('is said in one line whatever the names are', () => {
    const node = {
      name: 'bn',
      opType: 'BatchNormalization',
      domain: '',
      inputs: ['x', 'g', 'g', 'g', 'g'],
      outputs: ['y', 'mean\nof all', 'variance'],
      attributes: new Map([['training_mode', { type: 'int', value: 1 } as const]]),
    }
    const sum = { name: 'sum', opType: 'ReduceSum', domain: '', inputs: ['mean\nof all'], outputs: ['L'] }
    const model: Model = {
      irVersion: 8,
      opsets: new Map([['', 18]]),
      graph: graphOf({
        name: 'g',
        nodes: [node, { ...sum, attributes: new Map([['keepdims', { type: 'int', value: 0 } as const]]) }],
        inputs: [{ name: 'x', dtype: 'float32', shape: [2, 3] }],
        outputs: [{ name: 'L' }],
        initializers: new Map([['g', tensorOf('g', 'float32', [3], [1, 1, 1])]]),
      }),
      functions: [],
    }
    expect(() => gradients(model, { of: 'L', wrt: ['x'] })).toThrow(/^[^\n]*'mean\?of all' \(statistics\)[^\n]*$/)
  })
})

describe('shapes', () => {
  it('of a sum over everything are known whatever the rank', () => {
    const net = new Network()
    const [x, w] = [net.input([3]), net.input([3])]
    net.inputs[0] = { name: x, dtype: 'float32' }
    const sums = [x, w].map((name) => net.op('ReduceSum', [net.op('Relu', [name])], { keepdims: 0 }))
    const total = net.op('Add', sums)
    expect(gradients(net.output(total).model(), { of: total, wrt: [w] }).gradients.get(w)).toBe(`grad/${w}`)
    expect(() => gradients(net.model(), { of: total, wrt: [x] })).toThrow(
      /^ReduceSum 'ReduceSum node 1': .*rank is not known/,
    )
  })
})

describe('halves', () => {
  it('of overlapping windows are added up, which ONNX Runtime cannot', async () => {
    const net = new Network()
    const x = net.input([1, 1, 5], 'float16')
    const y = net.op('MaxPool', [x], { kernel_shape: [3], strides: [1] })
    const total = net.op('ReduceSum', [net.op('Gather', [y, net.integers([0, 1, 1])], { axis: 2 })], { keepdims: 0 })
    net.output(total)
    const derived = gradients(
      { ...net.model(), graph: { ...net.graph(), outputs: [{ name: total }] } },
      { of: total, wrt: [x] },
    )
    const evaluator = await runtimeEvaluator(derived.model)
    const place = placeOf(net.model()).set(x, { dims: [1, 1, 5], data: Float64Array.of(1, 2, 5, 3, 4) })
    const found = await evaluator.run(place, [derived.gradients.get(x) as string])
    await evaluator.release()
    expect([...(found.get(`grad/${x}`)?.data ?? [])]).toEqual([0, 0, 3, 0, 0])
  })
})
