import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bfloat16ToDouble, doubleToBfloat16, doubleToHalf, halfToDouble } from '../../src/graph/half.js'

const FORMATS = [
  { name: 'float16', decode: halfToDouble, encode: doubleToHalf, infinity: 0x7c00, nan: 0x7e00, mantissaBits: 10 },
  {
    name: 'bfloat16',
    decode: bfloat16ToDouble,
    encode: doubleToBfloat16,
    infinity: 0x7f80,
    nan: 0x7fc0,
    mantissaBits: 7,
  },
]

const float = new Float32Array(1)
const word = new Uint32Array(float.buffer)

function floatOf(bits: number): number {
  word[0] = bits
  return float[0] as number
}

test('bfloat16 is the upper half of a float32', () => {
  for (let bits = 0; bits < 65536; bits++) {
    if (!Object.is(bfloat16ToDouble(bits), floatOf(bits << 16))) expect.fail(`0x${bits.toString(16)}`)
  }
})

test.each([
  [0x0000, 0],
  [0x8000, -0],
  [0x0001, 2 ** -24],
  [0x03ff, 1023 * 2 ** -24],
  [0x0400, 2 ** -14],
  [0x3555, 0.333251953125],
  [0x3c00, 1],
  [0x3c01, 1 + 2 ** -10],
  [0xc000, -2],
  [0x7bff, 65504],
  [0xfbff, -65504],
  [0x7c00, Infinity],
  [0xfc00, -Infinity],
  [0x7c01, NaN],
  [0xfe00, NaN],
])('float16: pattern %i is %d', (bits, value) => {
  expect(halfToDouble(bits)).toBe(value)
})

describe.each(FORMATS)('$name', ({ decode, encode, infinity, nan, mantissaBits }) => {
  /** What the next pattern would be worth if the exponents went on: rounding sees it where infinity lies. */
  const beyond = 2 * decode(infinity - (1 << mantissaBits))
  const value = (bits: number): number => (bits === infinity ? beyond : decode(bits))

  /** The nearest value by bisection over all of them, of two as near the one with an even pattern. */
  function nearest(x: number): number {
    if (Number.isNaN(x)) return nan
    const sign = Object.is(Math.sign(x), -0) || x < 0 ? 0x8000 : 0
    const magnitude = Math.abs(x)
    if (magnitude >= beyond) return sign | infinity
    let [low, high] = [0, infinity]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (value(middle) <= magnitude) low = middle
      else high = middle
    }
    const half = (value(low) + value(high)) / 2
    if (magnitude === half) return sign | (low % 2 === 0 ? low : high)
    return sign | (magnitude < half ? low : high)
  }

  test('values grow with their bit patterns', () => {
    for (let bits = 1; bits <= infinity; bits++) {
      if (!(decode(bits) > decode(bits - 1))) expect.fail(`0x${bits.toString(16)}`)
    }
  })

  test('every pattern is the encoding of its own value, and every NaN becomes the positive quiet one', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const expected = (bits & 0x7fff) > infinity ? nan : bits
      if (encode(decode(bits)) !== expected) expect.fail(`0x${bits.toString(16)}`)
    }
  })

  test('between any two neighbours: below the middle, the middle, above it', () => {
    for (let bits = 0; bits < infinity; bits++) {
      const [low, high] = [value(bits), value(bits + 1)]
      const middle = (low + high) / 2
      const little = (high - low) * 2 ** -30
      const even = bits % 2 === 0 ? bits : bits + 1
      const rounded = [encode(middle - little), encode(middle), encode(middle + little), encode(-middle)]
      const expected = [bits, even, bits + 1, even | 0x8000]
      if (rounded.join() !== expected.join()) expect.fail(`0x${bits.toString(16)}: ${rounded.join()}`)
    }
  })

  test('any double goes to the nearest value', () => {
    const exponents = fc.tuple(
      fc.double({ min: 1, max: 2, noNaN: true }),
      fc.integer({ min: -150, max: 130 }),
      fc.boolean(),
    )
    const scaled = exponents.map(([m, e, negative]) => (negative ? -1 : 1) * m * 2 ** e)
    fc.assert(
      fc.property(fc.oneof(fc.double(), scaled), (x) => {
        expect(encode(x)).toBe(nearest(x))
      }),
      { numRuns: 5000 },
    )
  })

  test.each([Infinity, -Infinity, 1e300, -1e300, 5e-324, -5e-324, 0, -0, NaN])('%d', (x) => {
    expect(encode(x)).toBe(nearest(x))
  })
})
