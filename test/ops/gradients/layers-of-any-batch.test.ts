import { describe, expect, it } from 'vitest'
import { gradients } from '../../../src/autodiff/gradients.js'
import type { Model } from '../../../src/graph/model.js'
import { runAt } from '../../support/gradient-check.js'
import { normalAt, seedOf } from '../../support/draw.js'
import type { AttributeValue } from '../../support/plain-graph.js'
import { Network } from '../network.js'

const window = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }

/** An operator, the shape of its first input without the batch, and its other inputs' shapes. */
const layers: readonly (readonly [string, Readonly<Record<string, AttributeValue>>, number[], number[][], number?])[] =
  [
    ['Gemm', { transB: 1 }, [3], [[4, 3], [4]]],
    ['Gemm', { alpha: 0.5, beta: 1.5 }, [3], [[3, 4], [1]]],
    ['MatMul', {}, [3], [[3, 4]]],
    ['MatMul', {}, [2, 3], [[3, 4]]],
    ['MatMul', {}, [2, 3], [[3]]],
    ['BatchNormalization', {}, [3, 4, 2], [[3], [3], [3], [3]]],
    ['BatchNormalization', { training_mode: 1 }, [3, 4, 2], [[3], [3], [3], [3]]],
    ['LayerNormalization', { axis: -2 }, [3, 4], [[3, 4], [4]]],
    ['LayerNormalization', {}, [4], [[4], [4]]],
    ['RMSNormalization', {}, [4], [[4]], 23],
    ['InstanceNormalization', {}, [3, 4, 2], [[3], [3]]],
    ['GroupNormalization', { num_groups: 2 }, [4, 4, 2], [[2], [2]]],
    ['GroupNormalization', { num_groups: 2 }, [4, 4, 2], [[4], [4]], 21],
    ['LpNormalization', { axis: 1 }, [3, 4], []],
    ['LRN', { size: 3 }, [4, 2, 2], []],
    ['MeanVarianceNormalization', {}, [3, 4, 2], []],
    ['MaxPool', window, [3, 5, 6], []],
    ['AveragePool', window, [3, 5, 6], []],
    ['AveragePool', { kernel_shape: [2, 2], strides: [2, 2] }, [3, 5, 6], []],
    ['LpPool', window, [3, 5, 6], []],
    ['GlobalMaxPool', {}, [3, 5, 6], []],
    ['GlobalAveragePool', {}, [3, 5, 6], []],
    ['GlobalLpPool', {}, [3, 5, 6], []],
  ]

/** Those whose spatial sizes may be names too. */
const anywhere = new Set(['GlobalMaxPool', 'GlobalAveragePool', 'GlobalLpPool', 'MaxPool', 'BatchNormalization'])

function squared(...[opType, attributes, dims, parameters, opset = 18]: (typeof layers)[number]) {
  const net = new Network(opset)
  const x = net.input([4, ...dims])
  const others = parameters.map((shape, i) => net.weight(shape, opType === 'BatchNormalization' && i === 3 ? 4 : 1))
  const training = attributes['training_mode'] === 1
  const y = net.node(opType, [x, ...others], attributes, training ? 3 : 1)[0] as string
  const sum = net.op('ReduceSum', [net.op('Mul', [y, y])], { keepdims: 0 })
  const model = net.output(sum).model()
  const outputs = model.graph.outputs.map(({ name }) => ({ name }))
  const wrt = [x, ...(training ? others.slice(0, 2) : others)]
  return { model: { ...model, graph: { ...model.graph, outputs } }, x, sum, wrt }
}

function withSizes(model: Model, shape: readonly (number | string)[]): Model {
  const inputs = model.graph.inputs.map((input) => ({ ...input, shape }))
  return { ...model, graph: { ...model.graph, inputs } }
}

describe('gradients of layers whose batch is a name', () => {
  for (const layer of layers) {
    const [opType, attributes, dims] = layer
    it(`${opType} ${JSON.stringify(attributes)}`, async () => {
      const { model, x, sum, wrt } = squared(...layer)
      const sizes = [4, ...dims]
      const data = Float64Array.from({ length: sizes.reduce((a, b) => a * b) }, (_, i) => normalAt(seedOf(x), i))
      const at = new Map([[x, { dims: sizes, data }]])
      const fixed = gradients(model, { of: sum, wrt })
      const expected = await runAt(fixed.model, at)
      const named = [['N', ...dims], ...(anywhere.has(opType) ? [['N', dims[0] as number, 'H', 'W']] : [])]
      for (const shape of named) {
        const { model: derived, gradients: names } = gradients(withSizes(model, shape), { of: sum, wrt })
        const found = await runAt(derived, at)
        for (const name of wrt) {
          const value = found.get(names.get(name) as string)
          const reference = expected.get(fixed.gradients.get(name) as string)
          expect(value?.dims).toEqual(reference?.dims)
          value?.data.forEach((element, k) => expect(element).toBeCloseTo(reference?.data[k] as number, 4))
        }
        const output = derived.graph.outputs.find(({ name }) => name === names.get(x))
        expect(output?.shape).toEqual(shape)
      }
    })
  }
})
