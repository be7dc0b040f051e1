import { describe, intsOf, stringOf } from '../graph/attributes.js'
import { float } from '../graph/builder.js'
import { isNumber, same } from '../graph/dims.js'
import { ModelError } from '../graph/model.js'
import type { Value } from '../graph/value.js'
import { axisOf, range } from './facts.js'
import { resizingOf, type Resizing } from './resizing.js'
import type { GradientContext, GradientRule } from './rule.js'
import { shapeWith, sizeAlong } from './scatter-along.js'

/**
 * Resize is linear and separable, whatever its mode: along each axis a matrix W [size, new size], of which y = xW. The gradient is
 * dx = dy·Wᵀ along each axis. W is what the operator itself makes of the rows of an identity matrix, so that both round alike.
 */
export const resampled: GradientRule = (context) => {
  const { node, x, dy, give, needs } = context
  if (needs(1) || needs(2))
    throw new ModelError(
      `${describe(node)}: the gradient by its roi or scales has no rule; differentiate by values that they do not depend on`,
    )
  if (stringOf(node, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch')
    throw new ModelError(
      `${describe(node)}: the gradient of keep_aspect_ratio_policy other than stretch has no rule; give the sizes themselves`,
    )
  const crops = stringOf(node, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize'
  give(0, () => {
    const { dims, rank } = x(0)
    const axes = (intsOf(node, 'axes') ?? range(0, rank)).map((axis) => axisOf(node, axis, rank))
    const resizing = resizingOf(context, rank)
    return axes.reduce((value, axis, position) => {
      const { factor, size }: Resizing = resizing?.[axis] ?? {}
      const stays = factor === 1 || (size !== undefined && same(size, dims[axis] ?? 0))
      if (stays && !crops) return value
      const times = size === undefined ? factor : isNumber(size) && isNumber(dims[axis]) ? size / dims[axis] : undefined
      if (isNumber(times) && repeats(context, times)) return summed(value, axis, times)
      return along(value, axis, weights(context, axis, position, axes.length, { factor, size }))
    }, dy)
  })
}

/** True if each element is written `factor` times, side by side. */
function repeats({ node }: GradientContext, factor: number): boolean {
  if (!Number.isInteger(factor) || factor < 1 || stringOf(node, 'mode', 'nearest') !== 'nearest') return false
  const coordinates = stringOf(node, 'coordinate_transformation_mode', 'half_pixel')
  const rounding = stringOf(node, 'nearest_mode', 'round_prefer_floor')
  // (i + ½) ÷ factor − ½ never lies half way between two elements, so that either rounding does the same.
  if (coordinates === 'half_pixel') return rounding === 'round_prefer_floor' || rounding === 'round_prefer_ceil'
  return coordinates === 'asymmetric' && rounding === 'floor'
}

function summed(value: Value, axis: number, factor: number): Value {
  const { builder } = value
  const apart = shapeWith(value, axis, builder.ints([-1, factor]))
  return value.reshape(apart).sum([axis + 1], false)
}

/** W [size, new size] along an axis: an image of one channel whose rows are the unit vectors, resized along its width. */
function weights(
  context: GradientContext,
  axis: number,
  position: number,
  count: number,
  { factor, size: newSize }: Resizing,
): Value {
  const { node, builder, x, dy } = context
  const size = sizeAlong(x(0), axis)
  const square = builder.op('Concat', [size, size], { axis: 0 })
  const rows = builder.constant('float32', [], [0]).expand(square).op('EyeLike').unsqueeze([0, 1])
  const one = (input: number, at: number): Value => x(input).gather(builder.ints([at]), 0)
  const beside = (others: readonly number[], own: Value): Value =>
    builder.op('Concat', [builder.constant(own.dtype ?? 'float32', [others.length], others), own], { axis: 0 })
  const roi = context.has(1) && context.input(1).shape?.[0] !== 0
  const region =
    roi &&
    builder.op('Concat', [beside([0, 0, 0], one(1, position)), beside([1, 1, 1], one(1, position + count))], {
      axis: 0,
    })
  const bySizes = context.has(3) && context.input(3).shape?.[0] !== 0
  const scale = isNumber(factor) ? builder.constant('float32', [4], [1, 1, 1, factor]) : undefined
  const scales = bySizes ? undefined : (scale ?? beside([1, 1, 1], one(2, position)))
  const sizes = bySizes
    ? builder.op(
        'Concat',
        [builder.ints([1, 1]), size, isNumber(newSize) ? builder.ints([newSize]) : one(3, position)],
        { axis: 0 },
      )
    : undefined
  const attributes = Object.fromEntries([...node.attributes].filter(([name]) => name !== 'axes'))
  // What lies outside is a constant, of which nothing flows back.
  const resized = rows.op('Resize', [region || undefined, scales, sizes], {
    ...attributes,
    extrapolation_value: float(0),
  })
  return resized.squeeze([0, 1]).castLike(dy)
}

/** dy·Wᵀ along an axis. */
function along(value: Value, axis: number, matrix: Value): Value {
  const { rank } = value
  if (axis === rank - 1) return value.matmul(matrix.transpose())
  if (axis === rank - 2) return matrix.matmul(value)
  const exchanged = range(0, rank).map((i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i))
  return value.transpose(exchanged).matmul(matrix.transpose()).transpose(exchanged)
}
