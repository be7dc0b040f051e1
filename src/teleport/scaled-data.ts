import { type FloatDType, bitsOf } from '../graph/dtype.js'
import type { TensorData } from '../graph/model.js'
import { type Scaling, scaleElements } from './kernel.js'

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
    const firstElement = offset / (bitsOf(this.#dtype) / 8)
    const target = new Uint8Array(length)
    scaleElements(this.#dtype, this.#source.read(offset, length), target, firstElement, this.#scaling)
    return target
  }
}
