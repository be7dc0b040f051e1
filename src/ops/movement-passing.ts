import { intOf } from '../graph/attributes.js'
import { isNumber } from '../graph/dims.js'
import { type DType, DTYPES, isFloat } from '../graph/dtype.js'
import { facts, factsOf, likeInput } from './facts.js'
import type { GradientRule, NodeContext, OperatorTable, ScaleRule, ShapeRule } from './rule.js'
import { numbersAt, truncated } from './shape-arithmetic.js'

function castTarget(context: NodeContext): DType | undefined {
  if (context.node.opType === 'CastLike') return context.input(1).dtype
  return DTYPES[intOf(context.node, 'to', 1) - 1]
}

const castFacts: ShapeRule = (context) => {
  const { shape } = context.input(0)
  const dtype = castTarget(context)
  const numbers = numbersAt(context, 0)
  if (isFloat(dtype)) return [facts(dtype, shape, numbers)]
  if (dtype !== 'bool') return [facts(dtype, shape, numbers?.map(truncated))]
  return [facts(dtype, shape, numbers?.every(isNumber) === true ? numbers.map((n) => (n === 0 ? 0 : 1)) : undefined)]
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

/** Between float types; to any other type no gradient flows. */
const castBack: GradientRule = ({ x, dy, give }) => give(0, () => dy.castLike(x(0)))

/** In training y = x · mask ÷ (1 − ratio); in inference, where the mask is all true, y = x. */
const droppedOut: GradientRule = (context) => {
  const { x, y, dy, give } = context
  const training = context.has(2) ? context.constant(2)?.[0] : 0
  if (training === 0) return give(0, () => dy)
  give(0, () => {
    const kept = context.has(1) ? x(1).castLike(dy).subtractedFrom(1) : dy.constant(0.5)
    const masked = dy.mul(y(1).castLike(dy))
    return masked.div(training === undefined ? x(2).where(kept, 1) : kept)
  })
}

/** What is left of the gradient is the triangle that was left of the input. */
const triangular: GradientRule = (context) => {
  const { node, x, dy, give } = context
  give(0, () => dy.op('Trilu', [context.has(1) ? x(1) : undefined], { upper: intOf(node, 'upper', 1) }))
}

const passes: ScaleRule = (context) => context.output(0, context.field(0))

const identityFacts: ShapeRule = (context) => [context.input(0)]

const dropoutFacts: ShapeRule = (context) => [
  factsOf(context, 0),
  facts(context.opset >= 10 ? 'bool' : context.input(0).dtype, context.input(0).shape),
]

export const movementPassing: OperatorTable = {
  Identity: {
    shape: identityFacts,
    scale: passes,
    gradient: ({ dy, give }) => give(0, () => dy),
    summary: 'movement: τ passes',
  },
  Dropout: {
    shape: dropoutFacts,
    scale: passes,
    gradient: droppedOut,
    summary: 'linear: τ passes; the mask is unscaled',
  },
  Cast: {
    shape: castFacts,
    scale: cast,
    gradient: castBack,
    summary: 'between float types τ passes; to any other it must be 1',
  },
  CastLike: {
    shape: castFacts,
    scale: cast,
    gradient: castBack,
    summary: 'between float types τ passes; to any other it must be 1',
  },
  Trilu: { shape: likeInput, scale: passes, gradient: triangular, summary: 'movement: τ passes, for 0 stays 0' },
}
