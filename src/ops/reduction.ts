import { add, type Dim, isNumber, multiply } from '../graph/dims.js'
import { intOf } from '../graph/attributes.js'
import { dropAxes, type Field, power, uniform } from './field.js'
import { axisOf, facts, likeInput, unknownDim } from './facts.js'
import { keepsDims, reducedAxes, reducesAll } from './reduced-axes.js'
import * as gradient from './reduction-gradient.js'
import type { GradientRule, Operator, OperatorTable, ScaleContext, ScaleRule, ShapeRule } from './rule.js'

function reducedFacts(fold?: (a: Dim, b: Dim) => Dim | undefined): ShapeRule {
  return (context) => {
    const { dtype, shape, numbers } = context.input(0)
    const axes = shape && reducedAxes(context, shape.length)
    if (shape === undefined) return [facts(dtype, reducesAll(context) && !keepsDims(context) ? [] : undefined)]
    if (axes === undefined)
      return [facts(dtype, keepsDims(context) ? shape.map((_, axis) => unknownDim(context.node, 0, axis)) : undefined)]
    const sizes = keepsDims(context)
      ? shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
      : shape.filter((_, axis) => !axes.includes(axis))
    const [first, ...rest] = axes.length === shape.length ? (numbers ?? []) : []
    const value =
      fold === undefined || first === undefined
        ? undefined
        : rest.reduce<Dim | undefined>((sum, n) => (sum === undefined ? undefined : fold(sum, n)), first)
    return [facts(dtype, sizes, value === undefined ? undefined : [value])]
  }
}

/** The input, once no scale varies along an axis that is reduced; and how a field of it moves to the output. */
function uniformInput(context: ScaleContext): { field: Field; move: (field: Field) => Field } {
  const reason = `${context.node.opType} over scales that differ`
  const axes = reducedAxes(context, context.shape(0).length)
  if (axes === undefined) {
    const field = context.requireUniform(0, 'all', reason)
    return { field, move: (other) => uniform(context.outputShape(0).length, other.ids[0]) }
  }
  const field = context.requireUniform(0, axes, reason)
  return { field, move: (other) => (keepsDims(context) ? other : dropAxes(other, axes)) }
}

const linearReduction: ScaleRule = (context) => {
  const { field, move } = uniformInput(context)
  context.output(0, move(field))
}

/** Commutes with positive scales. */
const positiveReduction: ScaleRule = (context) => {
  const { move } = uniformInput(context)
  const field = context.undo(0, 'sign', `${context.node.opType} needs τ > 0`)
  context.output(0, move(field), 'sign')
}

const squareReduction: ScaleRule = (context) => {
  const { field, move } = uniformInput(context)
  context.output(0, move(power(field, 2, context.scales)))
}

const pinnedReduction: ScaleRule = (context) => {
  context.requireOne(0, `${context.node.opType} needs τ = 1`)
}

function numeric(operation: (a: number, b: number) => number): (a: Dim, b: Dim) => Dim | undefined {
  return (a, b) => (isNumber(a) && isNumber(b) ? operation(a, b) : undefined)
}

const indexFacts: ShapeRule = (context) => {
  const { shape } = context.input(0)
  if (shape === undefined) return [{ dtype: 'int64' }]
  const axis = axisOf(context.node, intOf(context.node, 'axis', 0), shape.length)
  const sizes = keepsDims(context) ? shape.map((dim, i) => (i === axis ? 1 : dim)) : shape.filter((_, i) => i !== axis)
  return [{ dtype: 'int64', shape: sizes }]
}

/** The place of the greatest element does not change where all are multiplied by one positive number. */
const index: ScaleRule = (context) => {
  const axis = axisOf(context.node, intOf(context.node, 'axis', 0), context.shape(0).length)
  context.requireUniform(0, [axis], `${context.node.opType} over scales that differ`)
  context.undo(0, 'sign', `${context.node.opType} needs τ > 0`)
}

const topKFacts: ShapeRule = (context) => {
  const { node } = context
  const { dtype, shape } = context.input(0)
  const axis = shape && axisOf(node, intOf(node, 'axis', -1), shape.length)
  const k = intOf(node, 'k') ?? context.input(1).numbers?.[0]
  const sizes = shape?.map((dim, i) => (i === axis ? (k ?? unknownDim(node, 0, i)) : dim))
  return [facts(dtype, sizes), facts('int64', sizes)]
}

const topK: ScaleRule = (context) => {
  const axis = axisOf(context.node, intOf(context.node, 'axis', -1), context.shape(0).length)
  context.requireUniform(0, [axis], 'TopK over scales that differ')
  context.output(0, context.undo(0, 'sign', 'TopK needs τ > 0'), 'sign')
}

const cumulative: ScaleRule = (context) => {
  const axis = context.integers(1)?.[0]
  const rank = context.shape(0).length
  const axes = axis === undefined ? 'all' : [axisOf(context.node, axis, rank)]
  context.output(0, context.requireUniform(0, axes, 'CumSum over scales that differ'))
}

const linear = (gradient: GradientRule, fold?: (a: Dim, b: Dim) => Dim | undefined): Operator => ({
  gradient,
  shape: reducedFacts(fold),
  scale: linearReduction,
  summary: 'linear: τ passes along the axes that stay; along the others it must not vary',
})

const positive = (gradient: GradientRule, fold?: (a: Dim, b: Dim) => Dim | undefined): Operator => ({
  gradient,
  shape: reducedFacts(fold),
  scale: positiveReduction,
  summary: 'positively homogeneous: τ > 0 passes along the axes that stay; along the others it must not vary',
})

const pinned = (gradient: GradientRule, fold?: (a: Dim, b: Dim) => Dim | undefined): Operator => ({
  gradient,
  shape: reducedFacts(fold),
  scale: pinnedReduction,
  summary: 'needs τ = 1',
})

const indices: Operator = {
  gradient: 'zero',
  shape: indexFacts,
  scale: index,
  summary: 'an index: unchanged where τ > 0 does not vary along the axis',
}

export const reduction: OperatorTable = {
  ReduceSum: linear(gradient.sum, add),
  ReduceMean: linear(gradient.mean),
  ReduceMax: positive(gradient.extremum, numeric(Math.max)),
  ReduceMin: positive(gradient.extremum, numeric(Math.min)),
  ReduceL1: positive(gradient.l1),
  ReduceL2: positive(gradient.l2),
  ReduceSumSquare: {
    shape: reducedFacts(),
    scale: squareReduction,
    gradient: gradient.sumSquare,
    summary: 'τ becomes τ², along the axes that stay; along the others it must not vary',
  },
  ReduceProd: pinned(gradient.product, multiply),
  ReduceLogSum: pinned(gradient.logSum),
  ReduceLogSumExp: pinned(gradient.logSumExp),
  ArgMax: indices,
  ArgMin: indices,
  TopK: {
    shape: topKFacts,
    scale: topK,
    gradient: gradient.topK,
    summary: 'values: τ > 0 passes along the other axes; indices: unchanged',
  },
  CumSum: {
    shape: likeInput,
    scale: cumulative,
    gradient: gradient.cumulativeSum,
    summary: 'linear: τ passes along the other axes',
  },
  CumProd: { shape: likeInput, scale: pinnedReduction, summary: 'needs τ = 1' },
}
