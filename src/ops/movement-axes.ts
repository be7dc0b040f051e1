import { describe, intOf, intsOf } from '../graph/attributes.js'
import { type Dim, divide, isNumber, product } from '../graph/dims.js'
import { ModelError } from '../graph/model.js'
import { axisOf, facts, unknownDim } from './facts.js'
import { CannotScale, collapse, dropAxes, type Field, insertAxes, permute, reshape, uniform } from './field.js'
import type { GradientRule, NodeContext, OperatorTable, ScaleContext, ScaleRule, ShapeRule } from './rule.js'
import { axesOf, numbersAt, smallShape, transposed } from './shape-arithmetic.js'

/** A uniform field passes every movement, whatever is known of the shapes. */
function passesUniform(context: ScaleContext): boolean {
  const field = context.field(0)
  if (field.ids.length !== 1) return false
  context.output(0, uniform(context.outputShape(0).length, field.ids[0]))
  return true
}

/** Follow the elements of a reshaped value; where they cannot be followed, all of them must carry one scale. */
const reshaped: ScaleRule = (context) => {
  if (passesUniform(context)) return
  const to = context.outputShape(0)
  const field = collapse(context.field(0), (a, b) => context.scales.same(a, b))
  let moved: Field
  try {
    moved = reshape(field, context.shape(0), to)
  } catch (error) {
    if (!(error instanceof CannotScale)) throw error
    const left = context.requireUniform(0, 'all', error.message)
    moved = uniform(to.length, left.ids[0])
  }
  context.output(0, moved)
}

const reshapeFacts: ShapeRule = (context) => {
  const { node } = context
  const { dtype, shape, numbers } = context.input(0)
  const target = intsOf(node, 'shape') ?? numbersAt(context, 1)
  if (target === undefined) {
    const rank = context.input(1).shape?.[0]
    const known = isNumber(rank) ? Array.from({ length: rank }, (_, axis) => unknownDim(node, 0, axis)) : undefined
    return [facts(dtype, known)]
  }
  const copies = intOf(node, 'allowzero', 0) === 0
  const sizes = target.map((dim, axis) => (dim === 0 && copies ? (shape?.[axis] ?? unknownDim(node, 0, axis)) : dim))
  const open = sizes.indexOf(-1)
  if (open >= 0) {
    const others = product(sizes.filter((_, axis) => axis !== open))
    sizes[open] = (shape && divide(product(shape), others)) ?? unknownDim(node, 0, open)
  }
  return [facts(dtype, sizes, numbers)]
}

const flattenFacts: ShapeRule = (context) => {
  const { dtype, shape, numbers } = context.input(0)
  if (shape === undefined) return [facts(dtype, [unknownDim(context.node, 0, 0), unknownDim(context.node, 0, 1)])]
  const given = intOf(context.node, 'axis', 1)
  const axis = given < 0 ? given + shape.length : given
  return [facts(dtype, [product(shape.slice(0, axis)), product(shape.slice(axis))], numbers)]
}

function permutationOf(context: NodeContext, rank: number): readonly number[] {
  const given = intsOf(context.node, 'perm')
  if (given === undefined) return Array.from({ length: rank }, (_, axis) => rank - 1 - axis)
  const permutation = given.map((axis) => axisOf(context.node, axis, rank))
  if (new Set(permutation).size !== rank || given.length !== rank)
    throw new ModelError(
      `${describe(context.node)}: perm [${given.join(', ')}] is no order of the ${rank} axes of its input; expected each axis once`,
    )
  return permutation
}

const transposeFacts: ShapeRule = (context) => {
  const { dtype, shape, numbers } = context.input(0)
  if (shape === undefined) return [facts(dtype)]
  const permutation = permutationOf(context, shape.length)
  const small = smallShape(shape)
  return [
    facts(
      dtype,
      permutation.map((axis) => shape[axis] as Dim),
      numbers && small && transposed(numbers, small, permutation),
    ),
  ]
}

/** The axes that a Squeeze drops; undefined where that cannot be told. */
function squeezedAxes(context: NodeContext): number[] | undefined {
  const { shape } = context.input(0)
  const axes = axesOf(context, 1)
  if (shape === undefined || axes === 'unknown') return undefined
  if (axes !== undefined) return axes.map((axis) => axisOf(context.node, axis, shape.length))
  if (!shape.every(isNumber)) return undefined
  return shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []))
}

const squeezeFacts: ShapeRule = (context) => {
  const { dtype, shape, numbers } = context.input(0)
  const axes = squeezedAxes(context)
  return [facts(dtype, axes && shape?.filter((_, axis) => !axes.includes(axis)), numbers)]
}

const squeeze: ScaleRule = (context) => {
  if (passesUniform(context)) return
  const axes = squeezedAxes(context)
  if (axes === undefined) return reshaped(context)
  context.output(0, dropAxes(context.field(0), axes))
}

/** The axes, of the result, that an Unsqueeze inserts. */
function insertedAxes(context: NodeContext, rank: number): number[] | undefined {
  const axes = axesOf(context, 1)
  if (axes === 'unknown' || axes === undefined) return undefined
  return [...new Set(axes.map((axis) => axisOf(context.node, axis, rank + axes.length)))]
}

const unsqueezeFacts: ShapeRule = (context) => {
  const { dtype, shape, numbers } = context.input(0)
  const axes = shape && insertedAxes(context, shape.length)
  if (shape === undefined || axes === undefined) return [facts(dtype)]
  const sizes: Dim[] = []
  let next = 0
  for (let axis = 0; axis < shape.length + axes.length; axis++)
    sizes.push(axes.includes(axis) ? 1 : (shape[next++] as Dim))
  return [facts(dtype, sizes, numbers)]
}

const unsqueeze: ScaleRule = (context) => {
  const axes = insertedAxes(context, context.shape(0).length)
  if (axes === undefined) throw new CannotScale('Unsqueeze of unknown axes')
  context.output(0, insertAxes(context.field(0), axes))
}

/** Each element's gradient goes back to its place in the input's shape. */
const shapedBack: GradientRule = ({ x, dy, give }) => give(0, () => dy.reshapeLike(x(0)))

const transposedBack: GradientRule = (context) => {
  const permutation = permutationOf(context, context.dy.rank)
  const inverse = permutation.map((_, axis) => permutation.indexOf(axis))
  context.give(0, () => context.dy.transpose(inverse))
}

export const movementAxes: OperatorTable = {
  Reshape: {
    shape: reshapeFacts,
    scale: reshaped,
    gradient: shapedBack,
    summary: 'movement: each element keeps its τ',
  },
  Flatten: {
    shape: flattenFacts,
    scale: reshaped,
    gradient: shapedBack,
    summary: 'movement: each element keeps its τ',
  },
  Transpose: {
    shape: transposeFacts,
    scale: (context) => context.output(0, permute(context.field(0), permutationOf(context, context.shape(0).length))),
    gradient: transposedBack,
    summary: 'movement: each element keeps its τ',
  },
  Squeeze: { shape: squeezeFacts, scale: squeeze, gradient: shapedBack, summary: 'movement: τ passes' },
  Unsqueeze: { shape: unsqueezeFacts, scale: unsqueeze, gradient: shapedBack, summary: 'movement: τ passes' },
}
