import type { DescMessage } from '@bufbuild/protobuf'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { ModelProtoSchema, TensorProtoSchema } from 'onnx-buf'
import type { TensorData } from '../graph/model.js'
import { MemoryData } from '../graph/tensor.js'
import type { InputFile } from './files.js'
import { FileData, JoinedData, type Payload, RAW_DATA, markFor, numberOfMark } from './payload.js'
import { BYTES, FIXED32, FIXED64, type FieldShape, VARINT, WireReader, fieldsOf } from './wire.js'

/** Nested messages, as protobuf's own implementations limit them. A subgraph inside a subgraph costs three. */
const MAX_DEPTH = 99
/** Payloads below this many bytes are read at once: a later read of the file would cost more. */
const SMALL_PAYLOAD = 4096
/**
 * How much memory everything but the tensors' elements may take once it is parsed, in bytes, by a rough count. A file can ask for a
 * thousand times its size (an empty message takes two bytes of it), so the bytes of the file do not bound it.
 */
const MAX_HEADER = 1.5 * 2 ** 30
const MESSAGE_COST = 640
const VALUE_COST = 32
const PIECE_COST = 200

export interface CutModel {
  /** A ModelProto whose tensors hold marks in place of their elements. */
  readonly slim: Uint8Array
  readonly payloads: ReadonlyMap<number, Payload>
}

/**
 * Walks over the wire form of a model once, checks every length, and sets the elements of all tensors apart, without loading
 * those that are large.
 * @throws ModelError for what is not protobuf of this schema, or is nested or repeated without measure
 */
export function cutModel(file: InputFile): CutModel {
  const cutter = new Cutter(file)
  cutter.message(ModelProtoSchema, file.size, 1)
  return { slim: cutter.writer.finish(), payloads: cutter.payloads }
}

/** The fields of TensorProto that hold elements. String elements stay in the header. */
const ELEMENT_FIELDS: ReadonlySet<number> = new Set([4, 5, 7, RAW_DATA, 10, 11])

class Cutter {
  readonly writer = new BinaryWriter()
  readonly payloads = new Map<number, Payload>()
  readonly #reader: WireReader
  #cost = 0

  constructor(file: InputFile) {
    this.#reader = new WireReader(file)
  }

  message(type: DescMessage, end: number, depth: number): void {
    if (depth > MAX_DEPTH) throw this.#reader.broken(`messages are nested more than ${MAX_DEPTH} deep`)
    const fields = fieldsOf(type)
    const elements = type === TensorProtoSchema ? new Elements() : undefined
    const reader = this.#reader
    this.#charge(MESSAGE_COST)
    while (reader.pos < end) {
      const tag = reader.varint()
      const number = Math.floor(tag / 8)
      const wire = tag % 8
      const field = fields.get(number)
      if (number < 1 || tag > 0xffffffff) throw reader.broken(`there is no field ${number}`)
      this.#checkWire(field, wire, type)
      const length = this.#lengthOf(wire, end)
      if (elements !== undefined && field !== undefined && ELEMENT_FIELDS.has(number))
        this.#cutOut(elements, number, field, wire, length)
      else if (field?.child !== undefined) {
        this.writer.tag(number, BYTES).fork()
        this.message(field.child, reader.pos + length, depth + 1)
        this.writer.join()
      } else this.#copy(number, field, wire, length)
    }
    if (reader.pos > end) throw reader.broken('a field reaches over the end of its message')
    if (elements !== undefined && elements.fields.size > 0) this.#mark(elements.payload())
  }

  #checkWire(field: FieldShape | undefined, wire: number, type: DescMessage): void {
    const known = wire === VARINT || wire === FIXED64 || wire === BYTES || wire === FIXED32
    if (known && (field === undefined || wire === field.wire || (field.packable && wire === BYTES))) return
    throw this.#reader.broken(`${field?.name ?? 'an unknown field'} of ${type.name} has wire type ${wire}`)
  }

  /** The length of a field's value; the reader then stands before it. For a varint, the length is found by looking at it. */
  #lengthOf(wire: number, end: number): number {
    const reader = this.#reader
    if (wire === VARINT) {
      const start = reader.pos
      reader.varint()
      const length = reader.pos - start
      if (reader.pos > end) throw reader.broken('a field reaches over the end of its message')
      reader.pos = start
      return length
    }
    const length = wire === FIXED64 ? 8 : wire === FIXED32 ? 4 : reader.varint()
    if (length > end - reader.pos) throw reader.broken('a field reaches over the end of its message')
    return length
  }

  #copy(number: number, field: FieldShape | undefined, wire: number, length: number): void {
    const packed = field?.packable === true && wire === BYTES
    this.#charge(packed ? length * VALUE_COST : length + VALUE_COST)
    const bytes = this.#reader.take(length)
    if (packed) this.#checkPacked(new MemoryData(bytes), field.wire)
    this.writer.tag(number, wire)
    if (wire === BYTES) this.writer.bytes(bytes)
    else this.writer.raw(bytes)
  }

  /** A packed list that ends inside a number would be read on into what follows it. */
  #checkPacked(data: TensorData, wire: number): void {
    const length = data.byteLength
    const whole =
      wire === VARINT ? length === 0 || (data.read(length - 1, 1)[0] as number) < 0x80 : length % widthOf(wire) === 0
    if (!whole) throw this.#reader.broken('a list of numbers ends inside a number')
  }

  #cutOut(elements: Elements, number: number, field: FieldShape, wire: number, length: number): void {
    const reader = this.#reader
    // Of a field that is not repeated, the last one counts.
    if (number === RAW_DATA) elements.fields.delete(number)
    this.#charge(PIECE_COST + (length < SMALL_PAYLOAD ? length : 0))
    const small = length < SMALL_PAYLOAD
    const data = small ? new MemoryData(reader.take(length).slice()) : new FileData(reader.file, reader.pos, length)
    if (field.packable && wire === BYTES) this.#checkPacked(data, field.wire)
    if (!small) reader.pos += length
    elements.append(number, data)
  }

  #mark(payload: Payload): void {
    const mark = markFor(payload)
    this.payloads.set(numberOfMark(mark) as number, payload)
    this.writer.tag(RAW_DATA, BYTES).bytes(mark)
  }

  #charge(cost: number): void {
    this.#cost += cost
    if (this.#cost > MAX_HEADER)
      throw this.#reader.broken('everything besides its tensors would take more than 1.5 GiB of memory')
  }
}

function widthOf(wire: number): number {
  return wire === FIXED64 ? 8 : 4
}

/** Collects the fields of one tensor that hold elements; each may come in pieces. */
class Elements {
  readonly fields = new Map<number, TensorData[]>()

  append(number: number, data: TensorData): void {
    const pieces = this.fields.get(number)
    if (pieces === undefined) this.fields.set(number, [data])
    else pieces.push(data)
  }

  payload(): Payload {
    return {
      layout: 'inline',
      fields: new Map(Array.from(this.fields, ([number, pieces]) => [number, joined(pieces)])),
    }
  }
}

function joined(pieces: readonly TensorData[]): TensorData {
  if (pieces.length === 1) return pieces[0] as TensorData
  const data = new JoinedData(pieces)
  return data.byteLength < SMALL_PAYLOAD ? new MemoryData(data.read(0, data.byteLength)) : data
}
