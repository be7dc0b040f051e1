import type { TensorProto } from 'onnx-buf'
import type { TensorData } from '../graph/model.js'
import type { InputFile } from './files.js'
import type { Layout } from './layout.js'

/** Bytes of a file, read when they are asked for. */
export class FileData implements TensorData {
  readonly file: InputFile
  readonly offset: number
  readonly byteLength: number
  constructor(file: InputFile, offset: number, byteLength: number) {
    this.file = file
    this.offset = offset
    this.byteLength = byteLength
  }
  read(offset: number, length: number): Uint8Array {
    if (offset < 0 || offset + length > this.byteLength)
      throw new RangeError(`bytes ${offset} to ${offset + length} of ${this.byteLength}`)
    return this.file.read(this.offset + offset, length)
  }
  /** Fills `target` from `offset` on. */
  readInto(offset: number, target: Uint8Array): void {
    this.file.readInto(this.offset + offset, target)
  }
}

/** Several pieces, one after the other. */
export class JoinedData implements TensorData {
  readonly pieces: readonly TensorData[]
  readonly byteLength: number
  readonly #starts: readonly number[]
  constructor(pieces: readonly TensorData[]) {
    this.pieces = pieces
    let end = 0
    this.#starts = pieces.map((piece) => (end += piece.byteLength) - piece.byteLength)
    this.byteLength = end
  }
  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    let index = this.#pieceAt(offset)
    for (let done = 0; done < length; index++) {
      const piece = this.pieces[index] as TensorData
      const within = offset + done - (this.#starts[index] as number)
      const part = piece.read(within, Math.min(length - done, piece.byteLength - within))
      bytes.set(part, done)
      done += part.length
    }
    return bytes
  }
  /** The piece that holds the byte at `offset`, by bisection: a file may have millions of pieces. */
  #pieceAt(offset: number): number {
    let low = 0
    let high = this.pieces.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((this.#starts[middle] as number) <= offset) low = middle
      else high = middle
    }
    return low
  }
}

/** The fields of TensorProto that hold elements. */
export const RAW_DATA = 9
export type TypedField = 4 | 5 | 7 | 10 | 11

/** What a tensor's stored form holds besides its header, kept out of the protobuf message. */
export interface Payload {
  /** The fields that hold elements, by number: raw_data as it is, the repeated numbers in packed wire form. */
  readonly fields: ReadonlyMap<number, TensorData>
  /** The data in another file, which then stands in place of `fields`. */
  readonly external?: FileData
  /** Where the tensor was stored when it was read; absent for one that was made since. */
  readonly layout?: Layout
  /** The elements packed, little-endian, once somebody knew the tensor's type. */
  packed?: TensorData
}

/*
 * A TensorProto in memory has its payload cut out. In its place stands a number in `rawData`, which the bytes that are written and
 * parsed carry along; the array that holds the number leads to the payload, and lives as long as the message does.
 */
const payloads = new WeakMap<Uint8Array, Payload>()
let next = 0

const MARK_LENGTH = 8

/** A new mark for `payload`. */
export function markFor(payload: Payload): Uint8Array<ArrayBuffer> {
  const mark = new Uint8Array(MARK_LENGTH)
  new DataView(mark.buffer).setFloat64(0, next++)
  payloads.set(mark, payload)
  return mark
}

/** The number that a mark holds, or undefined for bytes that cannot be one. */
export function numberOfMark(mark: Uint8Array): number | undefined {
  return mark.length === MARK_LENGTH ? new DataView(mark.buffer, mark.byteOffset).getFloat64(0) : undefined
}

/** Binds the payload to a mark that came back from parsing. */
export function bindMark(mark: Uint8Array, payload: Payload): void {
  payloads.set(mark, payload)
}

export function payloadOf(tensor: TensorProto): Payload | undefined {
  return Object.hasOwn(tensor, 'rawData') ? payloads.get(tensor.rawData) : undefined
}
