import { describe, intOf, intsOf } from '../graph/attributes.js'
import { ModelError } from '../graph/model.js'
import { add, type Dim, divide, isNumber, multiply, product } from '../graph/dims.js'
import { isFloat } from '../graph/dtype.js'
import {
  CannotScale,
  collapse,
  concatenate,
  dropAxes,
  FIELD_LIMIT,
  type Field,
  insertAxes,
  permute,
  reshape,
  select,
  uniform,
  varies,
  varyingAxes,
  withRank,
} from './field.js'
import { factsOf, likeInput } from './facts.js'
import { isUnscaled, mergeInputs } from './merge.js'
import { movementIndexing } from './movement-indexing.js'
import { movementSpatial } from './movement-spatial.js'
import type { NodeContext, OperatorTable, ScaleContext, ScaleRule, ShapeRule } from './rule.js'
import {
  axesOf,
  axisOf,
  followed,
  numbersAt,
  smallShape,
  spread,
  transposed,
  truncated,
  unknownDim,
} from './shape-arithmetic.js'
import { DTYPES, type DType } from '../graph/dtype.js'

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
    return [followed(dtype, known)]
  }
  const copies = intOf(node, 'allowzero', 0) === 0
  const sizes = target.map((dim, axis) => (dim === 0 && copies ? (shape?.[axis] ?? unknownDim(node, 0, axis)) : dim))
  const open = sizes.indexOf(-1)
  if (open >= 0) {
    const others = product(sizes.filter((_, axis) => axis !== open))
    sizes[open] = (shape && divide(product(shape), others)) ?? unknownDim(node, 0, open)
  }
  return [followed(dtype, sizes, numbers)]
}

const flattenFacts: ShapeRule = (context) => {
  const { dtype, shape, numbers } = context.input(0)
  if (shape === undefined) return [followed(dtype, [unknownDim(context.node, 0, 0), unknownDim(context.node, 0, 1)])]
  const given = intOf(context.node, 'axis', 1)
  const axis = given < 0 ? given + shape.length : given
  return [followed(dtype, [product(shape.slice(0, axis)), product(shape.slice(axis))], numbers)]
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
  if (shape === undefined) return [followed(dtype, undefined)]
  const permutation = permutationOf(context, shape.length)
  const small = smallShape(shape)
  return [
    followed(
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
  return [followed(dtype, axes && shape?.filter((_, axis) => !axes.includes(axis)), numbers)]
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
  if (shape === undefined || axes === undefined) return [followed(dtype, undefined)]
  const sizes: Dim[] = []
  let next = 0
  for (let axis = 0; axis < shape.length + axes.length; axis++)
    sizes.push(axes.includes(axis) ? 1 : (shape[next++] as Dim))
  return [followed(dtype, sizes, numbers)]
}

const unsqueeze: ScaleRule = (context) => {
  const axes = insertedAxes(context, context.shape(0).length)
  if (axes === undefined) throw new CannotScale('Unsqueeze of unknown axes')
  context.output(0, insertAxes(context.field(0), axes))
}

function inputsOf(context: NodeContext): number[] {
  return context.node.inputs.flatMap((name, i) => (name === '' ? [] : [i]))
}

const concatFacts: ShapeRule = (context) => {
  const inputs = inputsOf(context).map((i) => context.input(i))
  const dtype = inputs.find((input) => input.dtype !== undefined)?.dtype
  const shapes = inputs.flatMap((input) => (input.shape === undefined ? [] : [input.shape]))
  const rank = shapes[0]?.length
  if (rank === undefined) return [followed(dtype, undefined)]
  const axis = axisOf(context.node, intOf(context.node, 'axis', 1), rank)
  const sizes = Array.from({ length: rank }, (_, i): Dim => {
    const own = shapes.map((shape) => shape[i] as Dim)
    if (i !== axis) return own.find(isNumber) ?? (own[0] as Dim)
    return shapes.length === inputs.length ? own.reduce(add) : unknownDim(context.node, 0, i)
  })
  const numbers = rank === 1 ? inputs.map((input) => input.numbers) : []
  const all = numbers.length > 0 && numbers.every((part) => part !== undefined) ? numbers.flat() : undefined
  return [followed(dtype, sizes, all)]
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
  const inputs = inputsOf(context)
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
    if (!isNumber(length) || shape === undefined) return [followed(dtype, undefined)]
    const rank = Math.max(length, shape.length)
    return [
      followed(
        dtype,
        Array.from({ length: rank }, (_, axis) => {
          const own = shape[axis - rank + shape.length] ?? 1
          return isNumber(own) && own !== 1 ? own : unknownDim(node, 0, axis)
        }),
      ),
    ]
  }
  if (shape === undefined) return [followed(dtype, undefined)]
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
  return [followed(dtype, sizes, numbers && from && to && spread(numbers, from, to))]
}

const expanded: ScaleRule = (context) => context.output(0, withRank(context.field(0), context.outputShape(0).length))

const tileFacts: ShapeRule = (context) => {
  const { dtype, shape, numbers } = context.input(0)
  const repeats = numbersAt(context, 1)
  if (shape === undefined) return [followed(dtype, undefined)]
  const sizes = shape.map((dim, axis) => {
    const times = repeats?.[axis]
    return times === undefined ? unknownDim(context.node, 0, axis) : multiply(dim, times)
  })
  const times = repeats?.[0]
  const tiled =
    numbers && shape.length === 1 && smallShape(sizes) && isNumber(times)
      ? Array.from({ length: times }, () => numbers).flat()
      : undefined
  return [followed(dtype, sizes, tiled)]
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

function castTarget(context: NodeContext): DType | undefined {
  if (context.node.opType === 'CastLike') return context.input(1).dtype
  return DTYPES[intOf(context.node, 'to', 1) - 1]
}

const castFacts: ShapeRule = (context) => {
  const { shape } = context.input(0)
  const dtype = castTarget(context)
  const numbers = numbersAt(context, 0)
  if (isFloat(dtype)) return [followed(dtype, shape, numbers)]
  if (dtype !== 'bool') return [followed(dtype, shape, numbers?.map(truncated))]
  return [followed(dtype, shape, numbers?.every(isNumber) === true ? numbers.map((n) => (n === 0 ? 0 : 1)) : undefined)]
}

const cast: ScaleRule = (context) => {
  const { dtype } = context.input(0)
  const target = castTarget(context)
  if (isFloat(dtype) && !isFloat(target)) {
    context.requireOne(0, 'Cast to a type that cannot be scaled')
    return
  }
  context.output(0, context.field(0))
}

const identity: ScaleRule = (context) => context.output(0, context.field(0))

const identityFacts: ShapeRule = (context) => [context.input(0)]

const dropoutFacts: ShapeRule = (context) => [
  factsOf(context, 0),
  followed(context.opset >= 10 ? 'bool' : context.input(0).dtype, context.input(0).shape),
]

const trilu: ScaleRule = (context) => context.output(0, context.field(0))

export const movement: OperatorTable = {
  Reshape: { shape: reshapeFacts, scale: reshaped, summary: 'movement: each element keeps its τ' },
  Flatten: { shape: flattenFacts, scale: reshaped, summary: 'movement: each element keeps its τ' },
  Transpose: {
    shape: transposeFacts,
    scale: (context) => context.output(0, permute(context.field(0), permutationOf(context, context.shape(0).length))),
    summary: 'movement: each element keeps its τ',
  },
  Squeeze: { shape: squeezeFacts, scale: squeeze, summary: 'movement: τ passes' },
  Unsqueeze: { shape: unsqueezeFacts, scale: unsqueeze, summary: 'movement: τ passes' },
  Concat: {
    shape: concatFacts,
    scale: concat,
    summary: 'movement: τ side by side; along an axis without τ: merge',
  },
  Expand: { shape: expandFacts, scale: expanded, summary: 'movement: τ passes' },
  Tile: { shape: tileFacts, scale: tile, summary: 'movement: each element keeps its τ' },
  Identity: { shape: identityFacts, scale: identity, summary: 'movement: τ passes' },
  Dropout: { shape: dropoutFacts, scale: identity, summary: 'linear: τ passes; the mask is unscaled' },
  Cast: { shape: castFacts, scale: cast, summary: 'between float types τ passes; to any other it must be 1' },
  CastLike: { shape: castFacts, scale: cast, summary: 'between float types τ passes; to any other it must be 1' },
  Trilu: { shape: likeInput, scale: trilu, summary: 'movement: τ passes, for 0 stays 0' },
  ...movementIndexing,
  ...movementSpatial,
}
