import { intOf } from '../graph/attributes.js'
import type { Value } from '../graph/value.js'
import { range } from './facts.js'
import type { GradientContext, GradientRule } from './rule.js'
import { addedAt } from './scatter-along.js'
import { refuseDilations, seenByWindows, spreadOverWindows } from './window-sums.js'

/** All axes but batch and channel. */
function spatialAxes(x: Value): number[] {
  return range(2, x.rank)
}

/** ∂L/∂x where y[k] = x[indices[k]], both taken as lists: an element that several windows chose gets the sum of their gradients. */
function scattered(x: Value, indices: Value, dy: Value): Value {
  const flat = (value: Value) => value.reshape([-1])
  return addedAt(flat(x.zeros()), flat(indices), flat(dy), 0).reshapeLike(x)
}

/**
 * The gradient goes to the element that was the greatest: the operator's second output says which, as a place in all of x. Of
 * equal ones it is the first, row by row, as in PyTorch.
 */
export const maxPoolGradient: GradientRule = (context) => {
  const { node, x, dy, give } = context
  refuseDilations(node, x(0), dy)
  give(0, () => scattered(x(0), placesOfGreatest(context), dy))
}

function placesOfGreatest({ node, builder, x, y }: GradientContext): Value {
  if (intOf(node, 'storage_order', 0) === 0) return y(1)
  // Its places count column by column within a plane; they are found anew, row by row.
  const attributes = { ...Object.fromEntries(node.attributes), storage_order: 0 }
  return builder.ops('MaxPool', [x(0)], attributes, 2)[1] as Value
}

/** Of equal elements the first gets the gradient, as in PyTorch's adaptive_max_pool, which exporters write as this operator. */
export const globalMaxGradient: GradientRule = ({ x, dy, give }) =>
  give(0, () => {
    const planes = (value: Value) => value.op('Flatten', [], { axis: 2 })
    const first = planes(x(0)).op('ArgMax', [], { axis: 1, keepdims: 1 })
    return addedAt(planes(x(0).zeros()), first, planes(dy), 1).reshapeLike(x(0))
  })

/** y = Σ over the window of x, divided by how many it sees: as many as it has, where padding counts, or else those inside. */
export const averagePoolGradient: GradientRule = ({ node, x, dy, give }) =>
  give(0, () => {
    refuseDilations(node, x(0), dy)
    const padding = intOf(node, 'count_include_pad', 0) !== 0
    return spreadOverWindows(node, dy.div(seenByWindows(node, x(0), dy, padding)), x(0))
  })

/** y = mean of x over all positions. */
export const globalAverageGradient: GradientRule = ({ x, dy, give }) =>
  give(0, () => dy.mul(x(0).share(spatialAxes(x(0)))).expandLike(x(0)))

/** y = (Σ |x|^p)^(1/p): dx = sign(x)·|x|^(p−1) · Σ over the windows that see x of dy·y^(1−p). */
export const lpPoolGradient: GradientRule = ({ node, x, y, dy, give }) =>
  give(0, () => {
    refuseDilations(node, x(0), dy)
    const p = intOf(node, 'p', 2)
    return signedPower(x(0), p - 1).mul(spreadOverWindows(node, perNorm(dy, y(0), p), x(0)))
  })

export const globalLpGradient: GradientRule = ({ node, x, y, dy, give }) =>
  give(0, () => {
    const p = intOf(node, 'p', 2)
    return signedPower(x(0), p - 1).mul(perNorm(dy, y(0), p))
  })

/** sign(x)·|x|^k */
function signedPower(x: Value, k: number): Value {
  if (k === 0) return x.sign()
  return k === 1 ? x : x.sign().mul(x.abs().pow(k))
}

/** dy·y^(1−p), and 0 where the norm y is 0: all that it is multiplied with is 0 then. */
function perNorm(dy: Value, y: Value, p: number): Value {
  if (p === 1) return dy
  const nothing = y.equal(0)
  const norm = nothing.where(1, y)
  return nothing.where(0, dy.div(p === 2 ? norm : norm.pow(p - 1)))
}

/** Y is X put at the places that I names, and 0 elsewhere: the gradient is read at these places. */
export const maxUnpoolGradient: GradientRule = ({ x, dy, give }) =>
  give(0, () => {
    const flat = (value: Value) => value.reshape([-1])
    return flat(dy)
      .op('GatherElements', [flat(x(1))], { axis: 0 })
      .reshapeLike(x(0))
  })
