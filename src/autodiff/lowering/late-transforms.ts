import type { GraphBuilder } from '../../graph/builder.js'
import { sizeOf } from '../../graph/tensor.js'
import type { Value } from '../../graph/value.js'
import { expandedProduct } from '../../ops/internal-product.js'

/** Elements of a transformed kernel from which on its memory matters. */
const LARGE = 2 ** 18
/** Nodes between two uses from which on something else may need the memory. */
const FAR = 64

/** How a kernel was transformed: a constant matrix times the weights. */
interface Transform {
  readonly matrix: Value
  readonly weights: Value
  readonly transB: boolean
  /** Nodes that there were then. */
  readonly at: number
}

/**
 * Transformed kernels, which the forward pass and the gradient of a convolution's input both read. Kept in between they would be the
 * largest part of what a step holds at its height; computing them again takes some milliseconds.
 */
export class LateTransforms {
  readonly #builder: GraphBuilder
  /** By the transformed kernel's name. */
  readonly #transforms = new Map<string, Transform>()

  constructor(builder: GraphBuilder) {
    this.#builder = builder
  }

  /** Takes note of a product matrix · weights, if it is a kernel's transform. `origin`: what the weights were reshaped from. */
  note(result: Value, matrix: Value, weights: Value, origin: Value, transB: boolean): void {
    const { initializers, inputs, nodes } = this.#builder
    const isWeight = inputs.some(({ name }) => name === origin.name)
    if (isWeight && initializers.has(matrix.name) && sizeOf(result.sizes()) >= LARGE)
      this.#transforms.set(result.name, { matrix, weights, transB, at: nodes.length })
  }

  /** The kernel computed again, once `dy` is there; undefined where the value is no transformed kernel, or was made just now. */
  again(kernel: Value, dy: Value): Value | undefined {
    const found = this.#transforms.get(kernel.name)
    if (found === undefined || this.#builder.nodes.length - found.at < FAR) return undefined
    const { matrix, weights, transB } = found
    // ONNX Runtime computes what depends on inputs alone as early as it can: so the matrix is made to depend on dy.
    const first = dy.reshape([-1]).gather(this.#builder.constant('int64', [], [0]), 0)
    const late = this.#builder.op('Where', [first.equal(first), matrix, matrix])
    return expandedProduct(late, weights, 0, transB ? 1 : 0)
  }
}
