import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gradients } from '../../../src/autodiff/gradients.js'
import { slidingSizes, windowOf } from '../../../src/ops/windows.js'
import type { DType } from '../../../src/graph/dtype.js'
import type { Model, ValueInfo } from '../../../src/graph/model.js'
import { Continuation } from '../../../src/shapes/build.js'
import { checkForward } from '../../support/forward-check.js'
import { checkGradients, runAt } from '../../support/gradient-check.js'
import { type AttributeValue, attributeOf } from '../../support/plain-graph.js'
import { Network } from '../network.js'

const RUNS = Number(process.env['RUNS'] ?? 25)

type Attributes = Readonly<Record<string, AttributeValue>>

function pool(opType: string, dims: readonly number[], attributes: Attributes, dtype: DType = 'float32', opset = 18) {
  const net = new Network(opset)
  return net.output(net.op(opType, [net.input(dims, dtype)], attributes)).model()
}

async function checkBoth(model: Model): Promise<void> {
  await checkForward(model)
  await checkGradients(model)
}

const windows: readonly (readonly [readonly number[], Attributes])[] = [
  [[2, 2, 4, 6], { kernel_shape: [2, 2], strides: [2, 2] }],
  [[1, 2, 5, 7], { kernel_shape: [2, 3], strides: [2, 3] }],
  [[2, 1, 5, 6], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
  [[1, 2, 5, 6], { kernel_shape: [3, 2], strides: [1, 2], pads: [0, 1, 2, 0] }],
  [[1, 2, 6, 7], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }],
  [[1, 1, 6, 7], { kernel_shape: [3, 3], strides: [3, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }],
  [[1, 2, 5, 6], { kernel_shape: [1, 1], strides: [2, 3] }],
  [[1, 2, 5, 6], { kernel_shape: [3, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' }],
  [[1, 2, 5, 6], { kernel_shape: [3, 2], strides: [2, 1], auto_pad: 'SAME_LOWER' }],
  [[1, 2, 5, 6], { kernel_shape: [3, 2], strides: [2, 2], auto_pad: 'VALID' }],
  [[2, 2, 9], { kernel_shape: [3], strides: [2], pads: [1, 1] }],
  [[1, 2, 4, 3, 5], { kernel_shape: [2, 2, 2], strides: [2, 1, 2], pads: [0, 1, 0, 1, 0, 1] }],
]

const dilated: readonly (readonly [readonly number[], Attributes])[] = [
  [[1, 2, 7, 8], { kernel_shape: [3, 2], dilations: [2, 3] }],
  [[1, 2, 7, 8], { kernel_shape: [3, 2], dilations: [2, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }],
  [[1, 2, 8], { kernel_shape: [2], dilations: [3], strides: [2], pads: [1, 1] }],
  [[1, 1, 5, 5, 5], { kernel_shape: [2, 2, 2], dilations: [2, 1, 3], strides: [2, 2, 2] }],
]

const named = (attributes: Attributes) => JSON.stringify(attributes)

/** Windows of all kinds that ONNX allows over inputs of any size. */
const anyWindow = fc
  .integer({ min: 1, max: 3 })
  .chain((rank) => {
    const each = (min: number, max: number) => fc.array(fc.integer({ min, max }), { minLength: rank, maxLength: rank })
    return fc.record({
      spatial: each(1, rank === 3 ? 5 : 7),
      kernel: each(1, 3),
      strides: each(1, 3),
      dilations: each(1, 2),
      before: each(0, 2),
      after: each(0, 2),
      autoPad: fc.constantFrom('NOTSET', 'NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'),
      ceil: fc.boolean(),
      include: fc.boolean(),
    })
  })
  .map(({ spatial, kernel, strides, dilations, before, after, autoPad, ceil, include }) => {
    // Padding has to be smaller than the window.
    const less = (pads: number[]) => pads.map((count, axis) => Math.min(count, (kernel[axis] as number) - 1))
    const attributes: Attributes = {
      kernel_shape: kernel,
      strides,
      dilations: autoPad.startsWith('SAME') ? dilations.map(() => 1) : dilations,
      ...(autoPad === 'NOTSET' ? { pads: [...less(before), ...less(after)] } : { auto_pad: autoPad }),
      ...(autoPad === 'NOTSET' && ceil && { ceil_mode: 1 }),
    }
    return { dims: [1, 2, ...spatial], attributes, include }
  })
  .filter(({ dims, attributes }) => {
    const given = new Map(Object.entries(attributes).map(([name, value]) => [name, attributeOf(value)]))
    const node = { name: '', opType: 'MaxPool', domain: '', inputs: [], outputs: [], attributes: given }
    const window = windowOf(node, [])
    const sizes = slidingSizes(dims.slice(2), window) as number[]
    return sizes.every((count, axis) => {
      const at = (list: readonly unknown[]) => list[axis] as number
      const size = dims[axis + 2] as number
      const reach = (at(window.kernel) - 1) * at(window.dilations) + 1
      // With windows smaller than the stride ONNX Runtime pads less than nothing (refused, see below).
      if (window.autoPad.startsWith('SAME')) return (count - 1) * at(window.strides) + reach >= size
      // Windows that see nothing but padding are refused too.
      if (at(window.dilations) > size) return false
      // ONNX Runtime's shape inference forgets that a window which would start behind the data is left out, and then it fails.
      const room = size + (window.autoPad === 'VALID' ? 0 : at(window.pads)) - reach
      return count > 0 && (!window.ceilMode || count === Math.ceil(room / at(window.strides)) + 1)
    })
  })

/** The model with the sum of its output. */
function scalar(model: Model): Model {
  const continuation = new Continuation(model, '')
  const y = continuation.value(model.graph.outputs[0]?.name ?? '')
  continuation.builder.output(y.sum(undefined, false), 'sum')
  return continuation.finish()
}

const of = (model: Model) => ({ of: 'sum', wrt: [model.graph.inputs[0]?.name ?? ''] })

/** ∂(Σ y)/∂x at a place. */
async function gradientAt(model: Model, data: readonly number[]): Promise<number[]> {
  const { name: x, shape = [] } = model.graph.inputs[0] as ValueInfo
  const { model: derived, gradients: names } = gradients(scalar(model), of(model))
  const at = new Map([[x, { dims: shape.map(Number), data: Float64Array.from(data) }]])
  return [...((await runAt(derived, at)).get(names.get(x) as string)?.data ?? [])]
}

describe('MaxPool', () => {
  it('gives the gradient of equal elements to the first, row by row', async () => {
    const model = pool('MaxPool', [1, 1, 3, 3], { kernel_shape: [2, 2] })
    expect(await gradientAt(model, [1, 1, 1, 1, 1, 1, 1, 1, 1])).toEqual([1, 1, 0, 1, 1, 0, 0, 0, 0])
    expect(await gradientAt(model, [0, 0, 0, 0, 5, 0, 0, 0, 0])).toEqual([0, 0, 0, 0, 4, 0, 0, 0, 0])
    const padded = pool('MaxPool', [1, 1, 2, 2], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] })
    expect(await gradientAt(padded, [-1, -1, -1, -1])).toEqual([1, 0, 0, 0])
  })

  it('refuses windows over nothing but padding', () => {
    const model = pool('MaxPool', [1, 1, 1], { kernel_shape: [2], dilations: [2], pads: [1, 1] })
    expect(() => gradients(scalar(model), of(model))).toThrow(
      /MaxPool 'MaxPool node 0': some of its windows see nothing/,
    )
  })

  it('refuses dilations under auto_pad', () => {
    for (const opType of ['MaxPool', 'LpPool', 'AveragePool']) {
      const model = pool(opType, [1, 1, 5], { kernel_shape: [2], dilations: [2], auto_pad: 'SAME_UPPER' })
      expect(() => gradients(scalar(model), of(model))).toThrow(/disagree on the output's size/)
    }
    const model = pool('AveragePool', [1, 1, 3], { kernel_shape: [1], strides: [3], auto_pad: 'SAME_UPPER' })
    expect(() => gradients(scalar(model), of(model))).toThrow(/strides larger than the windows/)
  })

  for (const [dims, attributes] of [...windows, ...dilated])
    it(named(attributes), async () => {
      await checkGradients(pool('MaxPool', dims, attributes, 'float64'))
      await checkBoth(pool('MaxPool', dims, attributes))
      await checkGradients(pool('MaxPool', dims, { ...attributes, storage_order: 1 }, 'float64'))
    })

  it('of any windows', async () => {
    await fc.assert(
      fc.asyncProperty(anyWindow, ({ dims, attributes }) =>
        checkGradients(pool('MaxPool', dims, attributes, 'float64')),
      ),
      { numRuns: RUNS },
    )
  })
})

describe('AveragePool', () => {
  for (const [dims, attributes] of windows)
    it(named(attributes), async () => {
      for (const count_include_pad of [0, 1])
        for (const opset of [18, 19])
          await checkBoth(pool('AveragePool', dims, { ...attributes, count_include_pad }, 'float32', opset))
    })

  for (const [dims, attributes] of dilated)
    it(named(attributes), async () => {
      for (const count_include_pad of [0, 1])
        await checkBoth(pool('AveragePool', dims, { ...attributes, count_include_pad }, 'float32', 19))
    })

  it('of any windows', async () => {
    await fc.assert(
      fc.asyncProperty(anyWindow, ({ dims, attributes, include }) =>
        checkBoth(pool('AveragePool', dims, { ...attributes, count_include_pad: Number(include) }, 'float32', 19)),
      ),
      { numRuns: RUNS },
    )
  })
})

describe('LpPool', () => {
  // A norm of one element is its absolute value, whose second derivative is rounding noise.
  const norms = [...windows, ...dilated].filter(([, { kernel_shape }]) => !isDeepStrictEqual(kernel_shape, [1, 1]))
  for (const [dims, attributes] of norms)
    it(named(attributes), async () => {
      for (const p of [1, 2, 3]) await checkBoth(pool('LpPool', dims, { ...attributes, p }))
    })

  it('has gradient 0 where all that a window sees is 0', async () => {
    for (const p of [1, 2, 3]) {
      const found = await gradientAt(pool('LpPool', [1, 1, 4], { kernel_shape: [2], strides: [2], p }), [0, 0, 3, 0])
      expect(found).toEqual([0, 0, 1, 0])
    }
  })
})

describe('MaxUnpool', () => {
  for (const shape of [undefined, [1, 2, 6, 7]])
    it(shape === undefined ? 'behind a MaxPool' : 'to a given shape', async () => {
      const net = new Network(18)
      const attributes = { kernel_shape: [2, 2], strides: [2, 2] }
      const x = net.input([1, 2, 4, 6])
      const [y, indices] = net.node('MaxPool', [x], attributes, 2) as [string, string]
      const inputs = [y, indices, ...(shape ? [net.integers(shape)] : [])]
      await checkBoth(net.output(net.op('MaxUnpool', inputs, attributes)).model())
    })
})

describe('global pools', () => {
  it('give the gradient of equal elements to the first', async () => {
    expect(await gradientAt(pool('GlobalMaxPool', [1, 2, 3], {}), [1, 2, 2, 3, 0, 3])).toEqual([0, 1, 0, 1, 0, 0])
  })

  for (const dims of [
    [2, 3, 4],
    [2, 2, 3, 4],
    [1, 2, 2, 3, 2],
  ])
    it(`of rank ${dims.length}`, async () => {
      await checkBoth(pool('GlobalAveragePool', dims, {}))
      await checkBoth(pool('GlobalMaxPool', dims, {}))
      for (const p of [1, 2, 3]) await checkBoth(pool('GlobalLpPool', dims, { p }))
    })
})
