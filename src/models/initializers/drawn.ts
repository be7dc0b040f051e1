import { generatorOf } from '../../cob/stream.js'
import type { Tensor, TensorData } from '../../graph/model.js'
import { sizeOf } from '../../graph/tensor.js'
import type { Draw } from './initializer.js'

/** Data that is drawn when somebody first asks for it, and kept. */
class DrawnData implements TensorData {
  readonly byteLength: number
  readonly #draw: () => Float32Array
  #bytes: Uint8Array | undefined
  constructor(size: number, draw: () => Float32Array) {
    this.byteLength = size * 4
    this.#draw = draw
  }
  read(offset: number, length: number): Uint8Array {
    this.#bytes ??= new Uint8Array(this.#draw().buffer)
    return this.#bytes.subarray(offset, offset + length)
  }
}

/** A parameter (float32) drawn from the stream of its name: the same for a seed, whatever else the network has. */
export function drawnTensor(seed: number, name: string, dims: readonly number[], draw: Draw): Tensor {
  const size = sizeOf(dims)
  const data = new DrawnData(size, () => {
    const target = new Float32Array(size)
    draw(generatorOf(seed, name), target)
    return target
  })
  return { name, dtype: 'float32', dims, data }
}
