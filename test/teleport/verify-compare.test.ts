import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { HostTensor } from '../../src/runtime/session.js'
import { Comparator } from '../../src/teleport/verify-compare.js'

const float = (...values: number[]): HostTensor => ({
  dtype: 'float32',
  dims: [values.length],
  data: Float32Array.from(values),
})
const compare = (...pairs: (readonly [HostTensor, HostTensor])[]) => {
  const comparator = new Comparator('y')
  for (const [y, z] of pairs) comparator.add(y, z)
  return comparator.result()
}

describe('comparing an output', () => {
  test('a tensor with itself is identical, whatever is in it', () => {
    const elements = fc.array(fc.float(), { minLength: 1 })
    fc.assert(
      fc.property(elements, (values) => {
        const result = compare([float(...values), float(...values)])
        expect(result).toMatchObject({ identical: true, maxAbsError: 0, maxRelError: 0, mismatch: 0, exact: false })
      }),
    )
  })

  test('errors are the largest over all samples, the relative one by the largest reference', () => {
    const result = compare([float(1, 2), float(1, 2.5)], [float(-4, 0), float(-4, 0.25)])
    expect(result).toMatchObject({ identical: false, maxAbsError: 0.5, maxRelError: 0.125, mismatch: 0.5 })
  })

  test('NaN is equal to NaN of any payload, and to nothing else', () => {
    const payload: HostTensor = {
      dtype: 'float32',
      dims: [1],
      data: new Float32Array(Uint32Array.of(0x7fc12345).buffer),
    }
    expect(compare([payload, float(NaN)])).toMatchObject({ identical: true, maxAbsError: 0 })
    expect(compare([float(NaN), float(1)])).toMatchObject({ identical: false, maxAbsError: null, maxRelError: null })
    expect(compare([float(1), float(NaN)])).toMatchObject({ identical: false, maxAbsError: null })
  })

  test('an infinity is equal to itself only, and does not count as the scale', () => {
    expect(compare([float(Infinity, 2), float(Infinity, 1)])).toMatchObject({ maxAbsError: 1, maxRelError: 0.5 })
    expect(compare([float(Infinity), float(-Infinity)])).toMatchObject({ identical: false, maxAbsError: null })
    expect(compare([float(Infinity), float(3)])).toMatchObject({ maxRelError: null })
  })

  test('zeros of another sign are no error but not identical', () => {
    expect(compare([float(0), float(-0)])).toMatchObject({ identical: false, maxAbsError: 0, maxRelError: 0 })
  })

  test('where the reference is all zeros the error itself counts', () => {
    expect(compare([float(0, 0), float(0, 0.25)])).toMatchObject({ maxAbsError: 0.25, maxRelError: 0.25 })
  })

  test('float16 is compared by its values', () => {
    const half = (...bits: number[]): HostTensor => ({
      dtype: 'float16',
      dims: [bits.length],
      data: Uint16Array.from(bits),
    })
    expect(compare([half(0x3c00, 0x4000), half(0x3c00, 0x3c00)])).toMatchObject({ maxAbsError: 1, maxRelError: 0.5 })
    expect(compare([half(0x7e00), half(0x7e01)])).toMatchObject({ identical: true })
  })

  test('integers, also beyond 2^53, booleans and strings must be equal', () => {
    const int64 = (...values: bigint[]): HostTensor => ({
      dtype: 'int64',
      dims: [values.length],
      data: BigInt64Array.from(values),
    })
    expect(compare([int64(2n ** 60n, 1n), int64(2n ** 60n + 1n, 1n)])).toMatchObject({
      identical: false,
      exact: true,
      mismatch: 0.5,
      maxAbsError: 1,
    })
    expect(compare([int64(2n ** 60n), int64(2n ** 60n)])).toMatchObject({ identical: true, exact: true })
    const bool = (...values: number[]): HostTensor => ({
      dtype: 'bool',
      dims: [values.length],
      data: Uint8Array.from(values),
    })
    expect(compare([bool(0, 1, 1, 1), bool(0, 1, 1, 0)])).toMatchObject({ exact: true, mismatch: 0.25 })
    const text = (...values: string[]): HostTensor => ({ dtype: 'string', dims: [values.length], data: values })
    expect(compare([text('a', 'b'), text('a', 'c')])).toMatchObject({ identical: false, exact: true, mismatch: 0.5 })
    expect(compare([text('a'), text('a')])).toMatchObject({ identical: true, maxAbsError: 0 })
  })

  test('shapes and types that differ are said', () => {
    expect(compare([float(1, 2), float(1)])).toMatchObject({
      maxRelError: null,
      difference: 'shape [1] instead of [2]',
    })
  })

  test('argmax agreement is the share of rows, on the last axis, or on axis 1 of pictures', () => {
    const rows = (dims: number[], ...values: number[]): HostTensor => ({
      dtype: 'float32',
      dims,
      data: Float32Array.from(values),
    })
    const result = compare([rows([2, 3], 1, 2, 3, 9, 8, 7), rows([2, 3], 3, 2, 1, 9, 8, 7)])
    expect(result.argmaxAgreement).toBe(0.5)
    const picture = compare([rows([1, 2, 1, 3], 1, 0, 0, 0, 1, 1), rows([1, 2, 1, 3], 1, 0, 2, 0, 1, 1)])
    expect(picture.argmaxAgreement).toBeCloseTo(2 / 3)
    expect(compare([rows([2, 1], 1, 2), rows([2, 1], 1, 2)]).argmaxAgreement).toBeUndefined()
    expect(compare([float(1, 2), float(1, 2)]).argmaxAgreement).toBeUndefined()
  })

  test('what is reported survives JSON', () => {
    const result = compare([float(NaN, 1), float(1, 1)])
    expect(JSON.parse(JSON.stringify(result))).toEqual(result)
  })
})
