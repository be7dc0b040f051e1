import { ModelError } from '../graph/model.js'
import { decodeSafetensors, encodeSafetensors, safetensorsType } from '../graph/safetensors.js'
import { numbersOf, tensorOf } from '../graph/tensor.js'
import { quoted } from '../graph/text.js'
import type { Cob, CobOrigin } from './cob.js'
import { SAMPLINGS } from './sample.js'

const FORMAT = 'neural-teleportation change of basis'
const VERSION = '1'

/**
 * A CoB as the bytes of a safetensors file: one F64 vector per vertex under the vertex's name, and as metadata `model_sha256`,
 * `model_name`, `moved_sha256`, `moved_name`, `scope`, `sampling`, `range`, `seed` and `exact`, as far as they are known.
 * @throws ModelError for a vertex of the name that safetensors keeps for its metadata
 */
export function encodeCob(cob: Cob): Uint8Array {
  const tensors = [...cob.factors].map(([name, tau]) => tensorOf(name, 'float64', [tau.length], tau))
  return encodeSafetensors({ tensors, metadata: metadataOf(cob.origin) }, 'vertex')
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
  const { tensors, metadata } = decodeSafetensors(bytes, refuse, 'vertex')
  const factors = new Map<string, Float64Array>()
  for (const tensor of tensors) {
    const at = `vertex ${quoted(tensor.name)}`
    if (tensor.dtype !== 'float64')
      throw refuse(`${at}: expected numbers of type F64, got ${quoted(safetensorsType(tensor.dtype) ?? '')}`)
    if (tensor.dims.length !== 1) throw refuse(`${at}: expected a shape of one dimension`)
    const tau = numbersOf(tensor)
    tau.forEach((value, i) => {
      if (!Number.isFinite(value) || value === 0)
        throw new ModelError(
          `${file}: vertex ${quoted(tensor.name)}, neuron ${i}: τ = ${value}; expected a finite number other than 0`,
        )
    })
    factors.set(tensor.name, tau)
  }
  return { factors, origin: originOf(metadata, file) }
}

function originOf(metadata: Readonly<Record<string, string>>, file: string): CobOrigin {
  const text = (key: string): string | undefined => (Object.hasOwn(metadata, key) ? metadata[key] : undefined)
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
