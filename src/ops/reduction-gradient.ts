import { describe, intOf } from '../graph/attributes.js'
import { isNumber } from '../graph/dims.js'
import { ModelError, type Node } from '../graph/model.js'
import type { Value } from '../graph/value.js'
import { axisOf } from './facts.js'
import { keepsDims, reducedAxes } from './reduced-axes.js'
import type { GradientContext, GradientRule } from './rule.js'

/** What the formula of a reduction is made of. y and dy have the reduced axes with size 1, so that they broadcast to x. */
interface Reduction {
  readonly x: Value
  readonly y: Value
  readonly dy: Value
  readonly axes: readonly number[]
  readonly node: Node
}

/** ∂L/∂x; of y's shape where it is the same for all elements that were reduced. */
function reduction(formula: (values: Reduction) => Value): GradientRule {
  return (context) => {
    const { give } = context
    give(0, () => {
      const x = context.x(0)
      const axes = knownAxes(context, x)
      const kept = (value: Value) => (keepsDims(context) ? value : value.unsqueeze(axes))
      const values = {
        x,
        axes,
        node: context.node,
        dy: kept(context.dy),
        get y() {
          return kept(context.y(0))
        },
      }
      return formula(values).expandLike(x)
    })
  }
}

function knownAxes(context: GradientContext, x: Value): readonly number[] {
  const axes = reducedAxes(context, x.rank)
  if (axes === undefined)
    throw new ModelError(
      `${describe(context.node)}: its axes are computed by the model, and its gradient needs to know them beforehand; give them as a constant`,
    )
  return axes
}

export const sum = reduction(({ dy }) => dy)

export const mean = reduction(({ x, dy, axes }) => dy.mul(x.share(axes)))

/** To the greatest (least) element; equal ones share it. */
export const extremum = reduction(({ x, y, dy, axes }) => {
  const chosen = x.equal(y).castLike(dy)
  return chosen.mul(dy.div(chosen.sum(axes)))
})

export const l1 = reduction(({ x, dy }) => dy.mul(x.sign()))

/** x/y; 0 where the norm is 0. */
export const l2 = reduction(({ x, y, dy }) => x.mul(dy.div(y.equal(0).where(1, y))))

export const sumSquare = reduction(({ x, dy }) => x.mul(dy.mul(2)))

/** y = ln Σx: y' = 1/Σx. */
export const logSum = reduction(({ y, dy }) => dy.div(y.exp()))

export const logSumExp = reduction(({ x, y, dy }) => dy.mul(x.sub(y).exp()))

/** Axis by axis: the product over several axes is a product of products. */
export const product = reduction(({ x, dy, axes, node }) => {
  const [axis, ...others] = axes
  if (!axes.every((reduced) => isNumber(x.dims[reduced])))
    throw new ModelError(
      `${describe(node)}: the gradient of a product needs to know how many factors it has; give the model's inputs fixed sizes (bindDims)`,
    )
  return axis === undefined ? dy : productGradient(x, axis, others, dy)
})

function productGradient(x: Value, axis: number, others: readonly number[], dy: Value): Value {
  const [next, ...rest] = others
  if (next === undefined) return foldedGradient(x, axis, dy)
  const partial = x.op('ReduceProd', [x.builder.ints([axis])], { keepdims: 1 })
  return foldedGradient(x, axis, productGradient(partial, next, rest, dy))
}

/**
 * The gradient of a product along one axis, as a tree of products of two halves: y/x would be no answer where x is 0, and this is
 * right there in all orders. `dy` has size 1 along the axis.
 */
function foldedGradient(x: Value, axis: number, dy: Value): Value {
  const { builder } = x
  const size = x.size(axis)
  if (size <= 1) return dy
  const half = Math.floor(size / 2)
  const first = x.slice(axis, 0, half)
  const second = x.slice(axis, half, 2 * half)
  const join = (...parts: Value[]) => (parts.length === 1 ? (parts[0] as Value) : builder.op('Concat', parts, { axis }))
  const left = 2 * half < size ? [x.slice(axis, 2 * half, size)] : []
  const folded = foldedGradient(join(first.mul(second), ...left), axis, dy)
  const products = left.length === 0 ? folded : folded.slice(axis, 0, half)
  const unpaired = left.length === 0 ? [] : [folded.slice(axis, half, half + 1)]
  return join(products.mul(second), products.mul(first), ...unpaired)
}

/** Sums run the other way. */
export const cumulativeSum: GradientRule = ({ node, x, dy, give }) => {
  const exclusive = intOf(node, 'exclusive', 0)
  const reverse = 1 - intOf(node, 'reverse', 0)
  give(0, () => dy.op('CumSum', [x(1)], { exclusive, reverse }))
}

/** To the elements that were picked, each of them once. */
export const topK: GradientRule = ({ node, x, y, dy, give }) => {
  give(0, () => {
    const axis = axisOf(node, intOf(node, 'axis', -1), x(0).rank)
    return x(0)
      .zeros()
      .op('ScatterElements', [y(1), dy], { axis })
  })
}
