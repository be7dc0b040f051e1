import type { DescField, DescMessage } from '@bufbuild/protobuf'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { InputFile } from './files.js'

/** Protobuf's wire types, as far as ONNX has them: groups are long deprecated and no field of ONNX is one. */
export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
export const FIXED32 = 5

/** What the walk over the bytes needs to know of a field. */
export interface FieldShape {
  readonly name: string
  readonly wire: number
  /** A repeated number, which may come one by one or packed. */
  readonly packable: boolean
  readonly child: DescMessage | undefined
}

const shapes = new WeakMap<DescMessage, ReadonlyMap<number, FieldShape>>()

export function fieldsOf(message: DescMessage): ReadonlyMap<number, FieldShape> {
  let fields = shapes.get(message)
  if (fields === undefined) {
    fields = new Map(message.fields.map((field) => [field.number, shapeOf(field)]))
    shapes.set(message, fields)
  }
  return fields
}

// Values of google.protobuf.FieldDescriptorProto.Type, which `scalar` holds.
const WIRE_OF_SCALAR: Readonly<Record<number, number>> = {
  1: FIXED64,
  2: FIXED32,
  6: FIXED64,
  7: FIXED32,
  9: BYTES,
  12: BYTES,
  15: FIXED32,
  16: FIXED64,
}

function shapeOf(field: DescField): FieldShape {
  const wire =
    field.message !== undefined ? BYTES : field.scalar === undefined ? VARINT : (WIRE_OF_SCALAR[field.scalar] ?? VARINT)
  return { name: field.localName, wire, packable: field.fieldKind === 'list' && wire !== BYTES, child: field.message }
}

/** Walks over a file forwards, through a window: no more of it is in memory at a time, whatever its size. */
export class WireReader {
  pos = 0
  readonly file: InputFile
  readonly #windowSize: number
  #window: Uint8Array = new Uint8Array(0)
  #start = 0

  constructor(file: InputFile, windowSize = 1 << 18) {
    this.file = file
    this.#windowSize = windowSize
  }

  byte(): number {
    let at = this.pos - this.#start
    if (at < 0 || at >= this.#window.length) {
      if (this.pos >= this.file.size) throw this.broken('the file ends inside a field')
      this.#load(this.#windowSize)
      at = 0
    }
    this.pos++
    return this.#window[at] as number
  }

  /** An unsigned number of up to 64 bits; beyond 2^53 only its magnitude is right. */
  varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw this.broken('a number is longer than ten bytes')
  }

  /** The next `length` bytes, as a view that the next call may overwrite or not: copy what is to be kept. */
  take(length: number): Uint8Array {
    if (length > this.file.size - this.pos) throw this.broken('the file ends inside a field')
    if (this.pos < this.#start || this.pos + length > this.#start + this.#window.length)
      this.#load(Math.max(length, this.#windowSize))
    const at = this.pos - this.#start
    this.pos += length
    return this.#window.subarray(at, at + length)
  }

  broken(why: string): ModelError {
    return new ModelError(
      `${quoted(this.file.name)} is not a sound ONNX file: ${why} (byte ${this.pos} of ${this.file.size}); export or copy it again`,
    )
  }

  #load(length: number): void {
    this.#start = this.pos
    this.#window = this.file.read(this.pos, Math.min(length, this.file.size - this.pos))
  }
}
