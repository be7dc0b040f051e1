import type { GraphBuilder } from '../../graph/builder.js'
import { isNumber } from '../../graph/dims.js'
import { sizeOf } from '../../graph/tensor.js'
import type { Value } from '../../graph/value.js'
import { expandedProduct } from '../../ops/internal-product.js'

/** Elements of a transformed tensor from which on its memory matters. */
const LARGE = 2 ** 18
/** Nodes between two uses from which on something else may need the memory. */
const FAR = 64

/** How a tensor was transformed: a constant matrix times the operand. */
interface Transform {
  readonly matrix: Value
  readonly operand: Value
  readonly transB: boolean
  /** Nodes that there were then. */
  readonly at: number
}

/**
 * Kernels and images as the algorithms of convolutions transform them. The forward pass reads them, and so do the gradients of images
 * and of kernels, a long time later. Kept in between they would be the largest part of what a step holds at its height, for each is
 * some times larger than what it was made from; computing them again takes some milliseconds.
 */
export class LateTransforms {
  readonly #builder: GraphBuilder
  /** What a value was reshaped from; itself where it was not. */
  readonly #origin: (value: Value) => Value
  /** By the transformed value's name. */
  readonly #transforms = new Map<string, Transform>()

  constructor(builder: GraphBuilder, origin: (value: Value) => Value) {
    this.#builder = builder
    this.#origin = origin
  }

  /** Takes note of a product matrix · operand, if it is a transform by a constant matrix. */
  note(result: Value, matrix: Value, operand: Value, transB: boolean): void {
    if (this.#builder.initializers.has(matrix.name) && result.shape?.every(isNumber) === true)
      this.#transforms.set(result.name, { matrix, operand, transB, at: this.#builder.nodes.length })
  }

  /**
   * A transformed value in the same shape, computed again once `dy` is there; undefined where it is no large transformed value, or was
   * made just now.
   */
  again(value: Value, dy: Value): Value | undefined {
    const found = this.#transforms.get(this.#origin(value).name)
    if (found === undefined || this.#builder.nodes.length - found.at < FAR || sizeOf(value.sizes()) < LARGE)
      return undefined
    // ONNX Runtime computes what depends on inputs alone as early as it can: so the matrix is made to depend on dy.
    const first = dy.reshape([-1]).gather(this.#builder.constant('int64', [], [0]), 0)
    return this.#repeated(found, first.equal(first)).reshape(value.sizes())
  }

  /** A transform along one axis after another is repeated from the beginning. */
  #repeated({ matrix, operand, transB }: Transform, late: Value): Value {
    const inner = this.#transforms.get(this.#origin(operand).name)
    const from = inner === undefined ? operand : this.#repeated(inner, late).reshape(operand.sizes())
    return expandedProduct(this.#builder.op('Where', [late, matrix, matrix]), from, 0, transB ? 1 : 0)
  }
}
