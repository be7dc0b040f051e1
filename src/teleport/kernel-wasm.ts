import type { FloatDType } from '../graph/dtype.js'
import { COLUMN_FACTORS, DATA_BYTES, ROW_FACTORS, type Engine } from './kernel-engine.js'
import {
  type Code,
  type WasmFunction,
  assemble,
  f32x4,
  f64x2,
  get,
  i16x8,
  i32,
  i32x4,
  i64x2,
  set,
  shuffle32,
  v128,
  whileLoop,
} from './wasm-assembler.js'

/** What is used of the WebAssembly API, which is neither in ECMAScript's types nor everywhere at run time. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

type ScaleFunction = (data: number, rows: number, columns: number, rowCount: number, rowLength: number) => void
type Exports = { readonly memory: { readonly buffer: ArrayBuffer } } & Readonly<Record<FloatDType, ScaleFunction>>

/** The engine of vector instructions, or undefined where they are missing or forbidden (a page's content security policy). */
export function createWasmEngine(): Engine | undefined {
  const api = (globalThis as { WebAssembly?: WebAssemblyApi }).WebAssembly
  if (api === undefined) return undefined
  const rowsAt = DATA_BYTES
  const columnsAt = rowsAt + 8 * ROW_FACTORS
  const pages = Math.ceil((columnsAt + 8 * COLUMN_FACTORS) / 65536)
  let exports: Exports
  try {
    exports = new api.Instance(new api.Module(assemble([float32(), float64(), float16(), bfloat16()], pages)))
      .exports as Exports
  } catch {
    return undefined
  }
  const { buffer } = exports.memory
  return {
    data: new Uint8Array(buffer, 0, DATA_BYTES),
    rows: new Float64Array(buffer, rowsAt, ROW_FACTORS),
    columns: new Float64Array(buffer, columnsAt, COLUMN_FACTORS),
    scale(dtype, rowCount, rowLength, firstColumn) {
      exports[dtype](0, rowsAt, columnsAt + 8 * firstColumn, rowCount, rowLength)
    },
  }
}

const DATA = 0
const ROWS = 1
const COLUMNS = 2
const ROW_COUNT = 3
const ROW_LENGTH = 4
/** Addresses: of the current column's factor, and past the last row factor, the last element of the row, its last whole step. */
const COLUMN = 5
const ROWS_END = 6
const DATA_END = 7
const STEPS_END = 8
/** The row's factor in both lanes. */
const ROW = 9
/** For the functions' own use. */
const [A, B, C, D, E] = [10, 11, 12, 13, 14] as const

/**
 * The two loops that the four functions share. `step` is the code that scales `lanes` elements at DATA by the factors at
 * COLUMN, `one` that for a single element.
 */
function scaling(name: FloatDType, bytesLog2: number, lanes: number, step: Code, one: Code): WasmFunction {
  const advance = (elements: number): Code => [
    ...set(DATA, i32.add(get(DATA), i32.const(elements << bytesLog2))),
    ...set(COLUMN, i32.add(get(COLUMN), i32.const(elements * 8))),
  ]
  const past = (elements: Code): Code => i32.add(get(DATA), i32.shl(elements, i32.const(bytesLog2)))
  return {
    name,
    parameters: ['i32', 'i32', 'i32', 'i32', 'i32'],
    locals: ['i32', 'i32', 'i32', 'i32', 'v128', 'v128', 'v128', 'v128', 'v128', 'v128'],
    body: [
      set(ROWS_END, i32.add(get(ROWS), i32.shl(get(ROW_COUNT), i32.const(3)))),
      whileLoop(i32.lessUnsigned(get(ROWS), get(ROWS_END)), [
        set(ROW, v128.load64Splat(get(ROWS))),
        set(ROWS, i32.add(get(ROWS), i32.const(8))),
        set(COLUMN, get(COLUMNS)),
        set(DATA_END, past(get(ROW_LENGTH))),
        set(STEPS_END, past(i32.and(get(ROW_LENGTH), i32.const(-lanes)))),
        whileLoop(i32.lessUnsigned(get(DATA), get(STEPS_END)), [step, advance(lanes)]),
        whileLoop(i32.lessUnsigned(get(DATA), get(DATA_END)), [one, advance(1)]),
      ]),
    ],
  }
}

/** The factors of the two elements from `index` on. */
function factors(index: number): Code {
  return f64x2.mul(get(ROW), v128.load(get(COLUMN), [], 8 * index))
}

const firstFactor: Code = f64x2.mul(get(ROW), v128.load64Zero(get(COLUMN)))

function float64(): WasmFunction {
  return scaling(
    'float64',
    3,
    2,
    v128.store(get(DATA), f64x2.mul(v128.load(get(DATA)), factors(0))),
    v128.store64(get(DATA), f64x2.mul(v128.load64Zero(get(DATA)), firstFactor)),
  )
}

function float32(): WasmFunction {
  const scaled = (floats: Code, factor: Code): Code => f32x4.demote(f64x2.mul(f64x2.promoteLow(floats), factor))
  const low = scaled(v128.load64Zero(get(DATA)), factors(0))
  const high = scaled(v128.load64Zero(get(DATA), [], 8), factors(2))
  return scaling(
    'float32',
    2,
    4,
    v128.store(get(DATA), shuffle32(0, 1, 4, 5)(low, high)),
    v128.store32(get(DATA), scaled(v128.load32Splat(get(DATA)), firstFactor)),
  )
}

/**
 * float16 as float32: the bits moved into place, and the exponent's bias corrected. A subnormal is read as 2^-14 + m·2^-24,
 * and 2^-14 taken away, since processors are slow with subnormal float32.
 */
function float16(): WasmFunction {
  const bias = (127 - 15) << 23
  const smallest = i32x4.splat(bias + (1 << 23))
  const normal = i32x4.add(get(B), i32x4.splat(bias))
  const subnormal = f32x4.sub(i32x4.add(get(B), smallest), smallest)
  const isNormal = i32x4.greater(get(B), i32x4.splat(0x3ff << 13))
  const isInfinite = i32x4.greater(get(B), i32x4.splat(0x7bff << 13))
  const sign = i32x4.shl(v128.and(get(A), i32x4.splat(0x8000)), i32.const(16))
  const decode = (bits: Code): Code => [
    ...set(A, bits),
    ...set(B, i32x4.shl(v128.and(get(A), i32x4.splat(0x7fff)), i32.const(13))),
    ...set(B, i32x4.add(v128.select(normal, subnormal, isNormal), v128.and(isInfinite, i32x4.splat(bias)))),
    ...v128.or(get(B), sign),
  ]
  return halves('float16', decode, 10, -14, 15)
}

/** bfloat16 is the upper half of a float32. */
function bfloat16(): WasmFunction {
  return halves('bfloat16', (bits) => i32x4.shl(bits, i32.const(16)), 7, -126, 127)
}

function halves(
  name: 'float16' | 'bfloat16',
  decode: (bits: Code) => Code,
  mantissaBits: number,
  minExponent: number,
  maxExponent: number,
): WasmFunction {
  const round = (products: Code): Code => roundHalves(products, mantissaBits, minExponent, maxExponent)
  const low = round(f64x2.mul(f64x2.promoteLow(get(D)), factors(0)))
  const high = round(f64x2.mul(f64x2.promoteLow(shuffle32(2, 3, 2, 3)(get(D), get(D))), factors(2)))
  const first = round(f64x2.mul(f64x2.promoteLow(get(D)), firstFactor))
  const words = set(D, shuffle32(0, 2, 4, 6)(low, high))
  return scaling(
    name,
    1,
    4,
    [
      ...set(D, decode(i32x4.extendLowUnsigned(v128.load64Zero(get(DATA))))),
      ...words,
      ...v128.store64(get(DATA), i16x8.narrowUnsigned(get(D), get(D))),
    ],
    [...set(D, decode(i32x4.extendLowUnsigned(v128.load16Splat(get(DATA))))), ...v128.store16(get(DATA), first)],
  )
}

/**
 * Two doubles rounded to a 16-bit format, in the low bits of two 64-bit lanes. Adding 2^(e + 52 − mantissaBits) to a magnitude
 * of exponent e leaves, of the sum's mantissa, just the bits that the format keeps, and the addition itself has rounded them,
 * to nearest, ties to even.
 */
function roundHalves(products: Code, mantissaBits: number, minExponent: number, maxExponent: number): Code {
  const dropped = 52 - mantissaBits
  const kept = i64x2.sub(f64x2.add(get(B), get(E)), get(E))
  const exponent = i64x2.shrUnsigned(get(C), i32.const(dropped))
  const bias = i64x2.splat(BigInt((minExponent + 1023) << mantissaBits))
  const bits = i64x2.sub(i64x2.add(kept, exponent), bias)
  const sign = v128.and(i64x2.shrUnsigned(get(A), i32.const(48)), i64x2.splat(0x8000n))
  const nan = BigInt((((maxExponent - minExponent + 2) << 1) | 1) << (mantissaBits - 1))
  return [
    ...set(A, products),
    ...set(B, f64x2.min(f64x2.abs(get(A)), f64x2.splat(2 ** (maxExponent + 1)))),
    ...set(C, f64x2.max(v128.and(get(B), i64x2.splat(0x7ffn << 52n)), f64x2.splat(2 ** minExponent))),
    ...set(E, i64x2.add(get(C), i64x2.splat(BigInt(dropped) << 52n))),
    ...v128.select(i64x2.splat(nan), v128.or(bits, sign), f64x2.notEqual(get(A), get(A))),
  ]
}
