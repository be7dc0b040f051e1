import { generatorOf } from '../../cob/stream.js'
import type { Tensor, TensorData } from '../../graph/model.js'
import { sizeOf } from '../../graph/tensor.js'
import type { Draw } from './initializer.js'

/** Data that is drawn when somebody first asks for it, and kept; unless all of it is wanted in memory that is given. */
class DrawnData implements TensorData {
  readonly byteLength: number
  readonly #draw: (target: Float32Array) => void
  #bytes: Uint8Array | undefined
  constructor(size: number, draw: (target: Float32Array) => void) {
    this.byteLength = size * 4
    this.#draw = draw
  }
  read(offset: number, length: number): Uint8Array {
    if (this.#bytes === undefined) {
      const drawn = new Float32Array(this.byteLength / 4)
      this.#draw(drawn)
      this.#bytes = new Uint8Array(drawn.buffer)
    }
    return this.#bytes.subarray(offset, offset + length)
  }
  readInto(offset: number, target: Uint8Array): void {
    const { buffer, byteOffset, byteLength } = target
    if (this.#bytes === undefined && byteLength === this.byteLength && byteOffset % 4 === 0)
      this.#draw(new Float32Array(buffer, byteOffset, byteLength / 4))
    else target.set(this.read(offset, byteLength))
  }
}

/** A parameter (float32) drawn from the stream of its name: the same for a seed, whatever else the network has. */
export function drawnTensor(seed: number, name: string, dims: readonly number[], draw: Draw): Tensor {
  const data = new DrawnData(sizeOf(dims), (target) => draw(generatorOf(seed, name), target))
  return { name, dtype: 'float32', dims, data }
}
