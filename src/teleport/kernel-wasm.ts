import type { FloatDType } from '../graph/dtype.js'
import { BLOCK_BYTES, COLUMN_FACTORS, ROW_FACTORS, type Engine } from './kernel-engine.js'
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
  const rowsAt = BLOCK_BYTES + LINE
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
  const bytes = new Uint8Array(buffer)
  let start = 0
  return {
    rows: new Float64Array(buffer, rowsAt, ROW_FACTORS),
    columns: new Float64Array(buffer, columnsAt, COLUMN_FACTORS),
    load(block, to) {
      start = (to + HEAP_PHASE) % LINE
      bytes.set(block, start)
    },
    scale(dtype, rowCount, rowLength, firstColumn) {
      exports[dtype](start, rowsAt, columnsAt + 8 * firstColumn, rowCount, rowLength)
    },
    store: (target, at, length) => target.set(bytes.subarray(start, start + length), at),
  }
}

/**
 * Copying out is up to six times as slow where a block and its target differ in their places within a cache line. A large
 * buffer of Node's begins 16 bytes into a line (after the heap's own header); elsewhere this is a guess that costs little.
 */
const LINE = 64
const HEAP_PHASE = 16

const DATA = 0
const ROWS = 1
const COLUMNS = 2
const ROW_COUNT = 3
const ROW_LENGTH = 4
/** Addresses: of the current column's factor, past the last row's factor, past the elements of the current loop. */
const COLUMN = 5
const ROWS_END = 6
const DATA_END = 7
/** Elements of the row that the current loop leaves over. */
const LEFT = 8
/** The row's factor in both lanes. */
const ROW = 9
/** For the functions' own use. */
const [A, B, C, D, E] = [10, 11, 12, 13, 14] as const

/** Code for `lanes` elements, `index` elements past DATA, by the factors as far past COLUMN. */
type Step = (index: number) => Code

/**
 * The loops that the four functions share: over rows, and in a row over many steps at a time (a loop costs as much as the
 * arithmetic of a step), over steps of `lanes` elements, and over single elements.
 */
function scaling(name: FloatDType, bytesLog2: number, lanes: number, step: Step, one: Code): WasmFunction {
  const many = 4 * lanes
  const manySteps = [0, 1, 2, 3].flatMap((index) => step(index * lanes))
  const past = (elements: Code): Code => i32.add(get(DATA), i32.shl(elements, i32.const(bytesLog2)))
  const loop = (elements: number, body: Code): Code => [
    ...set(DATA_END, past(i32.and(get(LEFT), i32.const(-elements)))),
    ...set(LEFT, i32.and(get(LEFT), i32.const(elements - 1))),
    ...whileLoop(i32.lessUnsigned(get(DATA), get(DATA_END)), [
      body,
      set(DATA, i32.add(get(DATA), i32.const(elements << bytesLog2))),
      set(COLUMN, i32.add(get(COLUMN), i32.const(elements * 8))),
    ]),
  ]
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
        set(LEFT, get(ROW_LENGTH)),
        loop(many, manySteps),
        loop(lanes, step(0)),
        loop(1, one),
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
    (i) => v128.store(get(DATA), f64x2.mul(v128.load(get(DATA), [], 8 * i), factors(i)), 8 * i),
    v128.store64(get(DATA), f64x2.mul(v128.load64Zero(get(DATA)), firstFactor)),
  )
}

function float32(): WasmFunction {
  const scaled = (floats: Code, factor: Code): Code => f32x4.demote(f64x2.mul(f64x2.promoteLow(floats), factor))
  const pair = (i: number): Code => scaled(v128.load64Zero(get(DATA), [], 4 * i), factors(i))
  return scaling(
    'float32',
    2,
    4,
    (i) => v128.store(get(DATA), shuffle32(0, 1, 4, 5)(pair(i), pair(i + 2)), 4 * i),
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
  const scaled = (halves: Code, factor: Code): Code => round(f64x2.mul(f64x2.promoteLow(halves), factor))
  const upper = shuffle32(2, 3, 2, 3)(get(D), get(D))
  const step = (i: number): Code => [
    ...set(D, decode(i32x4.extendLowUnsigned(v128.load64Zero(get(DATA), [], 2 * i)))),
    ...set(D, shuffle32(0, 2, 4, 6)(scaled(get(D), factors(i)), scaled(upper, factors(i + 2)))),
    ...v128.store64(get(DATA), i16x8.narrowUnsigned(get(D), get(D)), 2 * i),
  ]
  const one = [
    ...set(D, decode(i32x4.extendLowUnsigned(v128.load16Splat(get(DATA))))),
    ...v128.store16(get(DATA), scaled(get(D), firstFactor)),
  ]
  return scaling(name, 1, 4, step, one)
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
