import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { type FloatDType, bitsOf } from '../../src/graph/dtype.js'
import { bfloat16ToDouble, doubleToBfloat16, doubleToHalf, halfToDouble } from '../../src/graph/half.js'
import { createJsEngine } from '../../src/teleport/kernel-js.js'
import { createWasmEngine } from '../../src/teleport/kernel-wasm.js'
import { type Scaling, defaultEngine, scaleElements } from '../../src/teleport/kernel.js'

const FLOATS: readonly FloatDType[] = ['float32', 'float64', 'float16', 'bfloat16']
const HALVES: readonly FloatDType[] = ['float16', 'bfloat16']

const wasm = createWasmEngine()
if (wasm === undefined) throw new Error('the tests need WebAssembly with vectors')
const ENGINES = [
  ['WebAssembly', wasm],
  ['JavaScript', createJsEngine()],
] as const

const READ: Readonly<Record<FloatDType, (view: DataView, at: number) => number>> = {
  float32: (view, at) => view.getFloat32(at, true),
  float64: (view, at) => view.getFloat64(at, true),
  float16: (view, at) => halfToDouble(view.getUint16(at, true)),
  bfloat16: (view, at) => bfloat16ToDouble(view.getUint16(at, true)),
}
const WRITE: Readonly<Record<FloatDType, (view: DataView, at: number, x: number) => void>> = {
  float32: (view, at, x) => view.setFloat32(at, x, true),
  float64: (view, at, x) => view.setFloat64(at, x, true),
  float16: (view, at, x) => view.setUint16(at, doubleToHalf(x), true),
  bfloat16: (view, at, x) => view.setUint16(at, doubleToBfloat16(x), true),
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The definition, one element at a time. */
function naive(dtype: FloatDType, source: Uint8Array, firstElement: number, scaling: Scaling): Uint8Array {
  const { rows, cols, columns, inner, rowsPerGroup } = scaling
  const step = bitsOf(dtype) / 8
  const target = new Uint8Array(source.length)
  for (let i = 0; i < source.length / step; i++) {
    const column = Math.floor((firstElement + i) / inner)
    const r = Math.floor(column / columns)
    const c = Math.floor(r / rowsPerGroup) * columns + (column % columns)
    const factor = (rows[r] as number) * (cols[c] as number)
    WRITE[dtype](viewOf(target), i * step, READ[dtype](viewOf(source), i * step) * factor)
  }
  return target
}

/** The first element whose bits differ, or undefined. NaN of 4 and 8 bytes are alike: which one comes out is the processor's choice. */
function difference(dtype: FloatDType, actual: Uint8Array, expected: Uint8Array): string | undefined {
  if (actual.length !== expected.length) return `${actual.length} bytes, expected ${expected.length}`
  const [a, b] = [viewOf(actual), viewOf(expected)]
  const step = bitsOf(dtype) / 8
  for (let at = 0; at < actual.length; at += step) {
    if (step === 2 && a.getUint16(at, true) === b.getUint16(at, true)) continue
    const [x, y] = [READ[dtype](a, at), READ[dtype](b, at)]
    if (step > 2 && Object.is(x, y)) continue
    return `element ${at / step}: ${x}, expected ${y}`
  }
  return undefined
}

/** `bytes` again, `shift` bytes past an address of any alignment. */
function shifted(bytes: Uint8Array, shift: number): Uint8Array {
  const copy = new Uint8Array(bytes.length + shift).subarray(shift)
  copy.set(bytes)
  return copy
}

function randomBytes(length: number, seed: number): Uint8Array {
  let state = seed | 1
  return Uint8Array.from({ length }, () => {
    state = Math.imul(state, 1664525) + 1013904223
    return state >>> 24
  })
}

const factor = fc.oneof(
  fc.double({ min: 0.1, max: 1.9, noNaN: true }),
  fc.double({ min: -1.9, max: -0.1, noNaN: true }),
  fc.double({ noNaN: true }),
)

const factors = (length: number): fc.Arbitrary<Float64Array> =>
  fc.array(factor, { minLength: length, maxLength: length }).map((list) => Float64Array.from(list))

const scalings: fc.Arbitrary<Scaling> = fc
  .record({
    groups: fc.integer({ min: 1, max: 4 }),
    rowsPerGroup: fc.integer({ min: 1, max: 5 }),
    columns: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 })),
    inner: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 30, max: 70 })),
  })
  .chain(({ groups, rowsPerGroup, columns, inner }) =>
    fc
      .tuple(factors(groups * rowsPerGroup), factors(groups * columns))
      .map(([rows, cols]) => ({ rows, cols, columns, inner, rowsPerGroup })),
  )

function sizeOf(scaling: Scaling): number {
  return scaling.rows.length * scaling.columns * scaling.inner
}

function ones(length: number): Float64Array {
  return new Float64Array(length).fill(1)
}

function sequence(length: number, first: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => first + ((i * 7919) % 1009) / 1009)
}

describe.each(ENGINES)('scaling by the %s engine', (_, engine) => {
  function scale(dtype: FloatDType, source: Uint8Array, firstElement: number, scaling: Scaling, shift = 0): Uint8Array {
    const target = new Uint8Array(source.length + shift).subarray(shift)
    scaleElements(dtype, source, target, firstElement, scaling, engine)
    return target
  }

  test.each(FLOATS)('%s: any shape, range and alignment is scaled by the definition', (dtype) => {
    const step = bitsOf(dtype) / 8
    const cases = scalings.chain((scaling) =>
      fc.record({
        scaling: fc.constant(scaling),
        range: fc.tuple(fc.nat(sizeOf(scaling)), fc.nat(sizeOf(scaling))),
        shifts: fc.tuple(fc.nat(9), fc.nat(9)),
        seed: fc.integer(),
      }),
    )
    fc.assert(
      fc.property(cases, ({ scaling, range, shifts, seed }) => {
        const [first, end] = [Math.min(...range), Math.max(...range)]
        const source = shifted(randomBytes((end - first) * step, seed), shifts[0])
        const before = source.slice()
        const target = scale(dtype, source, first, scaling, shifts[1])
        expect(difference(dtype, target, naive(dtype, source, first, scaling))).toBeUndefined()
        expect(source).toEqual(before)
      }),
      { numRuns: 150 },
    )
  })

  test.each([
    ['rows longer than a block and than the memory for factors', 3, 300_000, 1, 3],
    ['rows longer than the memory for factors, many to a block', 4, 66_000, 1, 2],
    ['rows longer than the memory for factors, by runs', 2, 9_000, 9, 2],
    ['rows of many blocks', 4000, 129, 1, 4000],
    ['more rows than the memory for row factors', 5000, 5, 3, 5000],
    ['groups of rows that end within a block', 120, 4, 9, 40],
    ['a row for each group', 9001, 1, 9, 1],
    ['long runs', 3, 5, 40_000, 1],
    ['a vector', 300_001, 1, 1, 300_001],
    ['a vector in groups', 70_000, 1, 1, 7],
  ])('%s', (_name, rowCount, columns, inner, rowsPerGroup) => {
    const groups = Math.ceil(rowCount / rowsPerGroup)
    const scaling = {
      rows: sequence(rowCount, 0.5),
      cols: sequence(groups * columns, -1.7),
      columns,
      inner,
      rowsPerGroup,
    }
    const first = 3
    const source = randomBytes((sizeOf(scaling) - first) * 4, 5)
    const target = scale('float32', source, first, scaling)
    expect(difference('float32', target, naive('float32', source, first, scaling))).toBeUndefined()
  })

  test.each(FLOATS)('%s: pieces make the whole', (dtype) => {
    const step = bitsOf(dtype) / 8
    const scaling = { rows: sequence(12, 0.5), cols: sequence(14, 0.5), columns: 7, inner: 9, rowsPerGroup: 6 }
    const source = randomBytes(sizeOf(scaling) * step, 3)
    const whole = scale(dtype, source, 0, scaling)
    fc.assert(
      fc.property(fc.array(fc.nat(sizeOf(scaling))), (cuts) => {
        const ends = [0, ...cuts, sizeOf(scaling)].sort((a, b) => a - b)
        const pieces = ends
          .slice(1)
          .map((end, i) =>
            scale(dtype, source.subarray((ends[i] as number) * step, end * step), ends[i] as number, scaling),
          )
        expect(difference(dtype, Buffer.concat(pieces), whole)).toBeUndefined()
      }),
      { numRuns: 50 },
    )
  })

  test.each(FLOATS)('%s: powers of two are exact inverses', (dtype) => {
    const exponents = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 8, maxLength: 8 })
    const weights = fc.array(
      fc.oneof(fc.double({ min: 0.1, max: 9, noNaN: true }), fc.double({ min: -9, max: -0.1, noNaN: true })),
      {
        minLength: 48,
        maxLength: 48,
      },
    )
    fc.assert(
      fc.property(exponents, weights, (list, values) => {
        const step = bitsOf(dtype) / 8
        const rows = Float64Array.from(list.slice(0, 4), (e) => (e % 2 ? -1 : 1) * 2 ** e)
        const cols = Float64Array.from(list.slice(4), (e) => 2 ** e)
        const shape = { columns: 4, inner: 3, rowsPerGroup: 4 }
        const source = new Uint8Array(48 * step)
        values.forEach((x, i) => WRITE[dtype](viewOf(source), i * step, x))
        const moved = scale(dtype, source, 0, { rows, cols, ...shape })
        const inverse = { rows: rows.map((x) => 1 / x), cols: cols.map((x) => 1 / x), ...shape }
        expect(scale(dtype, moved, 0, inverse)).toEqual(source)
      }),
    )
  })

  const HALF_FACTORS = [
    ...[1, -1, 0, 0.5, 2, 1 / 3, -1.9, 0.1, 1.0000000000000002, 1 + 2 ** -11, 1 - 2 ** -12, 1.5, 0.75],
    ...[
      2 ** -10,
      2 ** -24,
      2 ** -25,
      1.5 * 2 ** -25,
      2 ** -40,
      2 ** 20,
      2 ** -133,
      2 ** 127,
      1e300,
      1e-300,
      Infinity,
      NaN,
    ],
    ...[-(2 ** -1074), 65504, 65520, 1 / 65504],
  ]
  test.each(HALVES)('%s: every bit pattern, by many factors, is rounded as the scalar conversion does', (dtype) => {
    const source = new Uint8Array(Uint16Array.from({ length: 65536 }, (_unused, bits) => bits).buffer)
    for (const x of HALF_FACTORS) {
      const scaling = { rows: Float64Array.of(x), cols: ones(65536), columns: 65536, inner: 1, rowsPerGroup: 1 }
      const scaled = scale(dtype, source, 0, scaling)
      expect(difference(dtype, scaled, naive(dtype, source, 0, scaling)), `times ${x}`).toBeUndefined()
    }
  })

  test.each([
    ['float16', 0x3c00, 1 + 2 ** -11, 0x3c00, 'a tie goes to the even neighbour below'],
    ['float16', 0x3c00, 1 + 3 * 2 ** -11, 0x3c02, 'a tie goes to the even neighbour above'],
    ['float16', 0x3c00, 1 + 2 ** -11 + 2 ** -40, 0x3c01, 'a tie only in float32 is none'],
    ['float16', 0x0001, 0.5, 0x0000, 'half of the least subnormal is a tie with zero'],
    ['float16', 0x8001, 0.5 + 2 ** -40, 0x8001, 'a little more is not'],
    ['float16', 0x7bff, 1.00024, 0x7bff, 'below the middle to the next power of two stays finite'],
    ['float16', 0x7bff, 1.000245, 0x7c00, 'above it overflows'],
    ['float16', 0x7c00, 0, 0x7e00, 'infinity times zero'],
    ['float16', 0xfe01, 1, 0x7e00, 'a NaN is the positive quiet one'],
    ['bfloat16', 0x3f80, 1 + 2 ** -8, 0x3f80, 'a tie goes to the even neighbour below'],
    ['bfloat16', 0x3f80, 1 + 2 ** -8 + 2 ** -40, 0x3f81, 'a tie only in float32 is none'],
    ['bfloat16', 0x0001, 0.5, 0x0000, 'half of the least subnormal is a tie with zero'],
    ['bfloat16', 0x7f7f, 1.0019, 0x7f7f, 'below the middle to the next power of two stays finite'],
    ['bfloat16', 0x7f7f, 1.002, 0x7f80, 'above it overflows'],
    ['bfloat16', 0xff81, -1, 0x7fc0, 'a NaN is the positive quiet one'],
  ] as [FloatDType, number, number, number, string][])('%s %i × %d = %i: %s', (dtype, bits, x, expected) => {
    // Seven elements: each place among the lanes of a vector and in what is left over.
    const source = new Uint8Array(new Uint16Array(7).fill(bits).buffer)
    const scaling = { rows: Float64Array.of(x), cols: ones(7), columns: 7, inner: 1, rowsPerGroup: 1 }
    expect(new Uint16Array(scale(dtype, source, 0, scaling).buffer)).toEqual(new Uint16Array(7).fill(expected))
  })

  test('a float32 product is rounded once', () => {
    // 1/3 in float32 times it would be another number: the factor must stay a double.
    const scaling = { rows: Float64Array.of(1 / 3), cols: Float64Array.of(3), columns: 1, inner: 5, rowsPerGroup: 1 }
    const source = new Float32Array([1 / 3, 0.1, 16777215, 1e-45, 3e38])
    const bytes = scale('float32', new Uint8Array(source.buffer), 0, scaling)
    expect(new Float32Array(bytes.buffer)).toEqual(source)
  })

  test('in place', () => {
    const data = new Float32Array([1, 2, 3, 4, 5, 6])
    const bytes = new Uint8Array(data.buffer)
    const scaling = {
      rows: Float64Array.of(10, 100),
      cols: Float64Array.of(1, 2, 3),
      columns: 3,
      inner: 1,
      rowsPerGroup: 2,
    }
    scaleElements('float32', bytes, bytes, 0, scaling, engine)
    expect([...data]).toEqual([10, 40, 90, 400, 1000, 1800])
  })
})

test('the two engines agree in every bit', () => {
  const js = createJsEngine()
  const scaling = { rows: sequence(40, -1), cols: sequence(200, 0.1), columns: 50, inner: 9, rowsPerGroup: 10 }
  for (const dtype of FLOATS) {
    const source = randomBytes((sizeOf(scaling) * bitsOf(dtype)) / 8, 11)
    const [a, b] = [new Uint8Array(source.length), new Uint8Array(source.length)]
    scaleElements(dtype, source, a, 0, scaling, wasm)
    scaleElements(dtype, source, b, 0, scaling, js)
    expect(difference(dtype, a, b)).toBeUndefined()
  }
})

describe('the choice of an engine', () => {
  test('there is no WebAssembly engine where WebAssembly is missing or refuses', () => {
    vi.stubGlobal('WebAssembly', undefined)
    expect(createWasmEngine()).toBeUndefined()
    const refuse = (): never => {
      throw new Error('forbidden by the page')
    }
    vi.stubGlobal('WebAssembly', { Module: vi.fn(refuse), Instance: vi.fn(refuse) })
    expect(createWasmEngine()).toBeUndefined()
    vi.unstubAllGlobals()
  })

  test('an engine is made once', () => {
    expect(defaultEngine()).toBe(defaultEngine())
  })
})

describe('what does not fit is refused', () => {
  const scaling: Scaling = { rows: ones(2), cols: ones(3), columns: 3, inner: 1, rowsPerGroup: 2 }
  const bytes = (length: number): Uint8Array => new Uint8Array(length)
  test.each([
    ['a target of another length', () => scaleElements('float32', bytes(8), bytes(4), 0, scaling)],
    ['half an element', () => scaleElements('float32', bytes(6), bytes(6), 0, scaling)],
    ['an element before the first', () => scaleElements('float32', bytes(4), bytes(4), -1, scaling)],
    ['a start within an element', () => scaleElements('float32', bytes(4), bytes(4), 0.5, scaling)],
    ['elements past the last', () => scaleElements('float32', bytes(8), bytes(8), 5, scaling)],
    ['too few factors', () => scaleElements('float32', bytes(8), bytes(8), 0, { ...scaling, rowsPerGroup: 1 })],
  ])('%s', (_, act) => {
    expect(act).toThrow(RangeError)
  })

  test('an empty tensor is scaled to an empty one', () => {
    const empty: Scaling = { rows: ones(0), cols: ones(0), columns: 0, inner: 3, rowsPerGroup: 1 }
    expect(() => scaleElements('float32', bytes(0), bytes(0), 0, empty)).not.toThrow()
  })
})
