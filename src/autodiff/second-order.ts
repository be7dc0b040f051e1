import { isNumber, show } from '../graph/dims.js'
import { type Model, ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { Value } from '../graph/value.js'
import { Continuation } from '../shapes/build.js'
import { type GradientOptions, gradientsOf } from './gradients.js'
import { upgraded } from './upgrade.js'

/** A model that multiplies by the Hessian of a scalar. */
export interface HessianVector {
  readonly model: Model
  /** The input that takes v, `v/NAME`, by the name of what L is differentiated by; of that value's shape and type. */
  readonly vectors: ReadonlyMap<string, string>
  /** The output that holds (H·v), `hv/NAME` (numbered if that is taken), of the same shape and type. */
  readonly products: ReadonlyMap<string, string>
}

/**
 * A model that also computes H·v, where H is the Hessian of the scalar `of` by all values of `wrt` together: H·v = ∂⟨∂L/∂w, v⟩/∂w (Pearlmutter 1994),
 * which takes about as long as two gradients and never forms H.
 * @param options as for `gradients`; `keepOutputs` false leaves the products as the only outputs
 * @throws ModelError as `gradients` does, and where `v/NAME` is taken
 */
export function hessianVector(model: Model, options: GradientOptions): HessianVector {
  const { of, wrt } = options
  const continuation = new Continuation(upgraded(model), 'hv/')
  const { builder } = continuation
  const gradients = gradientsOf(continuation, of, wrt)
  const vectors = wrt.map((name) => vectorLike(continuation.value(name)))
  const along = gradients.map((gradient, i) => gradient.mul(vectors[i] as Value).sum(undefined, false))
  if (along.length === 0) throw new ModelError('a Hessian needs at least one name in wrt; got none')
  const slope = along.reduce((sum, term) => sum.add(term))
  const products = gradientsOf(continuation, slope.name, wrt).map((product, i) =>
    builder.freshOutput(product, wrt[i] as string),
  )
  const names = (values: readonly Value[]) => new Map(wrt.map((name, i) => [name, (values[i] as Value).name]))
  const finished = options.keepOutputs === false ? continuation.finishNew() : continuation.finish()
  return { model: finished, vectors: names(vectors), products: names(products) }
}

function vectorLike(value: Value): Value {
  if (value.dtype === undefined)
    throw new ModelError(
      `value ${quoted(value.name)}: its type is not known; differentiate by initializers or inputs of a declared type`,
    )
  const dims = value.dims.map((dim) => (isNumber(dim) ? dim : show(dim)))
  return value.builder.input(`v/${value.name}`, value.dtype, dims)
}
