import { unzipSync } from 'fflate'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { sizeOf } from '../graph/tensor.js'
import { type HostDType, hostBytes, hostTensorOf } from './host.js'
import type { HostTensor } from './session.js'

/** The most bytes that the arrays of one .npz may take once unpacked: 1 GiB. */
const NPZ_LIMIT = 2 ** 30

const MAX_HEADER = 2 ** 16
const MAX_RANK = 32

const DTYPES: Readonly<Record<string, HostDType>> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
}

/**
 * The arrays of a NumPy .npz file by name (without '.npy'), in C order, of any float, integer or boolean type.
 * @param file names the file in errors
 * @param limit the most bytes that all arrays together may take; default 1 GiB
 * @throws ModelError for anything that is not such a file, or is larger
 */
export function readNpz(bytes: Uint8Array, file = 'the .npz file', limit = NPZ_LIMIT): Map<string, HostTensor> {
  let total = 0
  let entries: Record<string, Uint8Array>
  try {
    entries = unzipSync(bytes, {
      // The declared size is what would be allocated, and no entry can unpack to more than it.
      filter: ({ name, size, originalSize, compression }) => {
        total += compression === 0 ? size : originalSize
        if (!(total <= limit))
          throw new ModelError(
            `${file}: array ${quoted(name)}: expected at most ${limit} bytes in all, the archive declares ${total}`,
          )
        return name.endsWith('.npy')
      },
    })
  } catch (error) {
    if (error instanceof ModelError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new ModelError(
      `${file}: expected a NumPy .npz archive (numpy.savez), which this is not, or a broken one (${reason})`,
    )
  }
  const arrays = new Map<string, HostTensor>()
  for (const [name, entry] of Object.entries(entries))
    arrays.set(name.slice(0, -'.npy'.length), readNpy(entry, `${file}: array ${quoted(name)}`))
  return arrays
}

/**
 * One array of NumPy's .npy format, versions 1 to 3.
 * @param what names the array in errors
 */
function readNpy(bytes: Uint8Array, what: string): HostTensor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.byteLength < 12 || view.getUint32(0) !== 0x934e554d || view.getUint16(4) !== 0x5059)
    throw new ModelError(`${what}: expected the .npy format, which starts with '\\x93NUMPY'`)
  const wide = view.getUint8(6) >= 2
  const start = wide ? 12 : 10
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true)
  if (length > MAX_HEADER || start + length > bytes.byteLength)
    throw new ModelError(`${what}: the header is cut short or too long`)
  const { descr, fortran, shape } = parseHeader(
    new TextDecoder('latin1').decode(bytes.subarray(start, start + length)),
    what,
  )
  const dtype = DTYPES[descr.slice(1)]
  if (dtype === undefined || !'<>|='.includes(descr.charAt(0)))
    throw new ModelError(`${what}: expected a float, integer or boolean type, got '${descr}'; convert it with astype`)
  const body = bytes.subarray(start + length)
  const needed = sizeOf(shape) * hostBytes(dtype)
  if (needed !== body.byteLength)
    throw new ModelError(
      `${what}: shape [${shape.join(', ')}] of ${dtype} needs ${needed} bytes, got ${body.byteLength}`,
    )
  const ordered = descr.startsWith('>') ? swapped(body, hostBytes(dtype)) : body
  return hostTensorOf(dtype, shape, fortran && shape.length > 1 ? rowMajor(ordered, shape, hostBytes(dtype)) : ordered)
}

/** The header is a Python dictionary literal with exactly three keys; only the forms that NumPy writes are read. */
function parseHeader(text: string, what: string): { descr: string; fortran: boolean; shape: number[] } {
  const descr = /'descr'\s*:\s*'([^']+)'/.exec(text)?.[1]
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1]
  const tuple = /'shape'\s*:\s*\(([\d,\sL]*)\)/.exec(text)?.[1]
  if (descr === undefined || order === undefined || tuple === undefined)
    throw new ModelError(`${what}: expected a plain array; structured, object and text arrays are not read`)
  const shape = tuple
    .split(',')
    .map((part) => part.replace('L', '').trim())
    .filter((part) => part !== '')
    .map(Number)
  if (shape.length > MAX_RANK || !shape.every(Number.isSafeInteger) || !Number.isSafeInteger(sizeOf(shape)))
    throw new ModelError(`${what}: shape (${tuple.trim()}) is no shape`)
  return { descr, fortran: order === 'True', shape }
}

function swapped(bytes: Uint8Array, width: number): Uint8Array {
  const result = new Uint8Array(bytes.byteLength)
  for (let at = 0; at < bytes.byteLength; at += width)
    for (let k = 0; k < width; k++) result[at + k] = bytes[at + width - 1 - k] as number
  return result
}

/** Column-major (Fortran) elements in row-major order. */
function rowMajor(bytes: Uint8Array, shape: readonly number[], width: number): Uint8Array {
  const result = new Uint8Array(bytes.byteLength)
  const strides: number[] = []
  shape.reduce((stride, dim, axis) => ((strides[axis] = stride), stride * dim), 1)
  const index = shape.map(() => 0)
  let from = 0
  for (let at = 0; at < bytes.byteLength; at += width) {
    for (let k = 0; k < width; k++) result[at + k] = bytes[from * width + k] as number
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] as number
      index[axis] = (index[axis] as number) + 1
      from += stride
      if ((index[axis] as number) < (shape[axis] as number)) break
      from -= stride * (shape[axis] as number)
      index[axis] = 0
    }
  }
  return result
}
