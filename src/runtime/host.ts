import type { DType } from '../graph/dtype.js'
import { doubleToHalf, halfToDouble } from '../graph/half.js'
import { ModelError, type Tensor } from '../graph/model.js'
import { bytesOf, MemoryData, sizeOf } from '../graph/tensor.js'
import { quoted } from '../graph/text.js'
import type { HostData, HostTensor } from './session.js'

type NumberArray = Exclude<HostData, readonly string[] | BigInt64Array | BigUint64Array>

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
} as const

/** The element types, strings aside, that can be given to a runtime and taken from it. */
export type HostDType = keyof typeof ARRAYS

export function isHostDType(dtype: DType): dtype is HostDType {
  return dtype in ARRAYS
}

/** Bytes that one element of `dtype` takes in memory. */
export function hostBytes(dtype: HostDType): number {
  return ARRAYS[dtype].BYTES_PER_ELEMENT
}

/** A tensor of zeros. */
export function zeros(dtype: HostDType, dims: readonly number[]): HostTensor {
  return { dtype, dims, data: new ARRAYS[dtype](sizeOf(dims)) }
}

/** A tensor over bytes in the machine's (little-endian) order; they are shared if they are aligned, and copied if not. */
export function hostTensorOf(dtype: HostDType, dims: readonly number[], bytes: Uint8Array): HostTensor {
  const type = ARRAYS[dtype]
  const aligned = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice()
  return { dtype, dims, data: new type(aligned.buffer as ArrayBuffer, aligned.byteOffset, sizeOf(dims)) }
}

/** The same elements as a model's tensor; memory is shared. @throws ModelError for strings */
export function tensorOfHost(name: string, { dtype, dims, data }: HostTensor): Tensor {
  if (Array.isArray(data)) throw new ModelError(`tensor ${quoted(name)}: strings are no numbers`)
  const { buffer, byteOffset, byteLength } = data as Uint8Array
  return { name, dtype, dims, data: new MemoryData(new Uint8Array(buffer, byteOffset, byteLength)) }
}

/** A model's tensor as a runtime takes it; memory is shared where it is aligned. @throws ModelError for types that no runtime takes */
export function hostOfTensor(tensor: Tensor): HostTensor {
  if (!isHostDType(tensor.dtype))
    throw new ModelError(`tensor ${quoted(tensor.name)}: elements of type ${tensor.dtype} cannot be fed to a runtime`)
  return hostTensorOf(tensor.dtype, tensor.dims, bytesOf(tensor))
}

/** Reads elements as doubles: exact but for 64-bit integers beyond 2^53. Absent for strings. */
export function numberReader(tensor: HostTensor): ((index: number) => number) | undefined {
  const { dtype, data } = tensor
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return (i) => Number(data[i])
  if (Array.isArray(data)) return undefined
  const numbers = data as NumberArray
  if (dtype === 'float16') return (i) => halfToDouble(numbers[i] as number)
  return (i) => numbers[i] as number
}

/** Writes doubles as elements, rounded once (integers: truncated). Absent for strings. */
export function numberWriter(tensor: HostTensor): ((index: number, value: number) => void) | undefined {
  const { dtype, data } = tensor
  if (data instanceof BigInt64Array || data instanceof BigUint64Array)
    return (i, value) => {
      data[i] = BigInt(Math.trunc(value))
    }
  if (Array.isArray(data)) return undefined
  const numbers = data as NumberArray
  if (dtype === 'float16')
    return (i, value) => {
      numbers[i] = doubleToHalf(value)
    }
  return (i, value) => {
    numbers[i] = value
  }
}

const FLOATS: ReadonlySet<DType> = new Set(['float16', 'float32', 'float64'])

/**
 * The same values in another element type, so that what NumPy saves by default (float64, int64) can be fed to a float32 or int32
 * input. Floats are rounded once; integers must keep their value.
 * @param what names the tensor in errors
 * @throws ModelError where a value does not fit, or where a float would become an integer
 */
export function converted(tensor: HostTensor, dtype: DType, what: string): HostTensor {
  if (tensor.dtype === dtype) return tensor
  const refuse = (why: string) =>
    new ModelError(`${what}: expected elements of type ${dtype}, got ${tensor.dtype}${why}`)
  const read = numberReader(tensor)
  if (read === undefined || !isHostDType(dtype) || (FLOATS.has(tensor.dtype) && !FLOATS.has(dtype))) throw refuse('')
  const result = zeros(dtype, tensor.dims)
  const write = numberWriter(result)
  const back = numberReader(result)
  if (write === undefined || back === undefined) throw refuse('')
  const exact = !FLOATS.has(dtype)
  for (let i = 0; i < tensor.data.length; i++) {
    const value = read(i)
    write(i, value)
    if (exact && (dtype === 'bool' ? value !== 0 && value !== 1 : back(i) !== value))
      throw refuse(`, whose value ${value} does not fit`)
  }
  return result
}
