import { intOf } from '../graph/attributes.js'
import { add, type Dim, isNumber, multiply } from '../graph/dims.js'
import { isFloat } from '../graph/dtype.js'
import { axisOf, facts, givenInputs, range, unknownDim } from './facts.js'
import {
  CannotScale,
  collapse,
  concatenate,
  FIELD_LIMIT,
  type Field,
  select,
  uniform,
  varies,
  varyingAxes,
  withRank,
} from './field.js'
import { isUnscaled, mergeInputs } from './merge.js'
import { parted } from './movement-slicing-gradient.js'
import type { GradientRule, OperatorTable, ScaleContext, ScaleRule, ShapeRule } from './rule.js'
import { numbersAt, smallShape, spread } from './shape-arithmetic.js'

const concatFacts: ShapeRule = (context) => {
  const inputs = givenInputs(context.node).map((i) => context.input(i))
  const dtype = inputs.find((input) => input.dtype !== undefined)?.dtype
  const shapes = inputs.flatMap((input) => (input.shape === undefined ? [] : [input.shape]))
  const rank = shapes[0]?.length
  if (rank === undefined) return [facts(dtype)]
  const axis = axisOf(context.node, intOf(context.node, 'axis', 1), rank)
  const sizes = Array.from({ length: rank }, (_, i): Dim => {
    const own = shapes.map((shape) => shape[i] as Dim)
    if (i !== axis) return own.find(isNumber) ?? (own[0] as Dim)
    return shapes.length === inputs.length ? own.reduce(add) : unknownDim(context.node, 0, i)
  })
  const numbers = rank === 1 ? inputs.map((input) => input.numbers) : []
  const all = numbers.length > 0 && numbers.every((part) => part !== undefined) ? numbers.flat() : undefined
  return [facts(dtype, sizes, all)]
}

/** A constant that stands beside activations: along the axis it takes on whatever scales what follows asks for. */
function besideActivations(context: ScaleContext, input: number, axis: number, size: number): Field {
  const rank = context.shape(input).length
  const allowed = context.scalableAxes(input)
  const { dtype } = context.input(input)
  if (size === 0 || !isFloat(dtype) || (allowed !== 'all' && !allowed.includes(axis))) return uniform(rank)
  const field = context.free(Array.from({ length: rank }, (_, i) => (i === axis ? size : 1)))
  context.scaleConstant(input, [{ field, power: 1 }])
  return field
}

const concat: ScaleRule = (context) => {
  const inputs = givenInputs(context.node)
  const rank = context.outputShape(0).length
  const axis = axisOf(context.node, intOf(context.node, 'axis', 1), rank)
  const activations = inputs.filter((i) => !context.isConstant(i))
  const fields = activations.map((i) => collapse(context.field(i), (a, b) => context.scales.same(a, b)))
  if (fields.every(isUnscaled) && activations.length === inputs.length) return
  const sizes = inputs.map((i) => context.shape(i)[axis])
  const sideBySide = fields.some((field) => varies(field, axis))
  const alike = fields.some((field) => varyingAxes(field).some((other) => other !== axis))
  if (!sizes.every(isNumber) || (!sideBySide && alike)) {
    const reason = 'Concat along an axis that other scales cross'
    for (const i of activations) context.requireUniform(i, [axis], reason)
    return context.output(0, mergeInputs(context, inputs, reason).field)
  }
  const all = inputs.map((i, k) => {
    const at = activations.indexOf(i)
    return at >= 0 ? (fields[at] as Field) : besideActivations(context, i, axis, sizes[k] as number)
  })
  const joined = concatenate(all, axis, sizes)
  context.output(
    0,
    collapse(joined, (a, b) => a === b),
  )
}

const expandFacts: ShapeRule = (context) => {
  const { node } = context
  const { dtype, shape, numbers } = context.input(0)
  const target = numbersAt(context, 1)
  if (target === undefined) {
    const length = context.input(1).shape?.[0]
    if (!isNumber(length) || shape === undefined) return [facts(dtype)]
    const rank = Math.max(length, shape.length)
    return [
      facts(
        dtype,
        Array.from({ length: rank }, (_, axis) => {
          const own = shape[axis - rank + shape.length] ?? 1
          return isNumber(own) && own !== 1 ? own : unknownDim(node, 0, axis)
        }),
      ),
    ]
  }
  if (shape === undefined) return [facts(dtype)]
  const rank = Math.max(target.length, shape.length)
  const sizes = Array.from({ length: rank }, (_, axis): Dim => {
    const own = shape[axis - rank + shape.length] ?? 1
    const wanted = target[axis - rank + target.length] ?? 1
    if (wanted === 1) return own
    if (own === 1) return wanted
    return isNumber(own) ? own : wanted
  })
  const from = smallShape(shape)
  const to = smallShape(sizes)
  return [facts(dtype, sizes, numbers && from && to && spread(numbers, from, to))]
}

const expanded: ScaleRule = (context) => context.output(0, withRank(context.field(0), context.outputShape(0).length))

const tileFacts: ShapeRule = (context) => {
  const { dtype, shape, numbers } = context.input(0)
  const repeats = numbersAt(context, 1)
  if (shape === undefined) return [facts(dtype)]
  const sizes = shape.map((dim, axis) => {
    const times = repeats?.[axis]
    return times === undefined ? unknownDim(context.node, 0, axis) : multiply(dim, times)
  })
  const times = repeats?.[0]
  const tiled =
    numbers && shape.length === 1 && smallShape(sizes) && isNumber(times)
      ? Array.from({ length: times }, () => numbers).flat()
      : undefined
  return [facts(dtype, sizes, tiled)]
}

const tile: ScaleRule = (context) => {
  const repeats = context.integers(1)
  const unknown = varyingAxes(context.field(0)).filter((axis) => repeats?.[axis] === undefined)
  const field = unknown.length > 0 ? context.requireUniform(0, unknown, 'Tile of the scaled axis') : context.field(0)
  context.output(
    0,
    varyingAxes(field).reduce((result, axis) => {
      const size = field.dims[axis] as number
      const length = size * (repeats?.[axis] as number)
      if (length > FIELD_LIMIT) throw new CannotScale('Tile of the scaled axis to a size beyond all measure')
      return select(
        result,
        axis,
        Array.from({ length }, (_, i) => i % size),
      )
    }, field),
  )
}

/** The sum over the repeats, which lie along axes of their own once each axis is split into repeats and size. */
const untiled: GradientRule = (context) => {
  const { builder, x, dy, give } = context
  give(0, () => {
    const { dims, rank } = x(0)
    const times = context.integers(1)
    const repeats = range(0, rank).map((axis) => 2 * axis)
    if (times !== undefined && dims.every(isNumber))
      return dy.reshape(dims.flatMap((size, axis) => [times[axis] as number, size])).sum(repeats, false)
    const columns = [x(1), builder.shapeOf(x(0))].map((list) => list.unsqueeze([1]))
    const sizes = builder.op('Concat', columns, { axis: 1 }).reshape([-1])
    return dy.reshape(sizes).sum(repeats, false).shapedLike(x(0))
  })
}

export const movementJoining: OperatorTable = {
  Concat: {
    shape: concatFacts,
    scale: concat,
    gradient: parted,
    summary: 'movement: τ side by side; along an axis without τ: merge',
  },
  Expand: {
    shape: expandFacts,
    scale: expanded,
    gradient: ({ dy, give }) => give(0, () => dy),
    summary: 'movement: τ passes',
  },
  Tile: { shape: tileFacts, scale: tile, gradient: untiled, summary: 'movement: each element keeps its τ' },
}
