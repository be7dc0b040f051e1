import { bitsOf, type FloatDType } from '../graph/dtype.js'
import type { TensorData } from '../graph/model.js'
import { type Scaling, scaleElements } from './kernel.js'

/** A tensor's data times a scaling, computed when it is read: whole elements only, from any of them on. */
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

  read(offset: number, length: number): Uint8Array {
    const source = this.#source.read(offset, length)
    const target = new Uint8Array(source.length)
    scaleElements(this.#dtype, source, target, offset / (bitsOf(this.#dtype) / 8), this.#scaling)
    return target
  }
}
