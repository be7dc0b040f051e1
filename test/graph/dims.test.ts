import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  add,
  broadcast,
  ceilDivide,
  type Dim,
  divide,
  floorDivide,
  isNumber,
  multiply,
  pairAxes,
  product,
  same,
  show,
  subtract,
  symbol,
} from '../../src/graph/dims.js'

const N = symbol('N')
const S = symbol('S')

/** The size of a dimension once symbols have sizes. */
function valueOf(dim: Dim, sizes: Readonly<Record<string, number>>): number {
  return isNumber(dim) ? dim : dim.symbols.reduce((n, name) => n * (sizes[name] as number), dim.coefficient)
}

const dim: fc.Arbitrary<Dim> = fc.oneof(
  fc.integer({ min: 1, max: 12 }),
  fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.array(fc.constantFrom('N', 'S', 'C'), { minLength: 1, maxLength: 3 }))
    .map(([n, names]) => names.map(symbol).reduce(multiply, n)),
)

const sizes = fc.record({ N: fc.integer({ min: 1, max: 7 }), S: fc.integer({ min: 1, max: 7 }), C: fc.constant(5) })

describe('the algebra of sizes', () => {
  test('a product is the product of the values', () => {
    fc.assert(
      fc.property(dim, dim, sizes, (a, b, at) => {
        expect(valueOf(multiply(a, b), at)).toBe(valueOf(a, at) * valueOf(b, at))
        expect(same(multiply(a, b), multiply(b, a))).toBe(true)
      }),
    )
  })

  test('division undoes multiplication, and a quotient that is given is right', () => {
    fc.assert(
      fc.property(dim, dim, sizes, (a, b, at) => {
        expect(same(divide(multiply(a, b), b) as Dim, a)).toBe(true)
        const quotient = divide(a, b)
        if (quotient !== undefined) expect(valueOf(quotient, at) * valueOf(b, at)).toBe(valueOf(a, at))
      }),
    )
  })

  test('sizes that are called the same are the same whatever the symbols are', () => {
    fc.assert(
      fc.property(dim, dim, sizes, (a, b, at) => {
        if (same(a, b)) expect(valueOf(a, at)).toBe(valueOf(b, at))
      }),
    )
  })

  test('sums and quotients of numbers', () => {
    expect(add(3, 4)).toBe(7)
    expect(subtract(3, 4)).toBe(-1)
    expect(floorDivide(7, 2)).toBe(3)
    expect(ceilDivide(7, 2)).toBe(4)
    expect(divide(7, 2)).toBeUndefined()
    expect(divide(7, 0)).toBeUndefined()
  })

  test('expressions that are not products are the same where they are written alike', () => {
    expect(same(floorDivide(add(N, 3), 2), floorDivide(add(N, 3), 2))).toBe(true)
    expect(same(floorDivide(add(N, 3), 2), floorDivide(add(N, 2), 2))).toBe(false)
    expect(subtract(add(N, 3), add(N, 3))).toBe(0)
    expect(same(floorDivide(multiply(N, 6), 3), multiply(N, 2))).toBe(true)
    expect(same(add(N, 0), N)).toBe(true)
  })

  test('nested expressions stay short', () => {
    let size: Dim = N
    for (let i = 0; i < 500; i++) size = floorDivide(add(size, 3), 2)
    expect(show(size).length).toBeLessThan(200)
    for (let i = 0; i < 50; i++) size = multiply(size, add(S, i + 1))
    expect(show(size).length).toBeLessThan(200 * 17)
  })

  test('broadcasting', () => {
    expect(broadcast([3, 1, 5], [4, 1])).toEqual([3, 4, 5])
    expect(broadcast([N, 1], [1, S])).toEqual([N, S])
    expect(broadcast([N, 5], [5])).toEqual([N, 5])
    expect(broadcast([N], [7])).toEqual([7])
    expect(broadcast([0], [1])).toEqual([0])
    expect(broadcast([], [N])).toEqual([N])
  })
})

describe('pairing the axes of a Reshape', () => {
  const spans = (from: readonly Dim[], to: readonly Dim[]) =>
    pairAxes(from, to)?.map((pair) => [from.slice(...pair.from), to.slice(...pair.to)])

  test('splits and joins', () => {
    expect(spans([2, 6, 5], [2, 2, 3, 5])).toEqual([
      [[2], [2]],
      [[6], [2, 3]],
      [[5], [5]],
    ])
    expect(spans([N, 8, 7, 7], [N, 392])).toEqual([
      [[N], [N]],
      [[8, 7, 7], [392]],
    ])
    expect(spans([N, S, 64], [multiply(N, S), 64])).toEqual([
      [[N, S], [multiply(N, S)]],
      [[64], [64]],
    ])
  })

  const shape = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 5 })

  test('pairs cover both shapes in order, with equal products', () => {
    fc.assert(
      fc.property(shape, shape, (from, to) => {
        const pairs = pairAxes(from, to)
        if (product(from) !== product(to)) return
        // Of a value without elements nothing need be followed.
        if (product(from) !== 0) expect(pairs).toBeDefined()
        if (pairs === undefined) return
        let i = 0
        let j = 0
        for (const pair of pairs) {
          expect([pair.from[0], pair.to[0]]).toEqual([i, j])
          expect(product(from.slice(...pair.from))).toBe(product(to.slice(...pair.to)))
          ;[i, j] = [pair.from[1], pair.to[1]]
        }
        expect([i, j]).toEqual([from.length, to.length])
      }),
      { numRuns: 2000 },
    )
  })
})
