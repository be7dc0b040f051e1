import { type Dim, isNumber, multiply } from '../graph/dims.js'
import { intOf } from '../graph/attributes.js'
import { convGradient, convTransposeGradient } from './convolution-gradient.js'
import { facts, range, unknownDim } from './facts.js'
import { along, type Field, ONE, uniform, varies } from './field.js'
import { needsFloats, scalable } from './operands.js'
import type { NodeContext, OperatorTable, ScaleContext, ShapeRule, Term } from './rule.js'
import { slidingSizes, transposedSizes, windowOf } from './windows.js'

/** Where the channels of a weight are: [out, in/groups, …] for Conv, [in, out/groups, …] for ConvTranspose. */
type Layout = 'out-first' | 'in-first'

/**
 * The input may vary by channel; W is scaled by τ_out/τ_in and the bias by τ_out. With groups, W is seen as
 * [groups, out/groups, in/groups, …] (or in before out), so that both scales lie along axes of their own.
 */
function convolve(context: ScaleContext, layout: Layout): void {
  const { opType } = context.node
  if (!context.isConstant(1)) return convolveActivations(context)
  needsFloats(context)
  const rank = context.shape(1).length
  const dims = context.shape(1).filter(isNumber)
  const groups = intOf(context.node, 'group', 1)
  const [first = 1, second = 1, ...kernel] = dims
  const perGroup = first / groups
  const outputs = layout === 'out-first' ? first : second * groups
  // Which axes of W itself the two scales need.
  const spread = [...(first > 1 ? [0] : []), ...(second > 1 ? [1] : [])]
  const own = groups > 1 ? [0] : []
  const inputAxes = spread.filter((axis) => own.includes(axis) || axis === (layout === 'out-first' ? 1 : 0))
  const outputAxes = spread.filter((axis) => own.includes(axis) || axis === (layout === 'out-first' ? 0 : 1))

  const others = range(0, rank).filter((axis) => axis !== 1)
  let input = context.requireUniform(0, others, `${opType} over a scale that varies by position`)
  if (varies(input, 1) && !scalable(context, 1, inputAxes))
    input = context.requireUniform(0, 'all', `${opType} whose weight cannot be scaled per input channel`)
  const individually =
    scalable(context, 1, outputAxes) && (!context.has(2) || !context.isConstant(2) || scalable(context, 2, [0]))
  const vertex = context.vertex(0, [1], [outputs], individually ? undefined : { uniform: true })
  const output = individually ? vertex : uniform(rank, vertex.ids[0])

  const split = perGroup > 1 && groups > 1
  const view = split ? [groups, perGroup, second, ...kernel] : dims
  const trailing = kernel.map(() => 1)
  /** A channel's scale on the weight; `leading` if the channels are those of W's first axis. */
  const onWeight = (field: Field, leading: boolean): Field => {
    if (field.ids.length === 1) return uniform(view.length, field.ids[0])
    if (split) return { dims: [groups, ...(leading ? [perGroup, 1] : [1, second]), ...trailing], ids: field.ids }
    if (groups > 1) return { dims: [groups, leading ? 1 : second, ...trailing], ids: field.ids }
    return { dims: leading ? [first, 1, ...trailing] : [1, second, ...trailing], ids: field.ids }
  }
  const terms: Term[] = [
    { field: onWeight(output, layout === 'out-first'), power: 1 },
    { field: onWeight(input, layout === 'in-first'), power: -1 },
  ]
  context.scaleConstant(1, terms, split ? { view } : undefined)
  if (context.has(2)) {
    const bias = output.ids.length === 1 ? uniform(1, output.ids[0]) : along(1, 0, output.ids)
    if (context.isConstant(2)) context.scaleConstant(2, [{ field: bias, power: 1 }])
    else context.require(2, bias, `the bias of a ${opType}`)
  }
  context.output(0, output)
}

/** Linear in x and in W alike: one τ for all of each passes. */
function convolveActivations(context: ScaleContext): void {
  const { opType } = context.node
  const reason = `${opType} with a weight that is computed`
  const scale = context.scales.times(
    context.requireUniform(0, 'all', reason).ids[0] ?? ONE,
    context.requireUniform(1, 'all', reason).ids[0] ?? ONE,
  )
  if (context.has(2) && context.isConstant(2)) context.scaleConstant(2, [{ field: uniform(1, scale), power: 1 }])
  else if (context.has(2)) context.require(2, uniform(1, scale), reason)
  context.output(0, uniform(context.shape(0).length, scale))
}

/** [N, out channels, …spatial] of a convolution, whose weight alone tells the rank; undefined where that is unknown. */
export function convolvedShape(
  context: NodeContext,
  input: readonly Dim[] | undefined,
  weight: readonly Dim[] | undefined,
): Dim[] | undefined {
  if (weight === undefined) return undefined
  if (input === undefined)
    return weight.map((_, axis) => (axis === 1 ? (weight[0] as Dim) : unknownDim(context.node, 0, axis)))
  const window = windowOf(context.node, weight.slice(2))
  return [input[0] as Dim, weight[0] as Dim, ...slidingSizes(input.slice(2), window)]
}

const convShape: ShapeRule = (context) => {
  const x = context.input(0)
  return [facts(x.dtype, convolvedShape(context, x.shape, context.input(1).shape))]
}

const transposeShape: ShapeRule = (context) => {
  const x = context.input(0)
  const weight = context.input(1).shape
  if (weight === undefined) return [facts(x.dtype)]
  const channels = multiply(weight[1] as Dim, intOf(context.node, 'group', 1))
  if (x.shape === undefined)
    return [
      facts(
        x.dtype,
        weight.map((_, axis) => (axis === 1 ? channels : unknownDim(context.node, 0, axis))),
      ),
    ]
  const window = windowOf(context.node, weight.slice(2))
  return [facts(x.dtype, [x.shape[0] as Dim, channels, ...transposedSizes(x.shape.slice(2), window, context.node)])]
}

export const convolution: OperatorTable = {
  Conv: {
    summary: 'absorbs: W is scaled by τ_out/τ_in, B by τ_out',
    shape: convShape,
    scale: (context) => convolve(context, 'out-first'),
    gradient: convGradient,
  },
  ConvTranspose: {
    summary: 'absorbs: W is scaled by τ_out/τ_in, B by τ_out',
    shape: transposeShape,
    scale: (context) => convolve(context, 'in-first'),
    gradient: convTransposeGradient,
  },
  DeformConv: {
    summary: 'pinned: the offsets are activations',
    shape: convShape,
    scale: { pinned: 'DeformConv has no scale rule' },
  },
}
