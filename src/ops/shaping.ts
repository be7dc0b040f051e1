import { intOf, intsOf, stringOf, tensorAttribute } from '../graph/attributes.js'
import { add, ceilDivide, type Dim, isNumber, product, subtract } from '../graph/dims.js'
import { type DType, DTYPES, isFloat } from '../graph/dtype.js'
import { ModelError, type Tensor } from '../graph/model.js'
import { numbersOf, sizeOf } from '../graph/tensor.js'
import { equationOf } from './einsum.js'
import { facts, factsOf, NUMBERS_LIMIT, range, unknownDim } from './facts.js'
import { unscaledInputs } from './operands.js'
import { contracted } from './einsum-gradient.js'
import { counting, sizeAlong } from './scatter-along.js'
import type { GradientRule, NodeContext, OperatorTable, ScaleRule, ShapeRule } from './rule.js'
import { numbersAt, smallShape } from './shape-arithmetic.js'

/** Only the shape of what goes in matters, or which of it is 0: no scale changes that. */
const indifferent: ScaleRule = () => undefined

const shapeFacts: ShapeRule = (context) => {
  const { shape } = context.input(0)
  if (shape === undefined) return [{ dtype: 'int64', shape: [unknownDim(context.node, 0, 0)] }]
  const numbers = shape.slice(intOf(context.node, 'start', 0), intOf(context.node, 'end', shape.length))
  return [facts('int64', [numbers.length], numbers)]
}

const sizeFacts: ShapeRule = (context) => {
  const { shape } = context.input(0)
  return [facts('int64', [], shape && [product(shape)])]
}

/** A tensor of the size that an input of integers gives. */
function ofSize(context: NodeContext, dtype: DType | undefined, value?: Dim) {
  const sizes = numbersAt(context, 0)
  const rank = context.input(0).shape?.[0]
  const shape = sizes ?? (isNumber(rank) ? range(0, rank).map((axis) => unknownDim(context.node, 0, axis)) : undefined)
  const small = smallShape(shape)
  const numbers = value !== undefined && small ? new Array<Dim>(sizeOf(small)).fill(value) : undefined
  return facts(dtype, shape, numbers)
}

const constantOfShapeFacts: ShapeRule = (context) => {
  const tensor = tensorAttribute(context.node, 'value')
  if (tensor === undefined) return [ofSize(context, 'float32')]
  return [ofSize(context, tensor.dtype, integersOf(tensor)?.[0])]
}

/** The elements of a small tensor of integers or truth values. */
function integersOf(tensor: Tensor): readonly number[] | undefined {
  if (isFloat(tensor.dtype) || tensor.dtype === 'string' || sizeOf(tensor.dims) > NUMBERS_LIMIT) return undefined
  try {
    return Array.from(numbersOf(tensor))
  } catch (error) {
    // Types that are carried along unread, such as 4-bit integers.
    if (error instanceof ModelError) return undefined
    throw error
  }
}

const constantFacts: ShapeRule = ({ node }) => {
  const tensor = tensorAttribute(node, 'value')
  if (tensor !== undefined) return [facts(tensor.dtype, tensor.dims, integersOf(tensor))]
  const int = node.attributes.get('value_int')
  if (int?.type === 'int') return [facts('int64', [], [int.value])]
  const ints = intsOf(node, 'value_ints')
  if (ints !== undefined) return [facts('int64', [ints.length], ints)]
  if (node.attributes.has('value_float')) return [facts('float32', [])]
  const floats = node.attributes.get('value_floats')
  if (floats?.type === 'floats') return [facts('float32', [floats.value.length])]
  return [{}]
}

const rangeFacts: ShapeRule = (context) => {
  const { dtype } = context.input(0)
  const [start, limit, delta] = [0, 1, 2].map((i) => numbersAt(context, i)?.[0])
  if (start === undefined || limit === undefined || !isNumber(delta) || delta === 0)
    return [facts(dtype, [unknownDim(context.node, 0, 0)])]
  const span = delta > 0 ? subtract(limit, start) : subtract(start, limit)
  const count = ceilDivide(span, Math.abs(delta))
  const length = isNumber(count) ? Math.max(0, count) : count
  const numbers =
    isNumber(length) && length <= NUMBERS_LIMIT && !isFloat(dtype)
      ? range(0, length).map((i) => add(start, i * delta))
      : undefined
  return [facts(dtype, [length], numbers)]
}

const oneHotFacts: ShapeRule = (context) => {
  const { shape } = context.input(0)
  const { dtype } = context.input(2)
  if (shape === undefined) return [facts(dtype)]
  const given = intOf(context.node, 'axis', -1)
  const axis = given < 0 ? given + shape.length + 1 : given
  const depth = numbersAt(context, 1)?.[0] ?? unknownDim(context.node, 0, axis)
  return [facts(dtype, [...shape.slice(0, axis), depth, ...shape.slice(axis)])]
}

const oneHot: ScaleRule = (context) => {
  context.requireOne(0, 'OneHot needs τ = 1')
  context.requireOne(2, 'OneHot needs τ = 1')
}

const nonZeroFacts: ShapeRule = (context) => {
  const rank = context.input(0).shape?.length
  return [{ dtype: 'int64', shape: [rank ?? unknownDim(context.node, 0, 0), unknownDim(context.node, 0, 1)] }]
}

function typeAttribute(context: NodeContext, fallback: DType | undefined): DType | undefined {
  const given = intOf(context.node, 'dtype')
  return given === undefined ? fallback : DTYPES[given - 1]
}

const eyeFacts: ShapeRule = (context) => {
  const { dtype, shape } = context.input(0)
  return [facts(typeAttribute(context, dtype), shape)]
}

const randomFacts: ShapeRule = (context) => [facts(typeAttribute(context, 'float32'), intsOf(context.node, 'shape'))]

const randomLikeFacts: ShapeRule = (context) => {
  const { dtype, shape } = factsOf(context, 0)
  return [facts(typeAttribute(context, dtype), shape)]
}

const multinomialFacts: ShapeRule = (context) => {
  const rows = context.input(0).shape?.[0] ?? unknownDim(context.node, 0, 0)
  return [facts(typeAttribute(context, 'int32'), [rows, intOf(context.node, 'sample_size', 1)])]
}

/** Sizes by the letters of the equation; unknown where it has an ellipsis. */
const einsumFacts: ShapeRule = (context) => {
  const { dtype } = context.input(0)
  const shapes = context.node.inputs.map((_, input) => context.input(input).shape)
  const ranks = shapes.map((shape) => shape?.length)
  const equation = equationOf(stringOf(context.node, 'equation', ''), ranks)
  if (equation === undefined) return [facts(dtype)]
  const sizes = new Map<string, Dim>()
  equation.operands.forEach((letters, input) => {
    ;[...letters].forEach((letter, axis) => {
      const size = shapes[input]?.[axis]
      const known = sizes.get(letter)
      if (size !== undefined && (known === undefined || known === 1 || !isNumber(known))) sizes.set(letter, size)
    })
  })
  const result = [...equation.result]
  return [
    facts(
      dtype,
      result.map((letter, axis) => sizes.get(letter) ?? unknownDim(context.node, 0, axis)),
    ),
  ]
}

/** y = start + i · delta for i = 0, 1, …; the limit only says how many there are. */
const counted: GradientRule = ({ x, y, dy, give }) => {
  const places = counting(dy.builder, sizeAlong(y(0), 0)).castLike(dy)
  give(0, () => dy.sum(undefined, false).reshapeLike(x(0)))
  give(2, () => dy.mul(places).sum(undefined, false).reshapeLike(x(2)))
}

/** The two values, off and on, get what lies where they were written. */
const chosen: GradientRule = ({ node, builder, x, dy, give }) =>
  give(2, () => {
    const zeroOne = builder.constant(dy.dtype ?? 'float32', [2], [0, 1])
    const on = x(0).op('OneHot', [x(1), zeroOne], { axis: intOf(node, 'axis', -1) })
    const sums = [on.subtractedFrom(1), on].map((mask) => dy.mul(mask).sum(undefined, false).reshape([1]))
    return builder.op('Concat', sums, { axis: 0 })
  })

export const shaping: OperatorTable = {
  Shape: { shape: shapeFacts, scale: indifferent, gradient: 'zero', summary: 'takes the shape alone: any τ in' },
  Size: { shape: sizeFacts, scale: indifferent, gradient: 'zero', summary: 'takes the shape alone: any τ in' },
  ConstantOfShape: { shape: constantOfShapeFacts, scale: indifferent, gradient: 'zero', summary: 'unscaled' },
  Constant: {
    shape: constantFacts,
    scale: indifferent,
    gradient: 'zero',
    summary: 'a constant: carries the τ that is asked of it',
  },
  Range: { shape: rangeFacts, scale: unscaledInputs(), gradient: counted, summary: 'needs τ = 1' },
  EyeLike: { shape: eyeFacts, scale: indifferent, gradient: 'zero', summary: 'takes the shape alone: any τ in' },
  OneHot: { shape: oneHotFacts, scale: oneHot, gradient: chosen, summary: 'needs τ = 1' },
  NonZero: { shape: nonZeroFacts, scale: indifferent, gradient: 'zero', summary: 'indices of what is not 0: any τ in' },
  RandomNormal: { shape: randomFacts, scale: indifferent, gradient: 'zero', summary: 'unscaled' },
  RandomUniform: { shape: randomFacts, scale: indifferent, gradient: 'zero', summary: 'unscaled' },
  RandomNormalLike: {
    shape: randomLikeFacts,
    scale: indifferent,
    gradient: 'zero',
    summary: 'takes the shape alone: any τ in',
  },
  RandomUniformLike: {
    shape: randomLikeFacts,
    scale: indifferent,
    gradient: 'zero',
    summary: 'takes the shape alone: any τ in',
  },
  Bernoulli: { gradient: 'zero', shape: randomLikeFacts, scale: unscaledInputs(), summary: 'needs τ = 1' },
  Multinomial: { gradient: 'zero', shape: multinomialFacts, scale: unscaledInputs(), summary: 'needs τ = 1' },
  Einsum: {
    shape: einsumFacts,
    scale: unscaledInputs('Einsum has no scale rule'),
    gradient: contracted,
    summary: 'pinned; scope full: a division before it',
  },
}
