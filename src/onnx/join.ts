import type { DescMessage } from '@bufbuild/protobuf'
import { create, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProtoSchema,
  TrainingInfoProtoSchema,
} from 'onnx-buf'
import type { TensorData } from '../graph/model.js'
import { MemoryInput } from './memory-files.js'
import { tensorsIn } from './messages.js'
import { FileData, type Payload, RAW_DATA, numberOfMark, payloadOf } from './payload.js'
import { type Rope, ropeOf } from './rope.js'
import { BYTES, FIXED32, FIXED64, WireReader, fieldsOf } from './wire.js'

/**
 * Where a tensor's elements are to go: into the model's own file in the form that they were stored in, or into the other.
 * `isConstant`: it is an initializer or a node's attribute, where every runtime looks for external data.
 */
export type Placement = (payload: Payload, isConstant: boolean) => 'inline' | 'external'

export interface JoinedModel {
  /** The .onnx file. */
  readonly model: Rope
  /** What goes into the data file, in order, each at its offset. */
  readonly external: readonly { readonly offset: number; readonly data: TensorData }[]
}

/** What maps and direct reading of a disk ask for. */
const ALIGNMENT = 4096

/** The wire form of a message whose tensors hold marks: the reverse of cutModel. `location` is what the model calls its data file. */
export function joinModel(proto: ModelProto, place: Placement, location: string): JoinedModel {
  const payloads = new Map<number, Payload>()
  for (const tensor of tensorsIn(proto)) {
    const payload = payloadOf(tensor)
    if (payload !== undefined) payloads.set(numberOfMark(tensor.rawData) as number, payload)
  }
  const slim = toBinary(ModelProtoSchema, proto)
  const joiner = new Joiner(slim, payloads, place, location)
  return { model: joiner.message(ModelProtoSchema, slim.length, false), external: joiner.external }
}

class Joiner {
  readonly external: { offset: number; data: TensorData }[] = []
  readonly #slim: Uint8Array
  readonly #reader: WireReader
  readonly #payloads: ReadonlyMap<number, Payload>
  readonly #place: Placement
  readonly #location: string
  /** Tensors that shared their data in the old file share it in the new. */
  readonly #placed = new Map<unknown, Map<string, number>>()
  #end = 0
  #isCarried = false

  constructor(slim: Uint8Array, payloads: ReadonlyMap<number, Payload>, place: Placement, location: string) {
    this.#slim = slim
    this.#reader = new WireReader(new MemoryInput('the model', slim), slim.length)
    this.#payloads = payloads
    this.#place = place
    this.#location = location
  }

  message(type: DescMessage, end: number, isConstant: boolean): Rope {
    const reader = this.#reader
    const fields = fieldsOf(type)
    const parts: (Uint8Array | TensorData | Rope)[] = []
    // What need not be looked into is taken over in as long pieces as possible.
    let from = reader.pos
    const flush = (to: number): void => {
      if (to > from) parts.push(this.#slim.subarray(from, to))
    }
    while (reader.pos < end) {
      const start = reader.pos
      const tag = reader.varint()
      const number = Math.floor(tag / 8)
      const length = this.#lengthOf(tag % 8)
      const valueAt = reader.pos
      const child = fields.get(number)?.child
      if (type === TensorProtoSchema && (number === RAW_DATA || DATA_PLACE.has(number))) {
        flush(start)
        if (number === RAW_DATA) parts.push(...this.#elements(reader.take(length), isConstant))
        from = valueAt + length
      } else if (child !== undefined && holdsTensors(child)) {
        flush(start)
        if (CARRIED.has(child)) this.#isCarried = true
        const inner = this.message(
          child,
          valueAt + length,
          child === TensorProtoSchema ? this.#holdsConstants(type) : false,
        )
        if (CARRIED.has(child)) this.#isCarried = false
        parts.push(prefix(number, inner.length), inner)
        from = valueAt + length
      }
      reader.pos = valueAt + length
    }
    flush(end)
    return ropeOf(parts)
  }

  #holdsConstants(type: DescMessage): boolean {
    return !this.#isCarried && (type === GraphProtoSchema || type === AttributeProtoSchema)
  }

  #lengthOf(wire: number): number {
    const reader = this.#reader
    if (wire === BYTES) return reader.varint()
    if (wire === FIXED64 || wire === FIXED32) return wire === FIXED64 ? 8 : 4
    const start = reader.pos
    reader.varint()
    const length = reader.pos - start
    reader.pos = start
    return length
  }

  #elements(mark: Uint8Array, isConstant: boolean): (Uint8Array | TensorData)[] {
    const payload = this.#payloads.get(numberOfMark(mark) ?? -1)
    if (payload === undefined) throw new Error('a tensor without its elements')
    const packed = payload.external ?? payload.packed ?? payload.fields.get(RAW_DATA)
    const isEmpty = packed === undefined || packed.byteLength === 0
    if (!isEmpty && this.#place(payload, isConstant) === 'external') return [this.#elsewhere(packed)]
    const fields = payload.external === undefined ? payload.fields : new Map([[RAW_DATA, payload.external]])
    return [...fields].flatMap(([number, data]) => [prefix(number, data.byteLength), data])
  }

  /** Gives the data a place in the data file; returns the fields that name it. */
  #elsewhere(data: TensorData): Uint8Array {
    const shared = data instanceof FileData ? `${data.offset}:${data.byteLength}` : ''
    const owner = data instanceof FileData ? data.file : data
    let places = this.#placed.get(owner)
    if (places === undefined) this.#placed.set(owner, (places = new Map<string, number>()))
    let offset = places.get(shared)
    if (offset === undefined) {
      offset = Math.ceil(this.#end / ALIGNMENT) * ALIGNMENT
      places.set(shared, offset)
      this.external.push({ offset, data })
      this.#end = offset + data.byteLength
    }
    const entries = { location: this.#location, offset: String(offset), length: String(data.byteLength) }
    const externalData = Object.entries(entries).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    )
    return toBinary(TensorProtoSchema, create(TensorProtoSchema, { externalData, dataLocation: DataLocation.EXTERNAL }))
  }
}

/** Neither lies inside the other or inside itself. */
const CARRIED: ReadonlySet<DescMessage> = new Set<DescMessage>([FunctionProtoSchema, TrainingInfoProtoSchema])

/** external_data and data_location. */
const DATA_PLACE: ReadonlySet<number> = new Set([13, 14])

function prefix(number: number, length: number): Uint8Array {
  // uint64: what is too long for a file of its own is found out by its length, later.
  return new BinaryWriter().tag(number, BYTES).uint64(BigInt(length)).finish()
}

const holders = new Map<DescMessage, boolean>()

/** Whether a message of this type can have a tensor inside. */
function holdsTensors(type: DescMessage): boolean {
  let holds = holders.get(type)
  if (holds === undefined) {
    holders.set(type, type === TensorProtoSchema)
    holds =
      type === TensorProtoSchema ||
      type.fields.some((field) => field.message !== undefined && holdsTensors(field.message))
    holders.set(type, holds)
  }
  return holds
}
