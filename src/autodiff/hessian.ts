import { type Model, ModelError } from '../graph/model.js'
import { sizeOf } from '../graph/tensor.js'
import { quoted } from '../graph/text.js'
import { type HostDType, isHostDType, numberReader, numberWriter, zeros } from '../runtime/host.js'
import { type OpenOptions, openModel } from '../runtime/open.js'
import type { HostTensor, HostTensors, Runtime, Session } from '../runtime/session.js'
import { hessianVector } from './second-order.js'

/** A symmetric matrix that is known by its products alone. */
export interface SymmetricOperator {
  /** Its rows, and its columns. */
  readonly size: number
  /** The product with a vector of `size` elements, in new memory. */
  apply(vector: Float64Array): Promise<Float64Array>
}

export interface HessianOptions extends OpenOptions {
  /** The name of the scalar whose Hessian it is: usually the loss. */
  readonly of: string
  /** Names of float initializers with known sizes; their elements, one after the other, row-major, are the coordinates. */
  readonly wrt: readonly string[]
  /** What the model is fed (data, labels). Several batches: the Hessian is the mean over them, of the mean loss if they are of one size. */
  readonly feeds: HostTensors | readonly HostTensors[]
}

/** One initializer's part of a vector. */
interface Part {
  readonly input: string
  readonly output: string
  readonly dtype: HostDType
  readonly dims: readonly number[]
  readonly start: number
}

/** The Hessian of a scalar of a model, executed by a runtime. Products are as exact as the model's type: in float32 to about 1e-6 of the largest. */
export class Hessian implements SymmetricOperator {
  readonly size: number
  readonly #session: Session
  readonly #parts: readonly Part[]
  readonly #feeds: readonly HostTensors[]

  private constructor(session: Session, parts: readonly Part[], size: number, feeds: readonly HostTensors[]) {
    this.#session = session
    this.#parts = parts
    this.size = size
    this.#feeds = feeds
  }

  /** @throws ModelError as `hessianVector` does, if a name of `wrt` is no float initializer, and if there are no feeds */
  static async open(runtime: Runtime, model: Model, { of, wrt, feeds, ...options }: HessianOptions): Promise<Hessian> {
    const batches = isList(feeds) ? feeds : [feeds]
    if (batches.length === 0) throw new ModelError('a Hessian needs at least one batch to feed; got none')
    let size = 0
    const derived = hessianVector(model, { of, wrt, keepOutputs: false })
    const parts = wrt.map((name): Part => {
      const tensor = model.graph.initializers.get(name)
      if (tensor === undefined || !isHostDType(tensor.dtype))
        throw new ModelError(`a Hessian is by float initializers of the model; ${quoted(name)} is none`)
      const { dtype, dims } = tensor
      const start = size
      size += sizeOf(dims)
      return {
        input: derived.vectors.get(name) as string,
        output: derived.products.get(name) as string,
        dtype,
        dims,
        start,
      }
    })
    return new Hessian(await openModel(runtime, derived.model, options), parts, size, batches)
  }

  async apply(vector: Float64Array): Promise<Float64Array> {
    if (vector.length !== this.size)
      throw new ModelError(`a vector for this Hessian has ${this.size} elements; got ${vector.length}`)
    const vectors = this.#parts.map((part) => [part.input, partOf(vector, part)] as const)
    const product = new Float64Array(this.size)
    for (const feeds of this.#feeds) {
      const found = await this.#session.run(new Map([...feeds, ...vectors]))
      for (const { output, start } of this.#parts) {
        const tensor = found.get(output) as HostTensor
        const read = numberReader(tensor)
        for (let i = 0; read !== undefined && i < tensor.data.length; i++)
          (product[start + i] as number) += read(i) / this.#feeds.length
      }
    }
    return product
  }

  /** Frees the session's memory. */
  async release(): Promise<void> {
    await this.#session.release()
  }
}

function isList(feeds: HostTensors | readonly HostTensors[]): feeds is readonly HostTensors[] {
  return Array.isArray(feeds)
}

function partOf(vector: Float64Array, { dtype, dims, start }: Part): HostTensor {
  const tensor = zeros(dtype, dims)
  const write = numberWriter(tensor)
  for (let i = 0; write !== undefined && i < tensor.data.length; i++) write(i, vector[start + i] as number)
  return tensor
}
