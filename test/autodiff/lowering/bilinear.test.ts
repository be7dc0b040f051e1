import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Matrix,
  type Sliding,
  at,
  bilinear,
  isIdentity,
  kronecker,
  matrix,
  set,
} from '../../../src/autodiff/lowering/bilinear.js'

function times(m: Matrix, x: readonly number[]): number[] {
  return Array.from({ length: m.rows }, (_, row) =>
    x.reduce((sum, value, column) => sum + at(m, row, column) * value, 0),
  )
}

function correlation(
  { outSize, stride, dilation, padBegin, taps }: Sliding,
  x: readonly number[],
  w: readonly number[],
) {
  return Array.from({ length: outSize }, (_, o) => {
    let sum = 0
    for (let tap = 0; tap < taps; tap++) sum += (w[tap] ?? 0) * (x[o * stride + tap * dilation - padBegin] ?? 0)
    return sum
  })
}

const slidings = fc
  .record({
    size: fc.integer({ min: 1, max: 12 }),
    taps: fc.integer({ min: 1, max: 7 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    padBegin: fc.integer({ min: 0, max: 3 }),
    padEnd: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ padEnd, ...rest }) => {
    const room = rest.size + rest.padBegin + padEnd - (rest.taps - 1) * rest.dilation - 1
    return { ...rest, outSize: Math.floor(room / rest.stride) + 1 }
  })
  .filter(({ outSize }) => outSize > 0)

const small = fc.integer({ min: -8, max: 8 })

describe('a bilinear algorithm of a correlation', () => {
  it('is the correlation', () => {
    fc.assert(
      fc.property(
        slidings,
        fc.array(small, { minLength: 12, maxLength: 12 }),
        fc.array(small, { minLength: 7, maxLength: 7 }),
        (sliding, numbers, weights) => {
          const x = numbers.slice(0, sliding.size)
          const w = weights.slice(0, sliding.taps)
          const { points, tiles, input, kernel, output } = bilinear(sliding)
          const u = times(input, x)
          const g = times(kernel, w)
          expect([g.length, u.length]).toEqual([points, points * tiles])
          const products = u.map((value, i) => value * (g[Math.floor(i / tiles)] as number))
          times(output, products).forEach((y, o) => expect(y).toBeCloseTo(correlation(sliding, x, w)[o] as number, 9))
        },
      ),
      { numRuns: 500 },
    )
  })

  it.each([
    ['3 taps', { size: 8, outSize: 8, taps: 3, stride: 1, padBegin: 1 }, 6, 2],
    [
      '3 taps, two tiles of four being no better than three of two',
      { size: 6, outSize: 6, taps: 3, stride: 1, padBegin: 1 },
      4,
      3,
    ],
    ['3 taps at stride 2', { size: 8, outSize: 4, taps: 3, stride: 2, padBegin: 1 }, 5, 2],
    ['two elements between zeros', { size: 2, outSize: 2, taps: 3, stride: 1, padBegin: 1 }, 3, 1],
    ['one element between zeros', { size: 1, outSize: 1, taps: 3, stride: 1, padBegin: 1 }, 1, 1],
    ['7 taps at stride 2', { size: 32, outSize: 16, taps: 7, stride: 2, padBegin: 3 }, 7, 16],
  ])('needs few products: %s', (_, sliding, points, tiles) => {
    expect(bilinear({ dilation: 1, ...sliding })).toMatchObject({ points, tiles })
  })
})

describe('a Kronecker product', () => {
  it('with rows in order of points, then tiles, is a permutation of the plain one', () => {
    const a = matrix(4, 2)
    const b = matrix(6, 3)
    a.values.forEach((_, i) => (a.values[i] = i + 1))
    b.values.forEach((_, i) => (b.values[i] = i - 7))
    const plain = kronecker(a, b)
    const tiled = kronecker(a, b, { rows: [2, 3] })
    for (let i = 0; i < 4; i++)
      for (let j = 0; j < 6; j++)
        for (let column = 0; column < 6; column++) {
          const point = Math.floor(i / 2) * 2 + Math.floor(j / 3)
          const row = (point * 2 + (i % 2)) * 3 + (j % 3)
          expect(at(tiled, row, column)).toBe(at(plain, i * 6 + j, column))
        }
  })

  it('of identities is one', () => {
    const one = matrix(2, 2)
    set(one, 0, 0, 1)
    set(one, 1, 1, 1)
    expect(isIdentity(kronecker(one, one))).toBe(true)
  })
})
