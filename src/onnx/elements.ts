import { type DType, DTYPES, bitsOf, byteLengthOf } from '../graph/dtype.js'
import { ModelError, type TensorData } from '../graph/model.js'
import { MemoryData, sizeOf } from '../graph/tensor.js'
import { quoted, shapeText } from '../graph/text.js'
import { type Payload, RAW_DATA, type TypedField } from './payload.js'

/** The element type that TensorProto.DataType gives, or undefined for 0 and for types newer than this project. */
export function dtypeOf(dataType: number): DType | undefined {
  return DTYPES[dataType - 1]
}

/** Which repeated field holds elements of a type that are not stored raw (onnx.proto, TensorProto). */
function fieldFor(dtype: DType): TypedField {
  switch (dtype) {
    case 'float32':
    case 'complex64':
      return 4
    case 'float64':
    case 'complex128':
      return 10
    case 'int64':
      return 7
    case 'uint32':
    case 'uint64':
      return 11
    default:
      return 5
  }
}

const EMPTY = new MemoryData(new Uint8Array(0))

/**
 * The elements of a tensor, packed and little-endian, from whichever form they are stored in.
 * @throws ModelError if their number is not what the shape asks for
 */
export function packedData(
  name: string,
  dtype: DType,
  dims: readonly number[],
  payload: Payload | undefined,
): TensorData {
  const count = sizeOf(dims)
  const what = `tensor ${quoted(name)} (${dtype} ${shapeText(dims)})`
  for (const dim of dims) if (!(dim >= 0)) throw new ModelError(`${what}: a dimension is negative; the file is damaged`)
  if (!(Math.max(count, ...dims.slice(0, 64)) <= Number.MAX_SAFE_INTEGER && dims.length <= 64))
    throw new ModelError(`${what}: the shape is larger than any file; the file is damaged`)
  const needed = byteLengthOf(dtype, count)
  const disagree = (got: string): ModelError =>
    new ModelError(`${what}: size and shape disagree: expected ${needed} bytes, got ${got}; the file is damaged`)

  if (payload === undefined) {
    if (needed > 0) throw disagree('none')
    return EMPTY
  }
  if (payload.external !== undefined) {
    if (payload.external.byteLength !== needed) throw disagree(`${payload.external.byteLength} of external data`)
    return payload.external
  }
  const field = fieldFor(dtype)
  const raw = payload.fields.get(RAW_DATA)
  const typed = payload.fields.get(field)
  if (raw !== undefined && (raw.byteLength > 0 || typed === undefined)) {
    if (raw.byteLength !== needed) throw disagree(String(raw.byteLength))
    return raw
  }
  if (typed === undefined) {
    if (needed > 0) throw disagree('numbers in a field for another type')
    return EMPTY
  }
  if (field === 4 || field === 10) {
    // Packed floats have the same bytes as raw ones.
    if (typed.byteLength !== needed) throw disagree(String(typed.byteLength))
    return typed
  }
  const values = bitsOf(dtype) < 8 ? needed : count
  const found = countVarints(typed, `${what}: a number is longer than ten bytes; the file is damaged`)
  if (found !== values)
    throw new ModelError(
      `${what}: size and shape disagree: expected ${values} numbers, got ${found}; the file is damaged`,
    )
  return new VarintData(typed, needed, Math.max(1, bitsOf(dtype) / 8))
}

const PIECE = 1 << 20

function countVarints(data: TensorData, tooLong: string): number {
  let count = 0
  let run = 0
  for (let at = 0; at < data.byteLength; at += PIECE) {
    for (const byte of data.read(at, Math.min(PIECE, data.byteLength - at))) {
      if (++run > 10) throw new ModelError(tooLong)
      if (byte < 0x80) {
        count++
        run = 0
      }
    }
  }
  return count
}

/** Elements that are stored as varints, unpacked when somebody reads them. Kept for the next reader as long as memory is not short. */
class VarintData implements TensorData {
  readonly byteLength: number
  readonly #wire: TensorData
  readonly #width: number
  #decoded: WeakRef<Uint8Array> | undefined
  constructor(wire: TensorData, byteLength: number, width: number) {
    this.#wire = wire
    this.byteLength = byteLength
    this.#width = width
  }
  read(offset: number, length: number): Uint8Array {
    let bytes = this.#decoded?.deref()
    if (bytes === undefined) {
      bytes = this.#decode()
      this.#decoded = new WeakRef(bytes)
    }
    return bytes.subarray(offset, offset + length)
  }
  /** Every element's low bytes: a negative number's varint is its two's complement in 64 bits. */
  #decode(): Uint8Array {
    const bytes = new Uint8Array(this.byteLength)
    let low = 0
    let high = 0
    let shift = 0
    let at = 0
    for (let from = 0; from < this.#wire.byteLength; from += PIECE) {
      for (const byte of this.#wire.read(from, Math.min(PIECE, this.#wire.byteLength - from))) {
        const seven = byte & 0x7f
        if (shift < 32) low |= seven << shift
        if (shift > 31) high |= seven << (shift - 32)
        else if (shift === 28) high |= seven >> 4
        shift += 7
        if (byte < 0x80) {
          for (let i = 0; i < this.#width; i++) bytes[at++] = i < 4 ? low >>> (8 * i) : high >>> (8 * (i - 4))
          low = high = shift = 0
        }
      }
    }
    return bytes
  }
}
