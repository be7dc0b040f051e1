import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DTYPES, type DType, bitsOf, byteLengthOf, isFloat } from '../../src/graph/dtype.js'
import { ModelError } from '../../src/graph/model.js'
import { MemoryData, bytesOf, numbersOf, sizeOf, tensorOf } from '../../src/graph/tensor.js'

/** Types whose elements a double holds, with the values that they hold. */
const INTEGERS: [DType, number, number][] = [
  ['int8', -128, 127],
  ['uint8', 0, 255],
  ['bool', 0, 1],
  ['int16', -32768, 32767],
  ['uint16', 0, 65535],
  ['int32', -(2 ** 31), 2 ** 31 - 1],
  ['uint32', 0, 2 ** 32 - 1],
  ['int64', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ['uint64', 0, Number.MAX_SAFE_INTEGER],
]
const UNREADABLE = DTYPES.filter((dtype) => !isFloat(dtype) && !INTEGERS.some(([name]) => name === dtype))

const shapes = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 })

function withValues(values: fc.Arbitrary<number>): fc.Arbitrary<[number[], number[]]> {
  return shapes.chain((dims) => {
    const length = dims.reduce((a, b) => a * b, 1)
    return fc.tuple(fc.constant(dims), fc.array(values, { minLength: length, maxLength: length }))
  })
}

describe('numbers written and read', () => {
  test.each(INTEGERS)('%s from %d to %d', (dtype, min, max) => {
    const value = fc.oneof(
      fc.constantFrom(min, max),
      fc.maxSafeInteger().map((x) => Math.min(Math.max(x, min), max)),
    )
    const spread = fc.oneof(
      value,
      fc.double({ min: 0, max: 1, noNaN: true }).map((t) => Math.round(min + t * (max - min))),
    )
    fc.assert(
      fc.property(withValues(spread), ([dims, values]) => {
        const tensor = tensorOf('t', dtype, dims, values)
        expect([...numbersOf(tensor)]).toEqual(values.map((x) => x + 0))
        expect(tensor.data.byteLength).toBe(byteLengthOf(dtype, values.length))
      }),
    )
  })

  test('float64 keeps every double', () => {
    fc.assert(
      fc.property(withValues(fc.double()), ([dims, values]) => {
        expect([...numbersOf(tensorOf('t', 'float64', dims, values))]).toEqual(values)
      }),
    )
  })

  test('float32 is rounded once', () => {
    fc.assert(
      fc.property(withValues(fc.double()), ([dims, values]) => {
        expect([...numbersOf(tensorOf('t', 'float32', dims, values))]).toEqual(values.map(Math.fround))
      }),
    )
  })

  test.each(['float32', 'float64', 'float16', 'bfloat16'] as const)(
    '%s: what was read is written as it was',
    (dtype) => {
      fc.assert(
        fc.property(withValues(fc.double()), ([dims, values]) => {
          const tensor = tensorOf('t', dtype, dims, values)
          expect(bytesOf(tensorOf('t', dtype, dims, numbersOf(tensor)))).toEqual(bytesOf(tensor))
        }),
      )
    },
  )

  test('little-endian, from an unaligned place', () => {
    const bytes = new Uint8Array([99, 0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc1]).subarray(1)
    const tensor = { name: 't', dtype: 'float32', dims: [2], data: new MemoryData(bytes) } as const
    expect([...numbersOf(tensor)]).toEqual([1, -10])
  })

  test('any byte but 0 is true', () => {
    const data = new MemoryData(new Uint8Array([0, 1, 2, 255]))
    expect([...numbersOf({ name: 't', dtype: 'bool', dims: [4], data })]).toEqual([0, 1, 1, 1])
  })
})

test('data in memory are read in pieces, as views', () => {
  const bytes = new Uint8Array([1, 2, 3, 4, 5])
  const data = new MemoryData(bytes)
  expect(data.byteLength).toBe(5)
  expect([...data.read(1, 3)]).toEqual([2, 3, 4])
  expect(data.read(1, 3).buffer).toBe(bytes.buffer)
})

test('the size of a shape', () => {
  expect(sizeOf([])).toBe(1)
  expect(sizeOf([2, 3, 4])).toBe(24)
  expect(sizeOf([2, 0, 4])).toBe(0)
})

test.each([
  ['float32', 3, 12],
  ['bfloat16', 3, 6],
  ['uint4', 3, 2],
  ['int4', 4, 2],
  ['int2', 5, 2],
  ['complex128', 2, 32],
  ['string', 7, 0],
] as const)('%s × %i takes %i bytes', (dtype, count, bytes) => {
  expect(byteLengthOf(dtype, count)).toBe(bytes)
})

test('every type but string has a width', () => {
  for (const dtype of DTYPES) expect(bitsOf(dtype) > 0).toBe(dtype !== 'string')
})

test.each(UNREADABLE)('%s is neither read nor written as numbers: the error names tensor and type', (dtype) => {
  const message = new RegExp(`^tensor 'w': .*${dtype}`)
  const tensor = { name: 'w', dtype, dims: [0], data: new MemoryData(new Uint8Array(0)) } as const
  for (const act of [() => numbersOf(tensor), () => tensorOf('w', dtype, [0], [])]) {
    expect(act).toThrow(ModelError)
    expect(act).toThrow(message)
  }
})

test('values that do not fill the shape are refused with both numbers', () => {
  expect(() => tensorOf('w', 'float32', [2, 3], [1, 2])).toThrow(
    new ModelError(`tensor 'w': shape [2, 3] needs 6 elements, got 2`),
  )
})
