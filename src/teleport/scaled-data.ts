import { type FloatDType, bitsOf } from '../graph/dtype.js'
import type { TensorData } from '../graph/model.js'
import { type Scaling, scaleElements } from './kernel.js'

/** What is read and then scaled in its place while it is still in the processor's cache; whole elements of any type. */
const PIECE = 512 * 1024

/**
 * Another tensor's data times a factor for every element, computed anew whenever it is read, so that a tensor of any size can
 * be teleported in pieces. Pieces start and end on whole elements.
 */
export class ScaledData implements TensorData {
  readonly #source: TensorData
  readonly #dtype: FloatDType
  readonly #scaling: Scaling
  constructor(source: TensorData, dtype: FloatDType, scaling: Scaling) {
    this.#source = source
    this.#dtype = dtype
    this.#scaling = scaling
  }

  get byteLength(): number {
    return this.#source.byteLength
  }

  /** @throws RangeError unless `offset` and `length` are whole elements within the tensor */
  read(offset: number, length: number): Uint8Array {
    const target = new Uint8Array(length)
    this.readInto(offset, target)
    return target
  }

  readInto(offset: number, target: Uint8Array): void {
    const source = this.#source
    if (source.readInto === undefined) return this.#scale(source.read(offset, target.length), target, offset)
    for (let at = 0; at < target.length; at += PIECE) {
      const bytes = target.subarray(at, at + PIECE)
      source.readInto(offset + at, bytes)
      this.#scale(bytes, bytes, offset + at)
    }
  }

  #scale(source: Uint8Array, target: Uint8Array, offset: number): void {
    scaleElements(this.#dtype, source, target, offset / (bitsOf(this.#dtype) / 8), this.#scaling)
  }
}
