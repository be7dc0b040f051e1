import { describe, stringOf } from '../graph/attributes.js'
import { type Dim, isNumber } from '../graph/dims.js'
import { ModelError } from '../graph/model.js'
import type { Value } from '../graph/value.js'
import { axisOf, range } from './facts.js'
import { paddingOf } from './padding.js'
import type { GradientContext, GradientRule } from './rule.js'
import { axesOf } from './shape-arithmetic.js'
import { counting, scatterAlong, sizeAlong } from './scatter-along.js'

/** Pad: elements that were added are taken away; elements that repeat others give them their gradient. */
export const unpadded: GradientRule = (context) => {
  const { node, x, dy, give, needs } = context
  if (stringOf(node, 'mode', 'constant') !== 'constant') return give(0, () => gatheredBack(context).shapedLike(x(0)))
  const axes = context.has(3) ? x(3) : undefined
  const core = (): Value => (withoutBorder(context) ?? dy.op('Pad', [x(1).neg(), undefined, axes])).shapedLike(x(0))
  give(0, core)
  // What the input does not get belongs to the value that fills the border.
  if (needs(2))
    give(2, () =>
      dy
        .sub(core().op('Pad', [x(1), undefined, axes]))
        .sum(undefined, false)
        .reshapeLike(x(2)),
    )
}

/** One Slice, where the border's width is known and nothing was taken away. */
function withoutBorder(context: GradientContext): Value | undefined {
  const { dy, builder } = context
  const { rank } = context.x(0)
  const padding = paddingOf(context, rank)
  const counts = padding && [...padding.before, ...padding.after]
  if (padding === undefined || counts?.every((count): count is number => isNumber(count) && count >= 0) !== true)
    return undefined
  const axes = range(0, rank).filter((axis) => padding.before[axis] !== 0 || padding.after[axis] !== 0)
  if (axes.length === 0) return dy
  const end = (after: number): number => (after === 0 ? 2 ** 31 : -after)
  const ends = axes.map((axis) => end(padding.after[axis] as number))
  const starts = axes.map((axis) => padding.before[axis] as number)
  return dy.op('Slice', [builder.ints(starts), builder.ints(ends), builder.ints(axes)])
}

/** Where the elements along an axis come from is told by padding 0, 1, …, size − 1 in the same mode. */
function gatheredBack(context: GradientContext): Value {
  const { node, builder, x, dy } = context
  const { rank } = x(0)
  const mode = stringOf(node, 'mode', 'constant')
  const padding = paddingOf(context, rank)
  const given = axesOf(context, 3)
  if (given === 'unknown')
    throw new ModelError(
      `${describe(node)}: its axes are computed, and its gradient needs them known; make them a constant`,
    )
  const axes = (given ?? range(0, rank)).map((axis) => axisOf(node, axis, rank))
  return axes.reduce((value, axis, i) => {
    const counts = padding && [padding.before[axis] as Dim, padding.after[axis] as Dim]
    if (counts?.every((count) => count === 0) === true) return value
    const pads =
      counts?.every(isNumber) === true ? builder.ints(counts) : x(1).gather(builder.ints([i, i + axes.length]), 0)
    const size = sizeAlong(x(0), axis)
    return scatterAlong(value, counting(builder, size).op('Pad', [pads], { mode }), axis, size)
  }, dy)
}
