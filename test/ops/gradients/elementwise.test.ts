import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { broadcastDims } from '../../support/reference/basics.js'
import { awayFromKinks, check, type Example, gradientsOfSum, runs } from './elementwise-check.js'

/** Shapes that are broadcast together. */
const PAIRS = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[3], [2, 3]],
  [[2, 3], []],
  [
    [2, 1],
    [1, 3],
  ],
  [[], []],
] as const

function binary(
  opType: string,
  [a, b]: readonly (readonly number[])[],
  first: readonly [number, number],
  second: readonly [number, number],
  seed = 0,
): Example {
  const input = (dims: readonly number[] = [], at: number, domain: readonly [number, number]) => ({
    dims,
    values: awayFromKinks(dims, seed + at, ...domain),
  })
  return { opType, inputs: [input(a, 1, first), input(b, 2, second)] }
}

describe('gradients of products and quotients', () => {
  for (const [a, b] of PAIRS)
    it(`of shapes [${a.join(', ')}] and [${b.join(', ')}]`, async () => {
      for (const dtype of ['float64', 'float32'] as const) {
        await check(binary('Mul', [a, b], [-2, 2], [-2, 2]), dtype)
        await check(binary('Div', [a, b], [-2, 2], [0.4, 2]), dtype)
        await check(binary('Pow', [a, b], [0.4, 2], [-2, 2]), dtype)
      }
    })

  it('hold for all shapes', async () => {
    const shape = fc.array(fc.constantFrom(1, 2, 3), { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('Mul', 'Div', 'Pow'),
        shape,
        fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
        fc.nat({ max: 3 }),
        fc.boolean(),
        fc.nat({ max: 1e6 }),
        async (opType, dims, narrow, rank, exchanged, seed) => {
          const other = dims.map((dim, axis) => (narrow[axis] ? 1 : dim)).slice(Math.max(0, dims.length - rank))
          expect(broadcastDims(dims, other)).toEqual(dims)
          await check(binary(opType, exchanged ? [other, dims] : [dims, other], [0.8, 2.4], [0.8, 2.4], seed))
        },
      ),
      runs(30),
    )
  })

  it('of a value by itself', async () => {
    const x = { dims: [3], values: [-1.2, 0.4, 2.3] }
    expect(await gradientsOfSum({ opType: 'Mul', inputs: [x, x] }, 'float64')).toEqual([x.values, x.values])
  })
})

describe('Pow', () => {
  const base = { dims: [2, 3], values: [-2.3, -1.1, -0.3, 0.4, 1.2, 2.1] }
  const positive = { dims: [2, 3], values: [0.3, 0.7, 1.1, 1.4, 1.7, 2.1] }

  for (const exponent of [-2, -1, 0, 1, 2, 3, 4])
    for (const dtype of ['float64', 'float32', 'int64', 'int32'] as const)
      it(`of bases of both signs, constant exponent ${exponent} of type ${dtype}`, async () => {
        const one = { dims: [], values: [exponent] }
        const example = { opType: 'Pow', inputs: [base, one], constants: { 1: { ...one, dtype } } }
        await check(example)
        await check(example, 'float32')
      })

  for (const exponent of [0.5, -0.5, 1.5, -1.25])
    it(`of positive bases, constant exponent ${exponent}`, async () => {
      const one = { dims: [], values: [exponent] }
      await check({ opType: 'Pow', inputs: [positive, one], constants: { 1: { ...one, dtype: 'float64' } } })
    })

  it('of constant exponents that differ, of another type', async () => {
    for (const dtype of ['int64', 'float32'] as const) {
      const exponents = { dims: [3], values: [0, 1, 3] }
      await check({ opType: 'Pow', inputs: [base, exponents], constants: { 1: { ...exponents, dtype } } })
    }
  })

  it('of a constant base', async () => {
    const exponents = { dims: [3], values: [-1.2, 0.5, 2] }
    await check({ opType: 'Pow', inputs: [positive, exponents], constants: { 0: { ...positive, dtype: 'float64' } } })
  })

  it('at 0 is what PyTorch gives, without NaN', async () => {
    const zeros = (values: readonly number[]) => ({ dims: [values.length], values })
    for (const [exponent, slope] of [
      [0, 0],
      [1, 1],
      [2, 0],
      [3, 0],
    ] as const) {
      const constant = { dims: [], values: [exponent], dtype: 'float32' as const }
      const [of] = await gradientsOfSum({ opType: 'Pow', inputs: [zeros([0]), constant], constants: { 1: constant } })
      expect(of, `exponent ${exponent}`).toEqual([slope])
    }
    const several = { dims: [4], values: [0, 1, 2, 3], dtype: 'float32' as const }
    const inputs = [zeros([0, 0, 0, 0]), several]
    expect(await gradientsOfSum({ opType: 'Pow', inputs, constants: { 1: several } })).toEqual([[0, 1, 0, 0]])
    // torch.pow(torch.zeros(4), torch.arange(4.)) differentiated by both.
    expect(await gradientsOfSum({ opType: 'Pow', inputs })).toEqual([
      [0, 1, 0, 0],
      [0, 0, 0, 0],
    ])
    // Below 0 the logarithm is not defined, and the derivative by the exponent neither.
    const below = await gradientsOfSum({ opType: 'Pow', inputs: [zeros([-2]), zeros([2])] })
    expect(below).toEqual([[-4], [NaN]])
  })
})

describe('Mod', () => {
  it('is a less a whole number of b', async () => {
    for (const [a, b] of PAIRS) {
      const example = { ...binary('Mod', [a, b], [-4.1, 4.1], [0.6, 1.4]), attributes: { fmod: 1 } }
      await check(example)
      await check(example, 'float32')
    }
  })
})

describe('roots and reciprocals', () => {
  it('are as steep at 0 as in PyTorch', async () => {
    const at = async (opType: string, value: number) =>
      (await gradientsOfSum({ opType, inputs: [{ dims: [], values: [value] }] }))[0]?.[0]
    expect(await at('Sqrt', 0)).toBe(Infinity)
    expect(await at('Reciprocal', 0)).toBe(-Infinity)
    expect(await at('Reciprocal', -2)).toBe(-0.25)
  })
})
