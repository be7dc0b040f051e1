import { isNumber, show } from '../graph/dims.js'
import { isFloat } from '../graph/dtype.js'
import { type Model, ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { Value } from '../graph/value.js'
import { Continuation } from '../shapes/build.js'
import { backward } from './backward.js'
import { upgraded } from './upgrade.js'

/** What is to be differentiated, and by what. */
export interface GradientOptions {
  /** The name of a value with a single element: usually the loss. */
  readonly of: string
  /** Names of float initializers, inputs or any other values. */
  readonly wrt: readonly string[]
  /** Default true. False: outputs of the model are the gradients alone. */
  readonly keepOutputs?: boolean
}

/** A model that also computes gradients. */
export interface Differentiated {
  readonly model: Model
  /** The output that holds the gradient, by the name of what L is differentiated by; it has that value's shape and type. */
  readonly gradients: ReadonlyMap<string, string>
}

/**
 * A model that also outputs the gradient of a scalar: one output `grad/NAME` for each name of `wrt` (numbered if that is taken, so
 * that gradients can be differentiated again). A value that L does not depend on has a gradient of zeros. The model's opset becomes
 * 18 if it was earlier.
 * @throws ModelError if a name is unknown, L is not a scalar, or an operator on the way has no gradient rule
 */
export function gradients(model: Model, options: GradientOptions): Differentiated {
  const continuation = new Continuation(upgraded(model), 'grad/')
  const { builder } = continuation
  const found = gradientsOf(continuation, options.of, options.wrt)
  const names = new Map(
    options.wrt.map((name, i) => [name, builder.freshOutput(found[i] as Value, name).name] as const),
  )
  const finished = continuation.finish()
  if (options.keepOutputs !== false) return { model: finished, gradients: names }
  const wanted = new Set(names.values())
  const outputs = finished.graph.outputs.filter(({ name }) => wanted.has(name))
  return { model: { ...finished, graph: { ...finished.graph, outputs } }, gradients: names }
}

/** The gradients as values of a graph that goes on, in the order of `wrt`. */
export function gradientsOf(continuation: Continuation, of: string, wrt: readonly string[]): Value[] {
  const { shape } = continuation.value(of)
  if (shape === undefined || !shape.every((dim) => isNumber(dim) && dim === 1))
    throw new ModelError(
      `value ${quoted(of)}: only a scalar has a gradient; expected a single element, got ${shape === undefined ? 'unknown rank' : `shape [${shape.map(show).join(', ')}]`}; reduce it first (ReduceMean, ReduceSum)`,
    )
  for (const name of wrt) {
    const { dtype } = continuation.value(name)
    if (dtype !== undefined && !isFloat(dtype))
      throw new ModelError(`value ${quoted(name)} is of type ${dtype}; only floats have a gradient`)
  }
  return backward(continuation, of, wrt)
}
