import type { DType } from './dtype.js'
import { ModelError, type Tensor } from './model.js'
import { bytesOf, MemoryData, sizeOf } from './tensor.js'
import { quoted } from './text.js'

/** What safetensors allows a header at most, in bytes. */
const MAX_HEADER = 100_000_000
const METADATA = '__metadata__'

/** Element types by the names that safetensors has for them. */
const TYPES: Readonly<Record<string, readonly [DType, bytes: number]>> = {
  F64: ['float64', 8],
  F32: ['float32', 4],
  F16: ['float16', 2],
  BF16: ['bfloat16', 2],
  I64: ['int64', 8],
  I32: ['int32', 4],
  I16: ['int16', 2],
  I8: ['int8', 1],
  U64: ['uint64', 8],
  U32: ['uint32', 4],
  U16: ['uint16', 2],
  U8: ['uint8', 1],
  BOOL: ['bool', 1],
}

const NAMES = new Map(Object.entries(TYPES).map(([name, [dtype]]) => [dtype, name]))

/** What safetensors calls an element type; undefined where it has none. */
export function safetensorsType(dtype: DType): string | undefined {
  return NAMES.get(dtype)
}

/** Tensors and texts of a safetensors file. */
export interface Safetensors {
  /** In the order of their bytes. */
  readonly tensors: readonly Tensor[]
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * The bytes of a safetensors file, tensors in the order given.
 * @param noun what a tensor is called in errors
 * @throws ModelError for the name that safetensors keeps for itself, and for types that it does not have
 */
export function encodeSafetensors({ tensors, metadata }: Safetensors, noun = 'tensor'): Uint8Array {
  const entries = [`${JSON.stringify(METADATA)}:${JSON.stringify(metadata)}`]
  let size = 0
  for (const { name, dtype, dims, data } of tensors) {
    if (name === METADATA) throw new ModelError(`${noun} ${quoted(name)}: safetensors keeps this name for itself`)
    const type = NAMES.get(dtype)
    if (type === undefined)
      throw new ModelError(`${noun} ${quoted(name)}: safetensors has no elements of type ${dtype}`)
    const end = size + data.byteLength
    // Written piece by piece: an object would put names that are numbers first.
    entries.push(
      `${JSON.stringify(name)}:{"dtype":"${type}","shape":[${dims.join(',')}],"data_offsets":[${size},${end}]}`,
    )
    size = end
  }
  const text = new TextEncoder().encode(`{${entries.join(',')}}`)
  const header = Math.ceil(text.length / 8) * 8
  const bytes = new Uint8Array(8 + header + size)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header), true)
  bytes.fill(0x20, 8, 8 + header)
  bytes.set(text, 8)
  let at = 8 + header
  for (const tensor of tensors) {
    bytes.set(bytesOf(tensor), at)
    at += tensor.data.byteLength
  }
  return bytes
}

/**
 * Reads a safetensors file. The tensors are views of `bytes`.
 * @param refuse makes an error of what is wrong
 * @param noun what a tensor is called in errors
 */
export function decodeSafetensors(bytes: Uint8Array, refuse: (why: string) => Error, noun = 'tensor'): Safetensors {
  const { header, start } = headerOf(bytes, refuse)
  const { [METADATA]: metadata = {}, ...entries } = header
  if (!isObject(metadata)) throw refuse('its metadata is not a JSON object')
  for (const [key, value] of Object.entries(metadata))
    if (typeof value !== 'string') throw refuse(`its metadata ${quoted(key)} is not a text`)
  const found = Object.entries(entries).map(([name, entry]) => entryOf(name, entry, refuse, noun))
  found.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let at = 0
  for (const { name, begin, end } of found) {
    if (begin !== at)
      throw refuse(`the bytes of ${noun} ${quoted(name)} begin at ${begin}, expected ${at}; the file is damaged`)
    at = end
  }
  if (at !== bytes.length - start)
    throw refuse(
      `it holds ${bytes.length - start} bytes of numbers, its header speaks of ${at}; it is cut off or damaged`,
    )
  const tensors = found.map(({ name, dtype, dims, begin, end }) => ({
    name,
    dtype,
    dims,
    data: new MemoryData(bytes.subarray(start + begin, start + end)),
  }))
  return { tensors, metadata: metadata as Record<string, string> }
}

function headerOf(bytes: Uint8Array, refuse: (why: string) => Error) {
  if (bytes.length < 8) throw refuse(`it has ${bytes.length} bytes, and a safetensors file at least 8`)
  const declared = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  if (declared > BigInt(Math.min(MAX_HEADER, bytes.length - 8)))
    throw refuse('a safetensors file begins with the length of its header, and this length passes the end of the file')
  const start = 8 + Number(declared)
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, start)))
  } catch {
    throw refuse('its safetensors header is not JSON')
  }
  if (!isObject(header)) throw refuse('its safetensors header is not a JSON object')
  return { header, start }
}

interface Entry {
  readonly name: string
  readonly dtype: DType
  readonly dims: readonly number[]
  readonly begin: number
  readonly end: number
}

function entryOf(name: string, entry: unknown, refuse: (why: string) => Error, noun: string): Entry {
  const at = `${noun} ${quoted(name)}`
  if (!isObject(entry)) throw refuse(`${at}: its entry in the header is not an object`)
  const { dtype, shape, data_offsets: offsets } = entry
  const type = typeof dtype === 'string' && Object.hasOwn(TYPES, dtype) ? TYPES[dtype] : undefined
  if (type === undefined)
    throw refuse(`${at}: expected a type such as F32 or F64, got ${typeof dtype === 'string' ? quoted(dtype) : 'none'}`)
  if (!isSizes(shape)) throw refuse(`${at}: its shape is no list of sizes`)
  if (!isSizes(offsets) || offsets.length !== 2) throw refuse(`${at}: expected two data offsets`)
  const [begin, end] = offsets as [number, number]
  const count = sizeOf(shape)
  if (end - begin !== count * type[1])
    throw refuse(`${at}: ${count} numbers of ${type[1]} bytes do not fill bytes ${begin} to ${end}`)
  return { name, dtype: type[0], dims: shape, begin, end }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whole numbers of at least 0. */
function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0)
}
