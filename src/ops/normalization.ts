import { isNumber } from '../graph/dims.js'
import { intOf } from '../graph/attributes.js'
import { sameDims } from '../graph/tensor.js'
import { axisOf, facts, factsOf, likeInput, range } from './facts.js'
import { along, CannotScale, type Field, ONE, type Scale, uniform, varies, withRank } from './field.js'
import {
  batchGradient,
  groupGradient,
  instanceGradient,
  layerGradient,
  lpNormalizationGradient,
  lrnGradient,
  meanVarianceGradient,
} from './normalization-gradient.js'
import { scalable } from './operands.js'
import type { Facts, OperatorTable, ScaleContext, ShapeRule } from './rule.js'

/**
 * The whole input must carry one positive τ, which the operator then divides out. Returns it: constants that are added to a
 * square of the input grow by τ².
 */
function onePositiveScale(context: ScaleContext): Scale {
  const reason = `${context.node.opType} needs one τ for all that it normalises`
  context.requireUniform(0, 'all', reason)
  return context.undo(0, 'sign', reason).ids[0] ?? ONE
}

function scaleEpsilon(context: ScaleContext, tau: Scale): void {
  if (!context.scales.isOne(tau)) context.scaleAttribute('epsilon', 1e-5, tau, 2)
}

/**
 * γ and β after a normalisation: new neurons along `axes`, which are the last axes of a γ that has as many. A γ that is computed
 * hands on its own field. β is scaled with them, or has to carry their field.
 */
function affine(context: ScaleContext, axes: readonly number[], gamma: number, beta: number | undefined): void {
  const rank = context.shape(0).length
  const { opType } = context.node
  // γ and β aligned with the output: their own axes, one after another, are `axes` (their last ones, if γ has fewer).
  const onto = (field: Field, size: number): Field =>
    withRank({ dims: axes.map((axis) => field.dims[axis] as number), ids: field.ids }, size)
  const hasBeta = beta !== undefined && context.has(beta)
  let output: Field
  if (context.isConstant(gamma)) {
    const sizes = axes.map((axis) => context.shape(0)[axis])
    const own = context.shape(gamma)
    const neurons = sizes.every(isNumber) ? sizes : own.filter(isNumber)
    if (neurons.length !== axes.length) throw new CannotScale(`${opType} over axes of unknown size`)
    const separately = [gamma, ...(hasBeta && context.isConstant(beta) ? [beta] : [])].every((input) =>
      scalable(context, input, range(0, context.shape(input).length)),
    )
    const vertex = context.vertex(0, axes, neurons, separately ? undefined : { uniform: true })
    output = separately ? vertex : uniform(rank, vertex.ids[0])
    const multiply = (input: number): void => {
      const shape = context.shape(input)
      if (output.ids.length === 1)
        context.scaleConstant(input, [{ field: uniform(shape.length, output.ids[0]), power: 1 }])
      else {
        const enlarged = !shape.every(isNumber) || !sameDims(shape, neurons)
        const term = { field: onto(output, neurons.length), power: 1 } as const
        context.scaleConstant(input, [term], enlarged ? { dims: neurons } : undefined)
      }
    }
    multiply(gamma)
    if (hasBeta && context.isConstant(beta)) multiply(beta)
  } else {
    const field = context.field(gamma)
    const dims = new Array<number>(rank).fill(1)
    withRank(field, axes.length).dims.forEach((dim, i) => (dims[axes[i] as number] = dim))
    output = { dims, ids: field.ids }
    if (hasBeta && context.isConstant(beta))
      context.scaleConstant(beta, [{ field: onto(output, context.shape(beta).length), power: 1 }])
  }
  if (hasBeta && !context.isConstant(beta))
    context.require(beta, onto(output, context.shape(beta).length), `the bias of a ${opType}`)
  context.output(0, output)
}

function batchNormalization(context: ScaleContext): void {
  const { node, opset } = context
  const rank = context.shape(0).length
  const training =
    opset >= 14 ? intOf(node, 'training_mode', 0) !== 0 : node.outputs.some((name, i) => i > 0 && name !== '')
  const computed = [1, 2].some((input) => !context.isConstant(input))
  if (computed || rank < 2 || (opset < 9 && intOf(node, 'spatial', 1) === 0)) {
    const why = computed ? ' with parameters that are computed' : ' per element'
    for (const input of [0, 1, 2, 3, 4]) context.requireOne(input, `BatchNormalization${why} needs τ = 1`)
    return
  }
  let input = uniform(rank)
  if (context.scope === 'weights' && context.isConstant(3) && !training) {
    const others = range(0, rank).filter((axis) => axis !== 1)
    input = context.requireUniform(0, others, 'BatchNormalization over a scale that varies by position')
  } else context.requireOne(0, 'BatchNormalization in batch statistics needs τ = 1')

  const channels = context.shape(1)[0]
  if (!isNumber(channels)) throw new CannotScale('BatchNormalization over channels of unknown number')
  const separately = [1, 2].every((constant) => scalable(context, constant, [0]))
  if (varies(input, 1) && ![1, 3].every((constant) => scalable(context, constant, [0])))
    input = context.requireUniform(0, 'all', 'BatchNormalization whose parameters cannot be scaled per channel')
  const vertex = context.vertex(0, [1], [channels], separately ? undefined : { uniform: true })
  const output = separately ? vertex : uniform(rank, vertex.ids[0])
  const perChannel = (field: Field): Field =>
    field.ids.length === 1 ? uniform(1, field.ids[0]) : along(1, 0, field.ids)
  // y = γ·(x − μ)/√(var + ε) + β: with μ scaled as x is, the input's τ is a factor before γ, and neither var nor ε notice.
  context.scaleConstant(1, [
    { field: perChannel(output), power: 1 },
    { field: perChannel(input), power: -1 },
  ])
  context.scaleConstant(2, [{ field: perChannel(output), power: 1 }])
  if (!input.ids.every((scale) => context.scales.isOne(scale)))
    context.scaleConstant(3, [{ field: perChannel(input), power: 1 }])
  context.output(0, output)
}

function layerNormalization(context: ScaleContext): void {
  const rank = context.shape(0).length
  const statistics = context.node.outputs.some((name, i) => i > 0 && name !== '')
  if (statistics) context.requireOne(0, `${context.node.opType} whose statistics are used needs τ = 1`)
  else scaleEpsilon(context, onePositiveScale(context))
  const beta = context.node.opType === 'RMSNormalization' ? undefined : 2
  affine(context, range(axisOf(context.node, intOf(context.node, 'axis', -1), rank), rank), 1, beta)
}

function channelNormalization(context: ScaleContext): void {
  scaleEpsilon(context, onePositiveScale(context))
  affine(context, [1], 1, 2)
}

/** Until opset 20 γ and β are per group: the channels of a group share a scale, and here all of them do. */
function groupNormalization(context: ScaleContext): void {
  if (context.opset >= 21) return channelNormalization(context)
  scaleEpsilon(context, onePositiveScale(context))
  const channels = context.shape(0)[1]
  if (!isNumber(channels) || !context.isConstant(1) || !context.isConstant(2)) {
    for (const input of [1, 2]) context.requireOne(input, 'GroupNormalization with parameters that are computed')
    return
  }
  const scale = context.vertex(0, [1], [channels], { uniform: true }).ids[0]
  for (const input of [1, 2]) context.scaleConstant(input, [{ field: uniform(1, scale), power: 1 }])
  context.output(0, uniform(context.shape(0).length, scale))
}

/** Y, and the statistics of training (opset 14: running mean and variance; before: mean, var, saved mean, saved var). */
const batchShape: ShapeRule = (context) => {
  const statistics = context.input(context.has(3) ? 3 : 1)
  const outputs: Facts[] = context.node.outputs.map((_, i) =>
    i === 0 ? factsOf(context, 0) : facts(statistics.dtype, statistics.shape),
  )
  return outputs
}

/** Y, Mean and InvStdDev: the latter two have size 1 along the normalised axes. */
const layerShape: ShapeRule = (context) => {
  const x = context.input(0)
  const stash = intOf(context.node, 'stash_type', 1) === 1 ? 'float32' : x.dtype
  const axis = x.shape && axisOf(context.node, intOf(context.node, 'axis', -1), x.shape.length)
  const statistics = facts(
    stash,
    x.shape?.map((dim, i) => (axis !== undefined && i < axis ? dim : 1)),
  )
  return [factsOf(context, 0), statistics, statistics].slice(0, Math.max(1, context.node.outputs.length))
}

const AFFINE = 'normaliser: one positive τ in, ε is scaled by its square; γ and β absorb any τ out'

export const normalization: OperatorTable = {
  BatchNormalization: {
    summary: 'absorbs: μ·τ_in, γ·τ_out/τ_in, β·τ_out; scope full: a division before it, γ·τ_out, β·τ_out',
    shape: batchShape,
    scale: batchNormalization,
    gradient: batchGradient,
  },
  LayerNormalization: { summary: AFFINE, shape: layerShape, scale: layerNormalization, gradient: layerGradient },
  RMSNormalization: { summary: AFFINE, shape: likeInput, scale: layerNormalization, gradient: layerGradient },
  InstanceNormalization: {
    summary: AFFINE,
    shape: likeInput,
    scale: channelNormalization,
    gradient: instanceGradient,
  },
  GroupNormalization: { summary: AFFINE, shape: likeInput, scale: groupNormalization, gradient: groupGradient },
  LpNormalization: {
    summary: 'normaliser: τ uniform along the axis and positive; the output is unscaled',
    shape: likeInput,
    scale: (context) => {
      const reason = 'LpNormalization divides by a norm'
      context.requireUniform(
        0,
        [axisOf(context.node, intOf(context.node, 'axis', -1), context.shape(0).length)],
        reason,
      )
      context.undo(0, 'sign', reason)
    },
    gradient: lpNormalizationGradient,
  },
  LRN: {
    summary: 'needs τ = 1: its constants do not scale',
    shape: likeInput,
    scale: (context) => void context.requireOne(0, 'LRN needs τ = 1'),
    gradient: lrnGradient,
  },
  MeanVarianceNormalization: {
    summary: 'needs τ = 1: its ε does not scale',
    shape: likeInput,
    scale: (context) => void context.requireOne(0, 'MeanVarianceNormalization needs τ = 1'),
    gradient: meanVarianceGradient,
  },
}
