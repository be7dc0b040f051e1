import { type Dim, isNumber } from '../graph/dims.js'
import { intOf, intsOf } from '../graph/attributes.js'
import { facts, range } from './facts.js'
import {
  averagePoolGradient,
  globalAverageGradient,
  globalLpGradient,
  globalMaxGradient,
  lpPoolGradient,
  maxPoolGradient,
  maxUnpoolGradient,
} from './pooling-gradient.js'
import type { NodeContext, OperatorTable, ScaleContext, ShapeRule } from './rule.js'
import { slidingSizes, windowOf } from './windows.js'

/** Axes over which a pooling runs: all but batch and channel. */
function spatialAxes(context: ScaleContext): number[] {
  return range(2, context.shape(0).length)
}

/** A weighted sum over positions: any scale by channel passes. */
function linearPool(context: ScaleContext): void {
  const { opType } = context.node
  context.output(0, context.requireUniform(0, spatialAxes(context), `${opType} over a scale that varies by position`))
}

/** A maximum or a norm over positions: a positive scale by channel passes. */
function positivePool(context: ScaleContext): void {
  const { opType } = context.node
  context.requireUniform(0, spatialAxes(context), `${opType} over a scale that varies by position`)
  context.output(0, context.undo(0, 'sign', `${opType} is homogeneous for τ > 0 only`), 'sign')
}

/** Regions of interest are coordinates; what is pooled inside them keeps its channel. */
function regionPool(context: ScaleContext): void {
  const { opType, attributes } = context.node
  context.requireOne(1, `${opType} reads coordinates`)
  const others = range(0, context.shape(0).length).filter((axis) => axis !== 1)
  const reason = `${opType} over a scale that varies by position`
  const mode = attributes.get('mode')
  const averages = opType === 'RoiAlign' && (mode === undefined || (mode.type === 'string' && mode.value === 'avg'))
  const field = context.requireUniform(0, others, reason)
  if (averages) context.output(0, field)
  else context.output(0, context.undo(0, 'sign', `${opType} is homogeneous for τ > 0 only`), 'sign')
}

const pooledShape: ShapeRule = (context) => {
  const { dtype, shape } = context.input(0)
  const pooled = shape && [...shape.slice(0, 2), ...slidingSizes(shape.slice(2), windowOf(context.node, []))]
  const outputs = [facts(dtype, pooled)]
  if (context.node.outputs.length > 1) outputs.push(facts('int64', pooled))
  return outputs
}

const globalShape: ShapeRule = (context) => {
  const { dtype, shape } = context.input(0)
  return [
    facts(
      dtype,
      shape?.map((dim, axis) => (axis < 2 ? dim : 1)),
    ),
  ]
}

const unpooledShape: ShapeRule = (context) => {
  const { dtype, shape } = context.input(0)
  const given = context.has(2) ? context.input(2).numbers : undefined
  if (context.has(2) || shape === undefined) return [facts(dtype, given)]
  const window = windowOf(context.node, [])
  const spatial = shape.slice(2).map((size, axis) => {
    const kernel = window.kernel[axis]
    if (!isNumber(size) || !isNumber(kernel)) return undefined
    return (size - 1) * (window.strides[axis] ?? 1) - (window.pads[axis] ?? 0) + kernel
  })
  return [facts(dtype, spatial.every((size) => size !== undefined) ? [...shape.slice(0, 2), ...spatial] : undefined)]
}

/** [regions, channels, …]: one result of a fixed size for each region. */
function regionShape(context: NodeContext, sizes: readonly number[] | undefined) {
  const { dtype, shape } = context.input(0)
  const regions = context.input(1).shape?.[0]
  if (shape === undefined || regions === undefined || sizes === undefined) return [facts(dtype)]
  return [facts(dtype, [regions, shape[1] as Dim, ...sizes])]
}

export const pooling: OperatorTable = {
  MaxPool: {
    summary: 'positively homogeneous, by channel',
    shape: pooledShape,
    scale: positivePool,
    gradient: maxPoolGradient,
  },
  AveragePool: { summary: 'linear, by channel', shape: pooledShape, scale: linearPool, gradient: averagePoolGradient },
  LpPool: {
    summary: 'positively homogeneous, by channel',
    shape: pooledShape,
    scale: positivePool,
    gradient: lpPoolGradient,
  },
  GlobalMaxPool: {
    summary: 'positively homogeneous, by channel',
    shape: globalShape,
    scale: positivePool,
    gradient: globalMaxGradient,
  },
  GlobalAveragePool: {
    summary: 'linear, by channel',
    shape: globalShape,
    scale: linearPool,
    gradient: globalAverageGradient,
  },
  GlobalLpPool: {
    summary: 'positively homogeneous, by channel',
    shape: globalShape,
    scale: positivePool,
    gradient: globalLpGradient,
  },
  MaxUnpool: {
    summary: 'movement to indices that are computed: one τ for the whole input passes',
    shape: unpooledShape,
    scale: (context) =>
      context.output(0, context.requireUniform(0, 'all', 'MaxUnpool moves elements to indices that are computed')),
    gradient: maxUnpoolGradient,
  },
  MaxRoiPool: {
    summary: 'positively homogeneous, by channel; coordinates keep τ = 1',
    shape: (context) => regionShape(context, intsOf(context.node, 'pooled_shape')),
    scale: regionPool,
  },
  RoiAlign: {
    summary: 'linear (mode avg) or positively homogeneous (mode max), by channel; coordinates keep τ = 1',
    shape: (context) =>
      regionShape(context, [intOf(context.node, 'output_height', 1), intOf(context.node, 'output_width', 1)]),
    scale: regionPool,
  },
}
