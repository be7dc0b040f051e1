import type { FloatDType } from '../graph/dtype.js'
import { bfloat16ToDouble, halfToDouble } from '../graph/half.js'
import { BLOCK_BYTES, COLUMN_FACTORS, ROW_FACTORS, type Engine } from './kernel-engine.js'

type ScaleRow = (first: number, length: number, row: number, firstColumn: number) => void

/** The engine for where WebAssembly's vectors are missing. Its results are those of the WebAssembly engine, bit for bit. */
export function createJsEngine(): Engine {
  const buffer = new ArrayBuffer(BLOCK_BYTES)
  const rows = new Float64Array(ROW_FACTORS)
  const columns = new Float64Array(COLUMN_FACTORS)
  const scaleRow: Readonly<Record<FloatDType, ScaleRow>> = {
    float32: scaleFloats(new Float32Array(buffer), columns),
    float64: scaleFloats(new Float64Array(buffer), columns),
    float16: scaleHalves(new Uint16Array(buffer), columns, halfToDouble, 10, -14, 15),
    bfloat16: scaleHalves(new Uint16Array(buffer), columns, bfloat16ToDouble, 7, -126, 127),
  }
  const bytes = new Uint8Array(buffer)
  return {
    rows,
    columns,
    load: (source) => bytes.set(source),
    store: (target, at, length) => target.set(bytes.subarray(0, length), at),
    scale(dtype, rowCount, rowLength, firstColumn) {
      const scale = scaleRow[dtype]
      for (let r = 0; r < rowCount; r++) scale(r * rowLength, rowLength, rows[r] as number, firstColumn)
    },
  }
}

function scaleFloats(data: Float32Array | Float64Array, columns: Float64Array): ScaleRow {
  return (first, length, row, firstColumn) => {
    for (let j = 0; j < length; j++) {
      data[first + j] = (data[first + j] as number) * (row * (columns[firstColumn + j] as number))
    }
  }
}

/**
 * Adding 2^(e + 52 − mantissaBits) to a magnitude of exponent e leaves, of the sum's mantissa, just the bits that the format
 * keeps, and the addition itself has rounded them, to nearest, ties to even. They are then the low word of the double.
 */
function scaleHalves(
  data: Uint16Array,
  columns: Float64Array,
  decode: (bits: number) => number,
  mantissaBits: number,
  minExponent: number,
  maxExponent: number,
): ScaleRow {
  let decoded: Float64Array | undefined
  const double = new Float64Array(1)
  const words = new Uint32Array(double.buffer)
  const overflow = 2 ** (maxExponent + 1)
  const nan = (((maxExponent - minExponent + 2) << 1) | 1) << (mantissaBits - 1)
  const powers = new Float64Array(2048)
  for (let field = minExponent + 1023; field <= maxExponent + 1024; field++) {
    powers[field] = 2 ** (field - 1023 + 52 - mantissaBits)
  }
  return (first, length, row, firstColumn) => {
    const table = (decoded ??= Float64Array.from({ length: 65536 }, (_, bits) => decode(bits)))
    for (let j = 0; j < length; j++) {
      const x = (table[data[first + j] as number] as number) * (row * (columns[firstColumn + j] as number))
      double[0] = x
      const high = words[1] as number
      const magnitude = Math.min(Math.abs(x), overflow)
      if (magnitude !== magnitude) {
        data[first + j] = nan
        continue
      }
      double[0] = magnitude
      const field = Math.max((words[1] as number) >>> 20, minExponent + 1023)
      double[0] = magnitude + (powers[field] as number)
      const exponentBits = (field - minExponent - 1023) << mantissaBits
      data[first + j] = ((high >>> 16) & 0x8000) | (exponentBits + (words[0] as number))
    }
  }
}
