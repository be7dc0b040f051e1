import { intOf } from '../graph/attributes.js'
import type { Value } from '../graph/value.js'
import { range } from './facts.js'
import type { GradientContext, GradientRule } from './rule.js'

/** All axes but batch and channel. */
function spatialAxes(x: Value): number[] {
  return range(2, x.rank)
}

/**
 * ∂L/∂x where y[k] = x[indices[k]], both taken as flat lists: an element that is the greatest of several windows gets the sum of
 * their gradients.
 */
function scattered(x: Value, indices: Value, dy: Value): Value {
  const flat = (value: Value) => value.reshape([-1])
  return flat(x.zeros())
    .op('ScatterElements', [flat(indices), flat(dy)], { axis: 0, reduction: 'add' })
    .reshapeLike(x)
}

/**
 * The gradient goes to the element that was the greatest: the operator's second output says which, as a place in all of x. Of
 * equal ones it is the first, row by row, as in PyTorch.
 */
export const maxPoolGradient: GradientRule = (context) => {
  const { x, dy, give } = context
  give(0, () => scattered(x(0), placesOfGreatest(context), dy))
}

function placesOfGreatest({ node, builder, x, y }: GradientContext): Value {
  if (intOf(node, 'storage_order', 0) === 0) return y(1)
  // Places are counted column by column there; they are counted anew.
  const attributes = { ...Object.fromEntries(node.attributes), storage_order: 0 }
  return builder.ops('MaxPool', [x(0)], attributes, 2)[1] as Value
}

/** y = mean of x over all positions. */
export const globalAverageGradient: GradientRule = ({ x, dy, give }) =>
  give(0, () => dy.div(x(0).count(spatialAxes(x(0)))).expandLike(x(0)))
