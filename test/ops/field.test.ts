import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Dim, isNumber, multiply, symbol } from '../../src/graph/dims.js'
import { sizeOf } from '../../src/graph/tensor.js'
import {
  aligned,
  along,
  CannotScale,
  collapse,
  concatenate,
  dropAxes,
  expand,
  type Field,
  insertAxes,
  permute,
  reshape,
  select,
  uniform,
  varyingAxes,
  withRank,
} from '../../src/ops/field.js'
import { transposed } from '../../src/ops/shape-arithmetic.js'

/** A value's sizes, and a field of it with distinct scales along some of its axes. */
function fieldOf(dims: readonly number[], varying: readonly boolean[]): Field {
  const own = dims.map((dim, axis) => (varying[axis] === true ? dim : 1))
  return { dims: own, ids: Int32Array.from({ length: sizeOf(own) }, (_, i) => i + 1) }
}

/** The scale of every element of the value. */
function elements(field: Field, dims: readonly number[]): number[] {
  return [...expand(field, dims).ids]
}

const size = fc.integer({ min: 1, max: 5 })
const value = fc.array(fc.tuple(size, fc.boolean()), { maxLength: 4 }).map((axes) => ({
  dims: axes.map(([dim]) => dim),
  field: fieldOf(
    axes.map(([dim]) => dim),
    axes.map(([, varies]) => varies),
  ),
}))

/** Another shape of as many elements: factors dealt out to axes, among them some of size 1. */
function reshaped(dims: readonly number[], seed: readonly number[]): number[] {
  const primes: number[] = []
  for (const dim of dims) {
    let rest = dim
    for (let p = 2; rest > 1; p++) for (; rest % p === 0; rest /= p) primes.push(p)
  }
  const result: number[] = []
  primes.forEach((prime, i) => {
    const choice = (seed[i % Math.max(1, seed.length)] ?? 0) % 4
    if (choice === 0 || result.length === 0) result.push(prime)
    else if (choice === 3) result.push(1, prime)
    else result[result.length - 1] = (result.at(-1) as number) * prime
  })
  return result
}

const seeds = fc.array(fc.nat(20), { minLength: 1, maxLength: 12 })

describe('a reshaped field', () => {
  test('gives every element the scale that it had', () => {
    fc.assert(
      fc.property(value, seeds, ({ dims, field }, seed) => {
        const to = reshaped(dims, seed)
        expect(elements(reshape(field, dims, to), to)).toEqual(elements(field, dims))
      }),
      { numRuns: 3000 },
    )
  })

  test('and back again', () => {
    fc.assert(
      fc.property(value, seeds, ({ dims, field }, seed) => {
        const to = reshaped(dims, seed)
        const back = reshape(reshape(field, dims, to), to, dims)
        expect(elements(back, dims)).toEqual(elements(field, dims))
      }),
    )
  })

  /** Symbolic shapes: some factors of the sizes are hidden behind symbols, and hold for every size of these. */
  const hidden = fc.tuple(
    fc.array(fc.constantFrom<Dim>(symbol('N'), symbol('S'), 2, 3, 4, 1), { minLength: 1, maxLength: 5 }),
    fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
    seeds,
  )
  const valueAt = (dim: Dim, sizes: Readonly<Record<string, number>>): number =>
    isNumber(dim) ? dim : dim.symbols.reduce((n, name) => n * (sizes[name] as number), dim.coefficient)

  test('is right for every size of a symbol, or refused', () => {
    let followed = 0
    fc.assert(
      fc.property(hidden, ([from, varying, seed]) => {
        const dims = from.map((dim, axis) => (isNumber(dim) && varying[axis] === true ? dim : 1))
        const field = { dims, ids: Int32Array.from({ length: sizeOf(dims) }, (_, i) => i + 1) }
        const factors = from.flatMap((dim): Dim[] => (dim === 4 ? [2, 2] : [dim]))
        const to: Dim[] = []
        factors.forEach((factor, i) => {
          if (to.length === 0 || (seed[i % seed.length] ?? 0) % 2 === 0) to.push(factor)
          else to[to.length - 1] = multiply(to.at(-1) as Dim, factor)
        })
        let moved: Field
        try {
          moved = reshape(field, from, to)
        } catch (error) {
          expect(error).toBeInstanceOf(CannotScale)
          return
        }
        followed++
        for (const sizes of [
          { N: 2, S: 3 },
          { N: 1, S: 5 },
          { N: 4, S: 1 },
        ]) {
          const before = from.map((dim) => valueAt(dim, sizes))
          const after = to.map((dim) => valueAt(dim, sizes))
          expect(elements(moved, after)).toEqual(elements(field, before))
        }
      }),
      { numRuns: 3000 },
    )
    expect(followed).toBeGreaterThan(1000)
  })

  test('follows what attention and Flatten do, with a symbolic batch', () => {
    const N = symbol('N')
    const S = symbol('S')
    const channels = along(
      3,
      2,
      Int32Array.from({ length: 12 }, (_, i) => i + 1),
    )
    const heads = reshape(channels, [N, S, 12], [N, S, 3, 4])
    expect(heads.dims).toEqual([1, 1, 3, 4])
    expect(reshape(heads, [N, S, 3, 4], [multiply(N, S), 12]).dims).toEqual([1, 12])
    const feature = along(4, 1, Int32Array.of(5, 6))
    expect([...reshape(feature, [N, 2, 2, 2], [N, 8]).ids]).toEqual([5, 5, 5, 5, 6, 6, 6, 6])
    expect(() => reshape(feature, [N, 2, S, S], [N, multiply(2, multiply(S, S))])).toThrow(CannotScale)
    expect(reshape(along(4, 1, Int32Array.of(5, 6)), [N, 2, S, S], [N, 2, multiply(S, S)]).dims).toEqual([1, 2, 1])
  })
})

describe('movements of a field', () => {
  test('permute', () => {
    fc.assert(
      fc.property(value, fc.infiniteStream(fc.nat()), ({ dims, field }, keys) => {
        const order = dims.map((_, axis) => ({ axis, key: keys.next().value as number }))
        const permutation = order.sort((a, b) => a.key - b.key).map(({ axis }) => axis)
        const target = permutation.map((axis) => dims[axis] as number)
        expect(elements(permute(field, permutation), target)).toEqual(
          transposed(elements(field, dims), dims, permutation),
        )
      }),
    )
  })

  test('select', () => {
    fc.assert(
      fc.property(value, fc.nat(), fc.array(fc.nat(), { maxLength: 6 }), ({ dims, field }, which, picks) => {
        if (dims.length === 0) return
        const axis = which % dims.length
        const length = dims[axis] as number
        const indices = picks.map((index) => index % length)
        const target = dims.map((dim, i) => (i === axis ? indices.length : dim))
        const all = elements(field, dims)
        const inner = sizeOf(dims.slice(axis + 1))
        const expected = Array.from({ length: sizeOf(target) }, (_, at) => {
          const outer = Math.floor(at / (indices.length * inner))
          const index = indices[Math.floor(at / inner) % indices.length] as number
          return all[(outer * length + index) * inner + (at % inner)]
        })
        expect(elements(select(field, axis, indices), target)).toEqual(expected)
      }),
    )
  })

  test('select refuses an index outside', () => {
    expect(() => select(along(1, 0, Int32Array.of(1, 2)), 0, [2])).toThrow(CannotScale)
    expect(() => select(along(1, 0, Int32Array.of(1, 2)), 0, [-1])).toThrow(CannotScale)
  })

  test('concatenate, and select of a part gives the part', () => {
    fc.assert(
      fc.property(
        value,
        fc.nat(),
        fc.array(fc.tuple(size, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 })), {
          minLength: 1,
          maxLength: 3,
        }),
        ({ dims }, which, parts) => {
          if (dims.length === 0) return
          const axis = which % dims.length
          const shapes = parts.map(([length]) => dims.map((dim, i) => (i === axis ? length : dim)))
          const fields = parts.map(([, varying], i) => fieldOf(shapes[i] as number[], varying))
          const lengths = parts.map(([length]) => length)
          const joined = concatenate(fields, axis, lengths)
          let start = 0
          fields.forEach((field, i) => {
            const length = lengths[i] as number
            const total = lengths.reduce((a, b) => a + b)
            const target = dims.map((dim, k) => (k === axis ? total : dim))
            const whole = { dims: target, ids: expand(joined, target).ids }
            const part = select(
              whole,
              axis,
              Array.from({ length }, (_, k) => start + k),
            )
            // Where the whole is a single element it does not vary, and a part of it is itself.
            expect([...part.ids]).toEqual(elements(field, shapes[i] as number[]))
            start += length
          })
        },
      ),
    )
  })

  test('collapse keeps every element’s scale and leaves no axis that does not vary', () => {
    fc.assert(
      fc.property(value, fc.integer({ min: 1, max: 4 }), ({ dims, field }, classes) => {
        const coarse = { dims: field.dims, ids: field.ids.map((id) => (id % classes) + 1) }
        const result = collapse(coarse, (a, b) => a === b)
        expect(elements(result, dims)).toEqual(elements(coarse, dims))
        for (const axis of varyingAxes(result)) {
          const first = select(result, axis, [0])
          expect(elements(first, result.dims)).not.toEqual([...result.ids])
        }
      }),
    )
  })

  test('two fields are aligned as numpy broadcasts', () => {
    const rows = along(2, 0, Int32Array.of(1, 2))
    const columns = along(1, 0, Int32Array.of(10, 20, 30))
    const [left, right] = aligned(rows, columns)
    expect(left).toEqual({ dims: [2, 3], ids: Int32Array.of(1, 1, 1, 2, 2, 2) })
    expect(right).toEqual({ dims: [2, 3], ids: Int32Array.of(10, 20, 30, 10, 20, 30) })
    expect(() => aligned(along(1, 0, Int32Array.of(1, 2)), columns)).toThrow(CannotScale)
  })

  test('axes are inserted, dropped and aligned', () => {
    const field = along(2, 1, Int32Array.of(1, 2))
    expect(insertAxes(field, [0, 3]).dims).toEqual([1, 1, 2, 1])
    expect(dropAxes(insertAxes(field, [0, 3]), [0, 3])).toEqual(field)
    expect(() => dropAxes(field, [1])).toThrow(CannotScale)
    expect(withRank(field, 4).dims).toEqual([1, 1, 1, 2])
    expect(withRank(field, 1).dims).toEqual([2])
    expect(() => withRank(field, 0)).toThrow(CannotScale)
    expect(reshape(uniform(2, 7), [3, symbol('N')], [multiply(symbol('N'), 3)])).toEqual(uniform(1, 7))
  })
})
