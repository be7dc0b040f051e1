import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AttributeValue } from '../../support/plain-graph.js'
import { gradients } from '../../../src/autodiff/gradients.js'
import { runAt } from '../../support/gradient-check.js'
import { float, Network } from '../network.js'
import { awayFromKinks, check, gradientsOfSum, runs } from './elementwise-check.js'

interface Activation {
  readonly opType: string
  readonly attributes?: readonly Readonly<Record<string, AttributeValue>>[]
  /** Where it is looked at; default −4.3 to 4.3. */
  readonly domain?: readonly [number, number]
  /** ONNX Runtime has no kernel in double precision. */
  readonly single?: true
  readonly opset?: number
}

const NONE = {}

const ACTIVATIONS: readonly Activation[] = [
  { opType: 'Relu' },
  { opType: 'LeakyRelu', attributes: [NONE, { alpha: 0.25 }, { alpha: -0.5 }, { alpha: float(2) }] },
  { opType: 'Elu', attributes: [NONE, { alpha: 0.75 }, { alpha: float(2) }, { alpha: -0.5 }] },
  { opType: 'Selu', attributes: [NONE, { alpha: 0.75, gamma: 1.25 }] },
  { opType: 'Celu', attributes: [NONE, { alpha: 0.75 }, { alpha: float(2) }, { alpha: -1.5 }], single: true },
  { opType: 'ThresholdedRelu', attributes: [NONE, { alpha: 0.5 }, { alpha: -0.5 }] },
  { opType: 'Sigmoid' },
  { opType: 'HardSigmoid', attributes: [NONE, { alpha: 0.25, beta: 0.25 }] },
  { opType: 'HardSwish' },
  { opType: 'Swish', attributes: [NONE, { alpha: 1.5 }], opset: 24 },
  { opType: 'Tanh' },
  { opType: 'Softplus' },
  { opType: 'Softsign' },
  { opType: 'Gelu', attributes: [NONE, { approximate: 'tanh' }], single: true, opset: 20 },
  { opType: 'Mish' },
  { opType: 'Erf', single: true },
  // The kernel in double precision computes in single precision.
  { opType: 'Shrink', attributes: [NONE, { lambd: float(1), bias: 0.25 }], single: true },
  { opType: 'Abs' },
  { opType: 'Exp' },
  { opType: 'Log', domain: [0.3, 4] },
  { opType: 'Sin' },
  { opType: 'Cos' },
  { opType: 'Tan', domain: [-1.2, 1.2], single: true },
  { opType: 'Asin', domain: [-0.9, 0.9], single: true },
  { opType: 'Acos', domain: [-0.9, 0.9], single: true },
  { opType: 'Atan', single: true },
  { opType: 'Sinh', domain: [-2.3, 2.3], single: true },
  { opType: 'Cosh', domain: [-2.3, 2.3], single: true },
  { opType: 'Asinh', single: true },
  { opType: 'Acosh', domain: [1.3, 4], single: true },
  { opType: 'Atanh', domain: [-0.9, 0.9], single: true },
  { opType: 'Sqrt', domain: [0.3, 4] },
  { opType: 'Reciprocal', domain: [0.3, 4] },
  { opType: 'Neg' },
  { opType: 'Sign' },
  { opType: 'Round', domain: [0.05, 0.45] },
  { opType: 'Floor' },
  { opType: 'Ceil' },
]

function example({ opType, domain = [-4.3, 4.3], opset = 18 }: Activation, dims: readonly number[], seed: number) {
  return { opType, inputs: [{ dims, values: awayFromKinks(dims, seed, ...domain) }], opset }
}

describe('gradients of activations', () => {
  for (const activation of ACTIVATIONS)
    for (const attributes of activation.attributes ?? [NONE]) {
      const name = [
        activation.opType,
        ...Object.entries(attributes).map(([key, value]) => `${key} ${JSON.stringify(value)}`),
      ]
      const one = { ...example(activation, [3, 4], 1), attributes }
      it(`${name.join(' ')} agrees with central differences, twice`, async () => {
        await check(one, 'float32')
        if (activation.single !== true) await check(one, 'float64')
      })
    }

  it('hold for all shapes and places', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ACTIVATIONS),
        fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
        fc.integer({ min: 0, max: 1e6 }),
        fc.nat(),
        async (activation, dims, seed, choice) => {
          const choices = activation.attributes ?? [NONE]
          const attributes = choices[choice % choices.length] ?? NONE
          const single = activation.single === true
          // In single precision several elements, so that their gradient is not small beside the rounding.
          const shape = single ? [5, ...dims] : dims
          await check({ ...example(activation, shape, seed), attributes }, single ? 'float32' : 'float64')
        },
      ),
      runs(40),
    )
  })
})

describe('kinks', () => {
  const at = async (opType: string, values: readonly number[], attributes = {}) =>
    (await gradientsOfSum({ opType, inputs: [{ dims: [values.length], values }], attributes }))[0]

  it('are resolved as PyTorch does', async () => {
    expect(await at('Relu', [-1, 0, -0, 1])).toEqual([0, 0, 0, 1])
    expect(await at('LeakyRelu', [-1, 0, 1], { alpha: 0.25 })).toEqual([0.25, 0.25, 1])
    expect(await at('Elu', [0, 1])).toEqual([1, 1])
    expect(await at('Elu', [0, 1], { alpha: 0.5 })).toEqual([0.5, 1])
    expect(await at('Celu', [0, 1], { alpha: 0.5 })).toEqual([1, 1])
    expect(await at('Abs', [-2, 0, 2])).toEqual([-1, 0, 1])
    expect(await at('ThresholdedRelu', [0.5, 1, 1.5])).toEqual([0, 0, 1])
    expect(await at('HardSigmoid', [-2, 0, 2], { alpha: 0.25, beta: 0.5 })).toEqual([0, 0.25, 0])
    expect(await at('Shrink', [-0.5, 0, 0.5, 0.75])).toEqual([0, 0, 0, 1])
    expect(await at('Softsign', [0])).toEqual([1])
  })

  it('and far outside nothing overflows', async () => {
    expect(await at('Softplus', [-200, 200])).toEqual([0, 1])
    expect(await at('Sigmoid', [-200, 200])).toEqual([0, 0])
    expect(await at('Tanh', [-200, 200])).toEqual([0, 0])
    expect(await at('Mish', [-200, 200])).toEqual([0, 1])
    expect(await at('Elu', [-200, 200])).toEqual([0, 1])
    expect(await at('Selu', [-200])).toEqual([0])
  })
})

describe('PRelu', () => {
  for (const slope of [[], [1], [4], [3, 1], [3, 4], [2, 3, 4]])
    it(`with a slope of shape [${slope.join(', ')}]`, async () => {
      const dims = [2, 3, 4]
      const inputs = [
        { dims, values: awayFromKinks(dims, 3, -2.4, 2.4) },
        { dims: slope, values: awayFromKinks(slope, 4, 0, 0.9) },
      ]
      await check({ opType: 'PRelu', inputs })
      await check({ opType: 'PRelu', inputs }, 'float32')
    })

  it('takes the slope at 0, as PyTorch does', async () => {
    const inputs = [
      { dims: [3], values: [-2, 0, 2] },
      { dims: [], values: [0.25] },
    ]
    expect(await gradientsOfSum({ opType: 'PRelu', inputs })).toEqual([[0.25, 0.25, 1], [-2]])
  })
})

describe('Clip', () => {
  const x = { dims: [2, 3], values: [-2.4, -0.6, 0.2, 0.7, 1.3, 3.1] }
  const bound = (value: number) => ({ dims: [], values: [value] })
  const bounds = [
    [bound(-1), bound(1)],
    [undefined, bound(1)],
    [bound(-1)],
    [],
    [bound(1), bound(-1)],
    [bound(0), bound(0)],
  ]

  for (const given of bounds)
    it(`between bounds ${given.map((b) => b?.values[0] ?? 'none').join(' and ')}`, async () => {
      const ordered = given.length === 2 && given[0]?.values[0] === given[1]?.values[0]
      const constants = Object.fromEntries(
        given.flatMap((b, i) => (b === undefined ? [] : [[i + 1, { ...b, dtype: 'float64' as const }]])),
      )
      // The bounds as constants, then as values that are differentiated by (where equal, they have no derivative).
      await check({ opType: 'Clip', inputs: [x, ...given], constants })
      if (!ordered) await check({ opType: 'Clip', inputs: [x, ...given] })
      if (!ordered) await check({ opType: 'Clip', inputs: [x, ...given] }, 'float32')
    })

  it('passes the gradient at its bounds, as PyTorch does', async () => {
    const inputs = [{ dims: [5], values: [-2, -1, 0, 1, 2] }, bound(-1), bound(1)]
    expect(await gradientsOfSum({ opType: 'Clip', inputs })).toEqual([[0, 1, 1, 1, 0], [1], [1]])
    const constants = {
      1: { ...bound(-1), dtype: 'float32' as const },
      2: { ...bound(1), dtype: 'float32' as const },
    }
    expect(await gradientsOfSum({ opType: 'Clip', inputs, constants })).toEqual([[0, 1, 1, 1, 0]])
  })
})

describe('Relu', () => {
  it('lets nothing pass at zero and below, not even what is infinite, as PyTorch', async () => {
    const net = new Network()
    const x = net.input([3], 'float64')
    const total = net.op('ReduceSum', [net.op('Sqrt', [net.op('Relu', [x])])], { keepdims: 0 })
    const { model, gradients: names } = gradients(net.output(total).model(), {
      of: total,
      wrt: [x],
      keepOutputs: false,
    })
    const found = await runAt(model, new Map([[x, { dims: [3], data: Float64Array.of(-1, 0, 4) }]]))
    expect([...found.get(names.get(x)!)!.data]).toEqual([0, 0, 0.25])
  })
})
