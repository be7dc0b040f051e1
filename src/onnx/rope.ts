import type { TensorData } from '../graph/model.js'
import type { OutputFile } from './files.js'
import { JoinedData } from './payload.js'

/** Bytes in the order in which they are to be written, large ones by reference: their length is known before any is read. */
export interface Rope {
  readonly length: number
  readonly parts: readonly (Uint8Array | TensorData | Rope)[]
}

export function ropeOf(parts: readonly (Uint8Array | TensorData | Rope)[]): Rope {
  return { length: parts.reduce((sum, part) => sum + lengthOf(part), 0), parts }
}

function lengthOf(part: Uint8Array | TensorData | Rope): number {
  return part instanceof Uint8Array || 'parts' in part ? part.length : part.byteLength
}

/**
 * What is read or computed, and written, at a time. A multiple of every element's size; small enough to be still in the
 * processor's cache when it is written, which makes pieces of 8 MiB take twice the time.
 */
const PIECE = 512 * 1024
/** A multiple of every element's size. */
const ELEMENT = 16
/** Below this, copying into the buffer costs less than a write of its own. */
const SMALL = 64 * 1024

/** Writes ropes through one buffer, in pieces; of a tensor no more is in memory at a time than one piece. */
export class RopeWriter {
  readonly #output: OutputFile
  readonly #buffer: Uint8Array
  #filled = 0
  /** How many bytes were written. */
  position = 0

  constructor(output: OutputFile, expected: number) {
    this.#output = output
    this.#buffer = new Uint8Array(Math.min(PIECE, Math.max(expected, ELEMENT)))
  }

  write(part: Uint8Array | TensorData | Rope): void {
    if (part instanceof Uint8Array) this.#bytes(part)
    else if ('parts' in part) for (const inner of part.parts) this.write(inner)
    else this.#data(part)
  }

  flush(): void {
    if (this.#filled > 0) this.#output.write(this.#buffer.subarray(0, this.#filled))
    this.#filled = 0
  }

  #data(data: TensorData): void {
    if (data.readInto !== undefined) this.#throughBuffer(data)
    else if (data instanceof JoinedData) for (const piece of data.pieces) this.#data(piece)
    else
      for (let at = 0; at < data.byteLength; at += PIECE) {
        const length = Math.min(PIECE, data.byteLength - at)
        const bytes = data.read(at, length)
        if (bytes.length !== length)
          throw new RangeError(`tensor data gave ${bytes.length} bytes where ${length} were asked for`)
        this.#bytes(bytes)
      }
  }

  /** Into the buffer and from there into the file, without a piece of memory for every piece of the tensor. */
  #throughBuffer(data: TensorData): void {
    for (let at = 0; at < data.byteLength;) {
      const room = this.#buffer.length - this.#filled
      const left = data.byteLength - at
      const length = left <= room ? left : room - (room % ELEMENT)
      if (length === 0) {
        this.flush()
        continue
      }
      data.readInto?.(at, this.#buffer.subarray(this.#filled, this.#filled + length))
      this.#filled += length
      this.position += length
      at += length
    }
  }

  #bytes(bytes: Uint8Array): void {
    this.position += bytes.length
    if (bytes.length > this.#buffer.length - this.#filled) this.flush()
    if (bytes.length >= SMALL || bytes.length > this.#buffer.length) {
      this.flush()
      this.#output.write(bytes)
      return
    }
    this.#buffer.set(bytes, this.#filled)
    this.#filled += bytes.length
  }
}
