import { describe, intOf } from '../graph/attributes.js'
import { isNumber } from '../graph/dims.js'
import { ModelError } from '../graph/model.js'
import type { Value } from '../graph/value.js'
import { type Cut, cutsOf, spanOf } from './cuts.js'
import { axisOf, givenInputs } from './facts.js'
import type { GradientContext, GradientRule } from './rule.js'
import { counting, scatterAlong, shapeWith, sizeAlong } from './scatter-along.js'

/** Concat: each input gets its part of the gradient. */
export const parted: GradientRule = ({ node, builder, x, dy, needs, give }) => {
  const inputs = givenInputs(node)
  const axis = axisOf(node, intOf(node, 'axis', 1), dy.rank)
  const wanted = inputs.filter(needs)
  const sizes = inputs.map((input) => x(input).dims[axis])
  const only = wanted.length === 1 ? inputs.indexOf(wanted[0] as number) : -1
  const before = sizes.slice(0, only)
  if (only >= 0 && before.every(isNumber) && isNumber(sizes[only])) {
    const start = before.reduce((sum, size) => sum + size, 0)
    const end = start + sizes[only]
    return give(inputs[only] as number, () => dy.slice(axis, start, end).shapedLike(x(inputs[only] as number)))
  }
  const split = sizes.every(isNumber)
    ? builder.ints(sizes)
    : builder.op(
        'Concat',
        inputs.map((input) => sizeAlong(x(input), axis)),
        { axis: 0 },
      )
  const parts = builder.ops('Split', [dy, split], { axis }, inputs.length)
  inputs.forEach((input, i) => give(input, () => (parts[i] as Value).shapedLike(x(input))))
}

/** Split: the gradients of the parts, side by side; zeros for parts that L does not depend on. */
export const concatenated: GradientRule = ({ node, builder, x, y, dyOf, give }) => {
  const axis = axisOf(node, intOf(node, 'axis', 0), x(0).rank)
  give(0, () =>
    builder
      .op(
        'Concat',
        node.outputs.map((_, output) => dyOf(output) ?? y(output).zeros()),
        { axis },
      )
      .shapedLike(x(0)),
  )
}

/** Slice: zeros around the gradient, and between its elements where the slice took steps. */
export const uncut: GradientRule = (context) => {
  const { node, x, dy, give } = context
  give(0, () => {
    const { dims } = x(0)
    const cuts = cutsOf(context, dims.length)
    if (cuts === undefined)
      throw new ModelError(
        `${describe(node)}: its axes are computed, and its gradient needs them known; make them a constant`,
      )
    const before = dims.map(() => 0)
    const after = dims.map(() => 0)
    let grown = dy
    for (const [i, cut] of cuts.entries()) {
      const { axis } = cut
      const size = dims[axis]
      const span = size === undefined ? undefined : spanOf(cut, size)
      if (span === undefined || !isNumber(size)) {
        grown = scatterAlong(grown, takenIndices(context, cut, i), axis, sizeAlong(x(0), axis), true)
        continue
      }
      if (span.count === 0) return x(0).zeros()
      const { first, step, value } = forwards(grown, axis, span)
      grown = spacedOut(value, axis, span.count, step)
      before[axis] = first
      after[axis] = size - first - span.count * step
    }
    return grown.pad(before, after).shapedLike(x(0))
  })
}

/** A slice that runs backwards is one that runs forwards, of the gradient turned round. */
function forwards(value: Value, axis: number, { from, count, step }: { from: number; count: number; step: number }) {
  if (step > 0) return { first: from, step, value }
  return { first: from + (count - 1) * step, step: -step, value: reversed(value, axis) }
}

/** The elements along an axis from last to first. */
function reversed(value: Value, axis: number): Value {
  return value.slice(axis, -1, -(2 ** 31), -1)
}

/** Each element along the axis followed by step − 1 zeros. */
function spacedOut(value: Value, axis: number, count: number, step: number): Value {
  if (step === 1) return value
  const after = Array.from({ length: value.rank + 1 }, (_, i) => (i === axis + 1 ? step - 1 : 0))
  const apart = value.unsqueeze([axis + 1]).pad(
    after.map(() => 0),
    after,
  )
  return apart.reshape(shapeWith(value, axis, value.builder.ints([count * step])))
}

/** The indices that a slice takes along an axis, computed: 0, 1, …, size − 1 sliced in the same way. */
function takenIndices(context: GradientContext, { axis }: Cut, position: number): Value {
  const { builder, x } = context
  const all = counting(builder, sizeAlong(x(0), axis))
  const own = (input: number): Value =>
    x(input)
      .slice(0, position, position + 1)
      .cast('int64')
  return all.op('Slice', [own(1), own(2), builder.ints([0]), context.has(4) ? own(4) : undefined])
}
