import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Cob } from '../../src/cob/cob.js'
import { decodeCob, encodeCob } from '../../src/cob/file.js'
import { ModelError } from '../../src/graph/model.js'

const origin = {
  model: 'ab'.repeat(32),
  modelName: 'a "model".onnx',
  moved: 'cd'.repeat(32),
  movedName: 'moved.onnx',
  scope: 'full',
  sampling: 'inter',
  range: 0.1 + 0.2,
  seed: -(2 ** 52) - 1,
  exact: true,
} as const

const factor = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => value !== 0)
const cobs = fc
  .array(
    fc.tuple(
      fc.string({ unit: 'binary' }).filter((name) => name !== '__metadata__'),
      fc.array(factor, { maxLength: 20 }),
    ),
    { maxLength: 8 },
  )
  .map((entries): Cob => ({ factors: new Map(entries.map(([name, tau]) => [name, Float64Array.from(tau)])), origin }))

/** A safetensors file with this header and these bytes after it. */
function file(header: unknown, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + text.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  bytes.set(data, 8 + text.length)
  return bytes
}

const one = new Uint8Array(Float64Array.of(1.5).buffer)
const vector = (begin: number, end: number, shape: unknown = [(end - begin) / 8]) => ({
  dtype: 'F64',
  shape,
  data_offsets: [begin, end],
})

describe('a CoB file', () => {
  it('gives back every factor, bit for bit, in order, and the origin', () => {
    fc.assert(
      fc.property(cobs, (cob) => {
        const read = decodeCob(encodeCob(cob))
        expect([...read.factors]).toEqual([...cob.factors])
        expect(read.origin).toEqual(origin)
      }),
    )
  })

  it('keeps vertices in order whose names are numbers', () => {
    const factors = new Map(['10', '2', 'a', '__proto__', '1'].map((name, i) => [name, Float64Array.of(i + 1)]))
    expect([...decodeCob(encodeCob({ factors, origin: {} })).factors]).toEqual([...factors])
  })

  it('is laid out as safetensors demands', () => {
    const bytes = encodeCob({ factors: new Map([['a', Float64Array.of(1, 2)]]), origin })
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
    expect(length % 8).toBe(0)
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<string, unknown>
    expect(header['a']).toEqual({ dtype: 'F64', shape: [2], data_offsets: [0, 16] })
    expect(bytes.length).toBe(8 + length + 16)
    for (const value of Object.values(header['__metadata__'] as object)) expect(value).toBeTypeOf('string')
  })

  it('may come from another program, without metadata', () => {
    const read = decodeCob(file({ v: vector(0, 8) }, one))
    expect([...read.factors]).toEqual([['v', Float64Array.of(1.5)]])
    expect(read.origin).toEqual({})
  })

  it('can lie anywhere in a buffer', () => {
    const bytes = encodeCob({ factors: new Map([['a', Float64Array.of(3)]]), origin })
    const buffer = new Uint8Array(bytes.length + 10)
    buffer.set(bytes, 3)
    expect(decodeCob(buffer.subarray(3, 3 + bytes.length)).factors.get('a')).toEqual(Float64Array.of(3))
  })
})

describe('a file that is no CoB', () => {
  const hugeHeader = new Uint8Array(16).fill(255)
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['empty', new Uint8Array(0), /0 bytes/],
    ['a header beyond the end', hugeHeader, /passes the end/],
    ['no JSON', file('{"a":'), /not JSON/],
    ['an array for a header', file('[]'), /not a JSON object/],
    ['another type', file({ v: { ...vector(0, 8, [2]), dtype: 'F32' } }, one), /F64.*'F32'/],
    ['a type that is no text', file('{"v":{"dtype":{"toString":1},"shape":[1],"data_offsets":[0,8]}}', one), /F64/],
    ['two dimensions', file({ v: vector(0, 8, [1, 1]) }, one), /one dimension/],
    ['a negative size', file({ v: vector(0, 8, [-1]) }, one), /list of sizes/],
    ['a huge shape', file({ v: vector(0, 8, [2 ** 50]) }, one), /do not fill/],
    ['offsets past the end', file({ v: vector(0, 16) }, one), /cut off/],
    ['bytes that belong to nobody', file({ v: vector(0, 8) }, new Uint8Array(16)), /cut off or damaged/],
    ['a hole', file({ v: vector(8, 16) }, new Uint8Array(16)), /begin at 8, expected 0/],
    ['overlapping vectors', file({ v: vector(0, 8), w: vector(0, 8) }, one), /begin at 0, expected 8/],
    ['zero', file({ v: vector(0, 8) }, new Uint8Array(8)), /vertex 'v', neuron 0: τ = 0/],
    ['NaN', file({ v: vector(0, 8) }, new Uint8Array(8).fill(255)), /τ = NaN/],
    ['metadata that is no text', file({ __metadata__: { seed: 3 } }), /'seed' is not a text/],
    ['metadata that is a list', file({ __metadata__: [] }), /metadata is not/],
    ['an unknown scope', file({ __metadata__: { scope: 'all' } }), /'scope': expected one of weights, full/],
    ['a hash that is none', file({ __metadata__: { model_sha256: 'x' } }), /SHA-256/],
    [
      'a newer version',
      file({ __metadata__: { format: 'neural-teleportation change of basis', version: '2' } }),
      /newer/,
    ],
  ]
  it.each(cases)('%s is refused in one line', (_, bytes, message) => {
    let error: unknown
    try {
      decodeCob(bytes, "'x.safetensors'")
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(ModelError)
    expect((error as ModelError).message).toMatch(message)
    expect((error as ModelError).message).toMatch(/^'x\.safetensors'[^\n]*$/)
  })

  it('never throws anything but a ModelError, whatever is changed', () => {
    const sound = encodeCob({
      factors: new Map([
        ['a', Float64Array.of(1, 2)],
        ['b', Float64Array.of(3)],
      ]),
      origin,
    })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255))),
        fc.nat(sound.length),
        (changes, length) => {
          const bytes = sound.slice(0, length)
          for (const [at, value] of changes) if (at < length) bytes[at] = value
          try {
            decodeCob(bytes)
          } catch (error) {
            expect(error).toBeInstanceOf(ModelError)
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
