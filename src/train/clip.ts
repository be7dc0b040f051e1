import type { Value } from '../graph/value.js'

/** The L2 norm of all values together: a scalar of the first one's type. */
export function normOf(values: readonly Value[]): Value {
  const [first, ...rest] = values.map((value) => value.op('ReduceSumSquare', [], { keepdims: 0 })) as [
    Value,
    ...Value[],
  ]
  return rest.reduce((sum, square) => sum.add(square.castLike(first)), first).sqrt()
}

/** Gradients scaled so that their norm is at most `largest`, the arithmetic of torch.nn.utils.clip_grad_norm_. */
export function clipped(gradients: readonly Value[], norm: Value, largest: number): Value[] {
  const factor = norm.add(1e-6).dividing(largest).min(1)
  return gradients.map((gradient) => gradient.mul(factor.castLike(gradient)))
}
