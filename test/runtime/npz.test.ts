import { zipSync } from 'fflate'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ModelError } from '../../src/graph/model.js'
import { readNpz } from '../../src/runtime/npz.js'

/** `numpy.savez_compressed(file, x=numpy.arange(6, dtype='f4').reshape(2, 3))`, NumPy 2.4. */
const FROM_NUMPY =
  'UEsDBC0AAAAIAAAAIQBP6QAq//////////8FABQAeC5ucHkBABAAmAAAAAAAAABVAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndL' +
  'zClOBYoXZyQWpAL5GkY6CsaaOgq1CmQDLgYwaLAHEg5ABMQNQLzAAQBQSwECLQMtAAAACAAAACEAT+kAKlUAAACYAAAABQAAAAAAAAAAAAAAgAEAAAAAeC5ucHlQSwUGAAAA' +
  'AAEAAQAzAAAAjAAAAAAA'

function npy(descr: string, shape: readonly number[], body: Uint8Array, fortran = false): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${tuple}, }`
  const header = new TextEncoder().encode(text.padEnd(117) + '\n')
  const result = new Uint8Array(10 + header.length + body.length)
  result.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0])
  result.set(header, 10)
  result.set(body, 10 + header.length)
  return result
}

const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
const one = (file: Uint8Array) => readNpz(zipSync({ 'x.npy': file })).get('x')

describe('readNpz', () => {
  test("reads NumPy's own file", () => {
    const arrays = readNpz(Uint8Array.from(Buffer.from(FROM_NUMPY, 'base64')))
    expect([...arrays.keys()]).toEqual(['x'])
    expect(arrays.get('x')).toEqual({ dtype: 'float32', dims: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) })
  })

  test.each([
    ['<f2', 'float16', Uint16Array.of(0x3c00, 0x4000)],
    ['<f4', 'float32', Float32Array.of(1.5, -2)],
    ['<f8', 'float64', Float64Array.of(1.5, -2)],
    ['|i1', 'int8', Int8Array.of(1, -2)],
    ['<i2', 'int16', Int16Array.of(1, -2)],
    ['<i4', 'int32', Int32Array.of(1, -2)],
    ['<i8', 'int64', BigInt64Array.of(1n, -(2n ** 60n))],
    ['|u1', 'uint8', Uint8Array.of(1, 255)],
    ['<u2', 'uint16', Uint16Array.of(1, 2)],
    ['<u4', 'uint32', Uint32Array.of(1, 2)],
    ['<u8', 'uint64', BigUint64Array.of(1n, 2n ** 63n)],
    ['|b1', 'bool', Uint8Array.of(0, 1)],
  ] as const)('reads %s', (descr, dtype, data) => {
    expect(one(npy(descr, [2], bytesOf(data)))).toEqual({ dtype, dims: [2], data })
  })

  test('reads big-endian elements, scalars and empty arrays', () => {
    expect(one(npy('>i4', [2], Uint8Array.of(0, 0, 0, 1, 0, 0, 1, 0)))?.data).toEqual(Int32Array.of(1, 256))
    expect(one(npy('<f4', [], bytesOf(Float32Array.of(7))))).toEqual({
      dtype: 'float32',
      dims: [],
      data: Float32Array.of(7),
    })
    expect(one(npy('<f4', [0, 3], new Uint8Array(0)))).toEqual({
      dtype: 'float32',
      dims: [0, 3],
      data: new Float32Array(0),
    })
  })

  test('column-major order becomes row-major', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 4 }), (shape) => {
        const size = shape.reduce((a, b) => a * b, 1)
        const stored = new Int32Array(size)
        const wanted = Int32Array.from({ length: size }, (_, i) => i)
        for (let i = 0; i < size; i++) {
          let rest = i
          let at = 0
          const index = shape.map(() => 0)
          for (let axis = shape.length - 1; axis >= 0; axis--) {
            index[axis] = rest % (shape[axis] as number)
            rest = Math.floor(rest / (shape[axis] as number))
          }
          for (let axis = shape.length - 1; axis >= 0; axis--)
            at = at * (shape[axis] as number) + (index[axis] as number)
          stored[at] = i
        }
        expect(one(npy('<i4', shape, bytesOf(stored), true))?.data).toEqual(wanted)
      }),
    )
  })

  test.each([
    ['no archive', new Uint8Array(30), /expected a NumPy .npz archive/],
    ['no array', zipSync({ 'x.npy': new Uint8Array(40) }), /array 'x.npy': expected the .npy format/],
    ['objects', zipSync({ 'x.npy': npy('|O', [1], new Uint8Array(8)) }), /got '\|O'/],
    ['complex numbers', zipSync({ 'x.npy': npy('<c8', [1], new Uint8Array(8)) }), /got '<c8'/],
    [
      'a short body',
      zipSync({ 'x.npy': npy('<f4', [3], new Uint8Array(8)) }),
      /shape \[3\] of float32 needs 12 bytes, got 8/,
    ],
    ['a huge shape', zipSync({ 'x.npy': npy('<f4', [2 ** 40, 2 ** 40], new Uint8Array(8)) }), /is no shape/],
  ])('refuses %s in one line', (_, bytes, message) => {
    expect(() => readNpz(bytes)).toThrow(ModelError)
    expect(() => readNpz(bytes)).toThrow(message)
  })

  test('refuses an archive that declares more than the limit, before it allocates', () => {
    const bytes = zipSync({ 'x.npy': npy('<f4', [4], new Uint8Array(16)) })
    const view = new DataView(bytes.buffer)
    const central = bytes.findIndex((_, i) => i + 4 <= bytes.length && view.getUint32(i, true) === 0x02014b50)
    view.setUint32(central + 24, 0xf0000000, true)
    expect(() => readNpz(bytes)).toThrow(/expected at most 1073741824 bytes in all, the archive declares 4026531840/)
  })

  test('a mutated archive is read or refused with a ModelError', () => {
    const good = zipSync({
      'x.npy': npy('<f4', [2, 2], new Uint8Array(16)),
      'y.npy': npy('<i8', [1], new Uint8Array(8)),
    })
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, length) => {
        const bytes = good.slice(0, length)
        if (at < length) bytes[at] = value
        try {
          readNpz(bytes, 'f', 1 << 20)
        } catch (error) {
          expect(error).toBeInstanceOf(ModelError)
          expect((error as Error).message).not.toContain('\n')
        }
      }),
      { numRuns: 500 },
    )
  })
})
