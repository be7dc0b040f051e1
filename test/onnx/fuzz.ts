import { fromBinary } from '@bufbuild/protobuf'
import fs from 'node:fs'
import { ModelProtoSchema } from 'onnx-buf'
import { type Graph, type Model, ModelError } from '../../src/graph/model.js'
import { bytesOf } from '../../src/graph/tensor.js'
import { MemoryFiles } from '../../src/onnx/memory-files.js'
import { readModel, readModelBytes } from '../../src/onnx/read.js'
import { modelBytes, writeModel } from '../../src/onnx/write.js'
import { realFiles } from './corpus.js'
import { type Place, generator, mutate } from './mutate.js'
import { mutateStructure } from './structured.js'

/** What was found wrong with one mutation; none is the expected result. */
export interface Finding {
  readonly seed: number
  readonly file: string
  readonly problem: string
}

export interface FuzzOptions {
  readonly cases: number
  readonly seed?: number
  /** Longest time for one case, in milliseconds. Default 5000: what takes so long, hangs. */
  readonly patience?: number
  /** Runs on every model that can be read; may throw a ModelError of one line, and nothing else. */
  readonly visit?: (model: Model) => void
}

export interface FuzzResult {
  readonly findings: readonly Finding[]
  /** How many of the mutations could still be read. */
  readonly read: number
  readonly refused: number
}

interface Source {
  readonly file: string
  readonly bytes: Uint8Array
  /** What lies beside it, if its tensors do. */
  readonly data?: Uint8Array
  readonly place: Place
}

const NAME = 'm.onnx'

/** Small files whole; of large ones, mutations hit the beginnings of what the weights leave over. */
function sources(): Source[] {
  return realFiles()
    .filter((file) => fs.statSync(file).size < 1_000_000)
    .map((file) => ({ file, bytes: new Uint8Array(fs.readFileSync(file)) }))
    .flatMap((source): Omit<Source, 'place'>[] => [source, withExternalData(source)])
    .map((source) => {
      const { bytes } = source
      const dense = structuralPlaces(bytes)
      return {
        ...source,
        place: (random) => (random(4) === 0 ? random(bytes.length) : (dense[random(dense.length)] as number)),
      }
    })
}

function withExternalData({ file, bytes }: { file: string; bytes: Uint8Array }): Omit<Source, 'place'> {
  const files = new MemoryFiles()
  writeModel(files, readModelBytes(bytes), NAME, { layout: 'external' })
  const data = files.contents.get(`${NAME}.data`)
  return {
    file: `${file} (external)`,
    bytes: files.contents.get(NAME) ?? bytes,
    ...(data === undefined ? {} : { data }),
  }
}

function read(bytes: Uint8Array, data: Uint8Array | undefined): Model {
  const files = new MemoryFiles()
  files.contents.set(NAME, bytes)
  if (data !== undefined) files.contents.set(`${NAME}.data`, data)
  return readModel(files, NAME)
}

/** Places whose neighbourhood is not weights: names of nodes and attributes are letters. */
function structuralPlaces(bytes: Uint8Array): number[] {
  const places: number[] = []
  let letters = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    letters = (byte >= 0x61 && byte <= 0x7a) || byte === 0x5f ? letters + 1 : 0
    if (letters === 3) for (let at = Math.max(0, i - 12); at < Math.min(bytes.length, i + 12); at++) places.push(at)
  }
  return places
}

/**
 * Reads mutations of real files, then all their small tensors, and writes them back. Each must give a Model or a ModelError of one
 * line. Case n of a seed is the same whatever the number of cases.
 */
export function fuzz(options: FuzzOptions): FuzzResult {
  const files = sources()
  const protos = files.map(({ bytes }) => fromBinary(ModelProtoSchema, bytes))
  const findings: Finding[] = []
  let sound = 0
  for (let i = 0; i < options.cases; i++) {
    const seed = (options.seed ?? 0) + i
    const random = generator(seed)
    const index = random(files.length)
    const source = files[index] as Source
    const other = files[random(files.length)] as Source
    const bytes =
      random(3) === 0
        ? mutateStructure(protos[index] as (typeof protos)[number], random)
        : mutate(source.bytes, source.place, random, other.bytes)
    const start = performance.now()
    const problem = problemOf(() => {
      const model = read(bytes, source.data)
      sound++
      exercise(model)
      options.visit?.(model)
    })
    const time = performance.now() - start
    if (problem !== undefined) findings.push({ seed, file: source.file, problem })
    else if (time > (options.patience ?? 5000))
      findings.push({ seed, file: source.file, problem: `took ${Math.round(time)} ms` })
  }
  return { findings, read: sound, refused: options.cases - sound }
}

function problemOf(action: () => void): string | undefined {
  try {
    action()
  } catch (error) {
    if (!(error instanceof ModelError)) return error instanceof Error ? (error.stack ?? error.message) : String(error)
    if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(error.message)) return `not one line: ${JSON.stringify(error.message)}`
    if (error.message.length >= 500) return `${error.message.length} characters: ${error.message}`
  }
  return undefined
}

function exercise(model: Model): void {
  readTensors(model.graph)
  const again = readModelBytes(modelBytes(model))
  if (again.graph.nodes.length !== model.graph.nodes.length) throw new Error('what was written reads as another model')
}

function readTensors(graph: Graph): void {
  for (const tensor of graph.initializers.values()) if (tensor.data.byteLength < 1 << 20) bytesOf(tensor)
  for (const node of graph.nodes)
    for (const attribute of node.attributes.values()) {
      if (attribute.type === 'tensor') bytesOf(attribute.value)
      else if (attribute.type === 'graph') readTensors(attribute.value)
      else if (attribute.type === 'graphs') attribute.value.forEach(readTensors)
    }
}
