import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { Cob, CobOrigin } from './cob.js'
import { SAMPLINGS } from './sample.js'

/** What safetensors allows a header at most, in bytes. */
const MAX_HEADER = 100_000_000
const METADATA = '__metadata__'
const FORMAT = 'neural-teleportation change of basis'
const VERSION = '1'

/**
 * A CoB as the bytes of a safetensors file: one F64 vector per vertex under the vertex's name, and as metadata `model_sha256`,
 * `model_name`, `moved_sha256`, `moved_name`, `scope`, `sampling`, `range`, `seed` and `exact`, as far as they are known.
 * @throws ModelError for a vertex of the name that safetensors keeps for its metadata
 */
export function encodeCob(cob: Cob): Uint8Array {
  const entries = [`${JSON.stringify(METADATA)}:${JSON.stringify(metadataOf(cob.origin))}`]
  let size = 0
  for (const [name, tau] of cob.factors) {
    if (name === METADATA) throw new ModelError(`vertex ${quoted(name)}: safetensors keeps this name for itself`)
    const end = size + tau.length * 8
    // Written piece by piece: an object would put names that are numbers first.
    entries.push(`${JSON.stringify(name)}:{"dtype":"F64","shape":[${tau.length}],"data_offsets":[${size},${end}]}`)
    size = end
  }
  const text = new TextEncoder().encode(`{${entries.join(',')}}`)
  const header = Math.ceil(text.length / 8) * 8
  const bytes = new Uint8Array(8 + header + size)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(header), true)
  bytes.fill(0x20, 8, 8 + header)
  bytes.set(text, 8)
  let at = 8 + header
  for (const tau of cob.factors.values())
    for (const value of tau) {
      view.setFloat64(at, value, true)
      at += 8
    }
  return bytes
}

function metadataOf(origin: CobOrigin): Record<string, string> {
  const { model, modelName, moved, movedName, scope, sampling, range, seed, exact } = origin
  const metadata: Record<string, string | undefined> = {
    format: FORMAT,
    version: VERSION,
    model_sha256: model,
    model_name: modelName,
    moved_sha256: moved,
    moved_name: movedName,
    scope,
    sampling,
    range: range?.toString(),
    seed: seed?.toString(),
    exact: exact?.toString(),
  }
  return Object.fromEntries(
    Object.entries(metadata).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

/**
 * Reads what `encodeCob` wrote, or any safetensors file of F64 vectors. The factors are in the order of their bytes.
 * @param file names the file in errors
 * @throws ModelError for anything else, and for factors that are 0, infinite or no number
 */
export function decodeCob(bytes: Uint8Array, file = 'the CoB file'): Cob {
  const refuse = (why: string): ModelError => new ModelError(`${file} is not a CoB file: ${why}`)
  const header = headerOf(bytes, refuse)
  const { [METADATA]: metadata = {}, ...entries } = header
  const start = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)) + 8
  const vectors = Object.entries(entries).map(([name, entry]) => vectorOf(name, entry, refuse))
  vectors.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let at = 0
  for (const { name, begin, end } of vectors) {
    if (begin !== at)
      throw refuse(`the bytes of vertex ${quoted(name)} begin at ${begin}, expected ${at}; the file is damaged`)
    at = end
  }
  if (at !== bytes.length - start)
    throw refuse(
      `it holds ${bytes.length - start} bytes of numbers, its header speaks of ${at}; it is cut off or damaged`,
    )
  const factors = new Map<string, Float64Array>()
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, at)
  for (const { name, begin, end } of vectors) {
    const tau = new Float64Array((end - begin) / 8)
    for (let i = 0; i < tau.length; i++) {
      const value = view.getFloat64(begin + i * 8, true)
      if (!Number.isFinite(value) || value === 0)
        throw new ModelError(
          `${file}: vertex ${quoted(name)}, neuron ${i}: τ = ${value}; expected a finite number other than 0`,
        )
      tau[i] = value
    }
    factors.set(name, tau)
  }
  return { factors, origin: originOf(metadata, file, refuse) }
}

type Refuse = (why: string) => ModelError

function headerOf(bytes: Uint8Array, refuse: Refuse): Record<string, unknown> {
  if (bytes.length < 8) throw refuse(`it has ${bytes.length} bytes, and a safetensors file at least 8`)
  const declared = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  if (declared > BigInt(Math.min(MAX_HEADER, bytes.length - 8)))
    throw refuse('a safetensors file begins with the length of its header, and this length passes the end of the file')
  let header: unknown
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + Number(declared)))
    header = JSON.parse(text)
  } catch {
    throw refuse('its safetensors header is not JSON')
  }
  if (!isObject(header)) throw refuse('its safetensors header is not a JSON object')
  return header
}

function vectorOf(name: string, entry: unknown, refuse: Refuse): { name: string; begin: number; end: number } {
  const at = `vertex ${quoted(name)}`
  if (!isObject(entry)) throw refuse(`${at}: its entry in the header is not an object`)
  const { dtype, shape, data_offsets: offsets } = entry
  if (dtype !== 'F64')
    throw refuse(`${at}: expected numbers of type F64, got ${typeof dtype === 'string' ? quoted(dtype) : 'none'}`)
  if (!isNumbers(shape) || shape.length !== 1) throw refuse(`${at}: expected a shape of one dimension`)
  if (!isNumbers(offsets) || offsets.length !== 2) throw refuse(`${at}: expected two data offsets`)
  const [begin, end] = offsets as [number, number]
  if (end - begin !== (shape[0] as number) * 8)
    throw refuse(`${at}: ${shape[0]} numbers of 8 bytes do not fill bytes ${begin} to ${end}`)
  return { name, begin, end }
}

function originOf(metadata: unknown, file: string, refuse: Refuse): CobOrigin {
  if (!isObject(metadata)) throw refuse('its metadata is not a JSON object')
  const text = (key: string): string | undefined => {
    const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined
    if (value !== undefined && typeof value !== 'string') throw refuse(`its metadata ${quoted(key)} is not a text`)
    return value
  }
  const invalid = (key: string, expected: string) =>
    new ModelError(`${file}: metadata ${quoted(key)}: expected ${expected}, got ${quoted(text(key) ?? '')}`)
  const oneOf = <T extends string>(key: string, choices: readonly T[]): T | undefined => {
    const value = text(key)
    const found = choices.find((choice) => choice === value)
    if (value !== undefined && found === undefined) throw invalid(key, `one of ${choices.join(', ')}`)
    return found
  }
  const number = (key: string): number | undefined => {
    const value = text(key)
    if (value === undefined) return undefined
    if (value.trim() === '' || !Number.isFinite(Number(value))) throw invalid(key, 'a number')
    return Number(value)
  }
  const hash = (key: string): string | undefined => {
    const value = text(key)
    if (value !== undefined && !/^[0-9a-f]{64}$/.test(value)) throw invalid(key, 'a SHA-256 in hexadecimal')
    return value
  }
  const version = text('version')
  if (text('format') === FORMAT && version !== VERSION)
    throw invalid('version', `${VERSION} (a newer program wrote the file)`)
  const exact = oneOf('exact', ['true', 'false'])
  const origin: { readonly [K in keyof CobOrigin]: CobOrigin[K] | undefined } = {
    model: hash('model_sha256'),
    modelName: text('model_name'),
    moved: hash('moved_sha256'),
    movedName: text('moved_name'),
    scope: oneOf('scope', ['weights', 'full']),
    sampling: oneOf('sampling', SAMPLINGS),
    range: number('range'),
    seed: number('seed'),
    exact: exact === undefined ? undefined : exact === 'true',
  }
  return Object.fromEntries(Object.entries(origin).filter(([, value]) => value !== undefined))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whole numbers of at least 0. */
function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0)
}
