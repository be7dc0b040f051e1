import { type Dim, isNumber } from '../graph/dims.js'
import { DTYPES, type DType } from '../graph/dtype.js'
import { intOf } from '../graph/attributes.js'
import { convolvedShape } from './convolution.js'
import { axisOf, facts, range } from './facts.js'
import { along, CannotScale, type Field, uniform, varies } from './field.js'
import { matMulShape } from './linear.js'
import { scalable } from './operands.js'
import type { Facts, NodeContext, OperatorTable, ScaleContext, ScaleRule, ShapeRule } from './rule.js'

/** The axis that a quantisation scale runs along; null for one scale for all, undefined for blocks. */
function quantisedAxis(context: ScaleContext): number | null | undefined {
  const scale = context.shape(1)
  const rank = context.shape(0).length
  if (scale.length === 0 || (scale.length === 1 && scale[0] === 1)) return null
  if (scale.length !== 1 || intOf(context.node, 'block_size', 0) !== 0) return undefined
  return axisOf(context.node, intOf(context.node, 'axis', 1), rank)
}

/** The quantisation scale takes up the field; the integers keep their values and stand for the scaled ones. */
function rescaleQuantisation(context: ScaleContext, field: Field): void {
  if (field.ids.every((scale) => context.scales.isOne(scale))) return
  const rank = context.shape(1).length
  const term = field.ids.length === 1 ? uniform(rank, field.ids[0]) : along(1, 0, field.ids)
  context.scaleConstant(1, [{ field: term, power: 1 }])
}

/** Restricts the input to what the quantisation scale can take up. Returns the field; undefined where it must be one. */
function quantisable(context: ScaleContext): Field | undefined {
  const { opType } = context.node
  const axis = context.isConstant(1) ? quantisedAxis(context) : undefined
  if (axis === undefined) {
    context.requireOne(0, `${opType} with a scale that is computed or blockwise needs τ = 1`)
    return undefined
  }
  const reason = `${opType} has one scale for all channels`
  const rank = context.shape(0).length
  const field = context.requireUniform(0, axis === null ? 'all' : range(0, rank).filter((i) => i !== axis), reason)
  if (axis !== null && varies(field, axis) && !scalable(context, 1, [0]))
    return context.requireUniform(0, 'all', reason)
  return field
}

function quantize(context: ScaleContext): void {
  // Integers cannot be multiplied by a τ again: with nodes at hand, the division stands before the quantisation.
  if (context.scope === 'full') {
    context.requireOne(0, 'QuantizeLinear needs τ = 1')
    return
  }
  if (quantisable(context) === undefined) return
  const field = context.undo(0, 'sign', 'QuantizeLinear has positive scales only')
  rescaleQuantisation(context, field)
  context.output(0, field)
}

function dequantize(context: ScaleContext): void {
  const field = quantisable(context)
  if (field === undefined) return
  rescaleQuantisation(context, field)
  context.output(0, field)
}

function declaredType(context: NodeContext, attribute: string): DType | undefined {
  const code = intOf(context.node, attribute, 0)
  return code > 0 ? DTYPES[code - 1] : undefined
}

const quantizeShape: ShapeRule = (context) => {
  const type = context.has(2) ? context.input(2).dtype : (declaredType(context, 'output_dtype') ?? 'uint8')
  return [facts(type, context.input(0).shape)]
}

const dequantizeShape: ShapeRule = (context) => [
  facts(declaredType(context, 'output_dtype') ?? context.input(1).dtype, context.input(0).shape),
]

const dynamicShape: ShapeRule = (context) => [
  facts('uint8', context.input(0).shape),
  facts('float32', []),
  facts('uint8', []),
]

/** A product whose operands stand at the given inputs. */
function productShape(a: number, b: number, type: (context: NodeContext) => DType | undefined): ShapeRule {
  return (context) => [facts(type(context), matMulShape(context.input(a).shape, context.input(b).shape))]
}

function quantizedConvShape(x: number, w: number, type: (context: NodeContext) => DType | undefined): ShapeRule {
  return (context): readonly Facts[] => {
    const weight: readonly Dim[] | undefined = context.input(w).shape
    if (weight?.slice(2).every(isNumber) !== true) return [facts(type(context))]
    return [facts(type(context), convolvedShape(context, context.input(x).shape, weight))]
  }
}

/** A layer whose neurons are counted, and pinned: its sums are integers, which no τ but 1 leaves integers. */
function integerLayer(weight: number, axis: 'first' | 'last'): ScaleRule {
  return (context) => {
    const reason = `${context.node.opType} computes with integers`
    const sizes = context.shape(weight)
    const rank = context.outputShape(0).length
    const neurons = axis === 'first' ? sizes[0] : sizes.length > 1 ? sizes.at(-1) : undefined
    if (context.isConstant(weight) && isNumber(neurons)) context.vertex(0, [axis === 'first' ? 1 : rank - 1], [neurons])
    throw new CannotScale(reason)
  }
}

const integerArithmetic = 'pinned: integer arithmetic'

export const quantization: OperatorTable = {
  QuantizeLinear: {
    summary: 'the quantisation scale absorbs a positive τ, and the integers carry it; scope full: a division before it',
    shape: quantizeShape,
    scale: quantize,
  },
  DequantizeLinear: {
    summary: 'the quantisation scale absorbs the τ that the integers carry',
    shape: dequantizeShape,
    scale: dequantize,
  },
  DynamicQuantizeLinear: {
    summary: integerArithmetic,
    shape: dynamicShape,
    scale: { pinned: 'DynamicQuantizeLinear rounds by the largest value' },
  },
  ConvInteger: {
    summary: integerArithmetic,
    shape: quantizedConvShape(0, 1, () => 'int32'),
    scale: integerLayer(1, 'first'),
  },
  MatMulInteger: {
    summary: integerArithmetic,
    shape: productShape(0, 1, () => 'int32'),
    scale: integerLayer(1, 'last'),
  },
  QLinearConv: {
    summary: integerArithmetic,
    shape: quantizedConvShape(0, 3, (context) => context.input(7).dtype),
    scale: integerLayer(3, 'first'),
  },
  QLinearMatMul: {
    summary: integerArithmetic,
    shape: productShape(0, 3, (context) => context.input(7).dtype),
    scale: integerLayer(3, 'last'),
  },
}
