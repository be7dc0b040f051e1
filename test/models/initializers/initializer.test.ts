import { describe, expect, it } from 'vitest'
import { generatorOf } from '../../../src/cob/stream.js'
import { ModelError } from '../../../src/graph/model.js'
import { sizeOf } from '../../../src/graph/tensor.js'
import { drawOf, fansOf, gainOf, type Initializer } from '../../../src/models/initializers/initializer.js'
import { expectMoments } from './moments.js'

function drawn(initializer: Initializer, dims: readonly number[], seed = 1): Float32Array {
  const target = new Float32Array(sizeOf(dims))
  drawOf(initializer, dims)(generatorOf(seed, 'weight'), target)
  return target
}

const LINEAR = [300, 700]
const SMALL = [3, 7]
const CONVOLUTION = [96, 64, 5, 5]

describe('fans and gains', () => {
  it('are those of torch.nn.init', () => {
    expect(fansOf(LINEAR)).toEqual({ fanIn: 700, fanOut: 300 })
    expect(fansOf(CONVOLUTION)).toEqual({ fanIn: 1600, fanOut: 2400 })
    expect(gainOf('relu')).toBe(Math.sqrt(2))
    expect(gainOf('leakyRelu', 0.2)).toBeCloseTo(1.3867504905630728, 15)
    expect(gainOf('leakyRelu')).toBeCloseTo(1.4141428569978354, 15)
    expect(gainOf('tanh')).toBe(5 / 3)
    expect(gainOf('selu')).toBe(0.75)
    expect([gainOf('linear'), gainOf('sigmoid')]).toEqual([1, 1])
  })
})

describe('variances', () => {
  it.each(['normal', 'uniform'] as const)('of kaiming, %s', (distribution) => {
    const kaiming = { type: 'kaiming', distribution } as const
    expectMoments(drawn(kaiming, LINEAR), Math.sqrt(2 / 700), distribution)
    expectMoments(drawn(kaiming, CONVOLUTION), Math.sqrt(2 / 1600), distribution)
    expectMoments(drawn({ ...kaiming, mode: 'fanOut' }, CONVOLUTION), Math.sqrt(2 / 2400), distribution)
    expectMoments(drawn({ ...kaiming, nonlinearity: 'tanh' }, LINEAR), 5 / 3 / Math.sqrt(700), distribution)
    expectMoments(drawn({ ...kaiming, a: Math.sqrt(5) }, LINEAR), 1 / Math.sqrt(3 * 700), distribution)
  })

  it.each(['normal', 'uniform'] as const)('of xavier, %s', (distribution) => {
    const xavier = { type: 'xavier', distribution } as const
    expectMoments(drawn(xavier, LINEAR), Math.sqrt(2 / 1000), distribution)
    expectMoments(drawn({ ...xavier, gain: 1.5 }, CONVOLUTION), 1.5 * Math.sqrt(2 / 4000), distribution)
  })

  it('of gaussian', () => {
    expectMoments(drawn({ type: 'gaussian' }, LINEAR), 0.02, 'normal')
    expectMoments(drawn({ type: 'gaussian', std: 3 }, CONVOLUTION), 3, 'normal')
  })

  it('the distribution is normal unless it is chosen', () => {
    expect(drawn({ type: 'kaiming' }, SMALL)).toEqual(drawn({ type: 'kaiming', distribution: 'normal' }, SMALL))
    expect(drawn({ type: 'xavier' }, SMALL)).toEqual(drawn({ type: 'xavier', distribution: 'normal' }, SMALL))
  })
})

/** The products of a matrix's rows with each other. */
function gram(values: Float32Array, rows: number): Float64Array {
  const columns = values.length / rows
  const products = new Float64Array(rows * rows)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < rows; j++)
      for (let k = 0; k < columns; k++) products[i * rows + j]! += values[i * columns + k]! * values[j * columns + k]!
  return products
}

function transposed(values: Float32Array, rows: number): Float32Array {
  const columns = values.length / rows
  return values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!)
}

describe('orthogonal', () => {
  const cases = [
    { dims: [30, 50], gain: 1 },
    { dims: [50, 30], gain: 1 },
    { dims: [70, 70], gain: 2 },
    { dims: [8, 3, 3, 3], gain: 0.5 },
    { dims: [40, 3, 3, 3], gain: 1 },
    { dims: [1, 9], gain: 1 },
    { dims: [9, 1], gain: 1 },
  ]
  it.each(cases)('rows or columns of $dims have no part in each other, and length $gain', ({ dims, gain }) => {
    const values = drawn({ type: 'orthogonal', gain }, dims)
    const rows = dims[0]!
    const columns = values.length / rows
    const few = Math.min(rows, columns)
    const products = gram(rows <= columns ? values : transposed(values, rows), few)
    // Rounding to float32 moves a product of unit vectors by at most 2·2⁻²⁴.
    for (let i = 0; i < few; i++)
      for (let j = 0; j < few; j++)
        expect(Math.abs(products[i * few + j]! - (i === j ? gain * gain : 0))).toBeLessThan(gain * gain * 2 ** -22)
  })

  it('matrices are drawn uniformly: neither entries nor determinants prefer a sign', () => {
    const count = 4000
    const sums = [0, 0, 0, 0, 0]
    for (let seed = 0; seed < count; seed++) {
      const q = drawn({ type: 'orthogonal' }, [2, 2], seed)
      for (let i = 0; i < 4; i++) sums[i]! += q[i]!
      sums[4]! += q[0]! * q[3]! - q[1]! * q[2]!
    }
    // The entries' variance is ½, the determinant's is 1.
    sums.forEach((sum, i) => expect(Math.abs(sum)).toBeLessThan(5 * Math.sqrt(i === 4 ? count : count / 2)))
  })

  it('entries have the variance that follows from the length', () => {
    const values = drawn({ type: 'orthogonal', gain: 2 }, [60, 240])
    const squares = values.reduce((sum, value) => sum + value * value, 0)
    expect(squares / values.length).toBeCloseTo(4 / 240, 8)
    expect(Math.abs(values.reduce((sum, value) => sum + value, 0))).toBeLessThan(5 * 2 * Math.sqrt(values.length / 240))
  })
})

describe('errors', () => {
  it.each([
    [{ type: 'he' }, /initialiser 'he': expected default, kaiming, xavier, gaussian, orthogonal/],
    [{ type: 'kaiming', mode: 'fan_in' }, /mode 'fan_in': expected fanIn or fanOut/],
    [{ type: 'kaiming', nonlinearity: 'gelu' }, /nonlinearity 'gelu': expected linear, /],
    [{ type: 'kaiming', distribution: 'gaussian' }, /distribution 'gaussian': expected normal or uniform/],
    [{ type: 'kaiming', a: NaN }, /a NaN: expected a number/],
    [{ type: 'xavier', gain: 0 }, /gain 0: expected a number above 0/],
    [{ type: 'gaussian', std: -1 }, /std -1: expected a number above 0/],
    [{ type: 'orthogonal', gain: Infinity }, /gain Infinity: expected a number/],
  ])('of %j say what was expected', (initializer, message) => {
    const draw = () => drawOf(initializer as unknown as Initializer, LINEAR)
    expect(draw).toThrow(ModelError)
    expect(draw).toThrow(message)
  })
})
