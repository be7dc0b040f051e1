import { type DType, bitsOf, byteLengthOf } from './dtype.js'
import { ModelError, type Tensor, type TensorData } from './model.js'
import { quoted } from './text.js'
import { halfToDouble, doubleToHalf, bfloat16ToDouble, doubleToBfloat16 } from './half.js'

/** Data that lies in memory. */
export class MemoryData implements TensorData {
  readonly #bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }
  get byteLength(): number {
    return this.#bytes.byteLength
  }
  read(offset: number, length: number): Uint8Array {
    return this.#bytes.subarray(offset, offset + length)
  }
}

/** How many elements a shape holds; 1 for a scalar. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}

/** True if two lists of sizes are the same. */
export function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis])
}

/** All bytes of a tensor, little-endian. */
export function bytesOf(tensor: Tensor): Uint8Array {
  return tensor.data.read(0, tensor.data.byteLength)
}

/**
 * The elements as doubles (exact but for int64 and uint64 beyond 2^53).
 * @throws ModelError for strings, complex numbers and types narrower than a byte
 */
export function numbersOf(tensor: Tensor): Float64Array {
  const bytes = bytesOf(tensor)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = sizeOf(tensor.dims)
  const read = READERS[tensor.dtype]
  if (read === undefined)
    throw new ModelError(`tensor ${quoted(tensor.name)}: elements of type ${tensor.dtype} cannot be read as numbers`)
  const step = bitsOf(tensor.dtype) / 8
  const numbers = new Float64Array(count)
  for (let i = 0; i < count; i++) numbers[i] = read(view, i * step)
  return numbers
}

/**
 * A tensor in memory. `values` are rounded once to `dtype`, to nearest, ties to even; for integers they are truncated.
 * @throws ModelError if their number does not fit `dims`, and for types that `numbersOf` does not read
 */
export function tensorOf(name: string, dtype: DType, dims: readonly number[], values: ArrayLike<number>): Tensor {
  const write = WRITERS[dtype]
  if (write === undefined)
    throw new ModelError(`tensor ${quoted(name)}: elements of type ${dtype} cannot be written from numbers`)
  if (values.length !== sizeOf(dims))
    throw new ModelError(
      `tensor ${quoted(name)}: shape [${dims.join(', ')}] needs ${sizeOf(dims)} elements, got ${values.length}`,
    )
  const bytes = new Uint8Array(byteLengthOf(dtype, values.length))
  const view = new DataView(bytes.buffer)
  const step = bitsOf(dtype) / 8
  for (let i = 0; i < values.length; i++) write(view, i * step, values[i] as number)
  return { name, dtype, dims, data: new MemoryData(bytes) }
}

const READERS: Partial<Record<DType, (view: DataView, at: number) => number>> = {
  float32: (view, at) => view.getFloat32(at, true),
  float64: (view, at) => view.getFloat64(at, true),
  float16: (view, at) => halfToDouble(view.getUint16(at, true)),
  bfloat16: (view, at) => bfloat16ToDouble(view.getUint16(at, true)),
  int8: (view, at) => view.getInt8(at),
  uint8: (view, at) => view.getUint8(at),
  bool: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
  int16: (view, at) => view.getInt16(at, true),
  uint16: (view, at) => view.getUint16(at, true),
  int32: (view, at) => view.getInt32(at, true),
  uint32: (view, at) => view.getUint32(at, true),
  int64: (view, at) => Number(view.getBigInt64(at, true)),
  uint64: (view, at) => Number(view.getBigUint64(at, true)),
}

const WRITERS: Partial<Record<DType, (view: DataView, at: number, value: number) => void>> = {
  float32: (view, at, value) => view.setFloat32(at, value, true),
  float64: (view, at, value) => view.setFloat64(at, value, true),
  float16: (view, at, value) => view.setUint16(at, doubleToHalf(value), true),
  bfloat16: (view, at, value) => view.setUint16(at, doubleToBfloat16(value), true),
  int8: (view, at, value) => view.setInt8(at, value),
  uint8: (view, at, value) => view.setUint8(at, value),
  bool: (view, at, value) => view.setUint8(at, value === 0 ? 0 : 1),
  int16: (view, at, value) => view.setInt16(at, value, true),
  uint16: (view, at, value) => view.setUint16(at, value, true),
  int32: (view, at, value) => view.setInt32(at, value, true),
  uint32: (view, at, value) => view.setUint32(at, value, true),
  int64: (view, at, value) => view.setBigInt64(at, BigInt(Math.trunc(value)), true),
  uint64: (view, at, value) => view.setBigUint64(at, BigInt(Math.trunc(value)), true),
}
