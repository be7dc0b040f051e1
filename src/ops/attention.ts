import { type Dim, divide, multiply } from '../graph/dims.js'
import { intOf } from '../graph/attributes.js'
import { attentionGradient } from './attention-gradient.js'
import { axisOf, facts, likeInput, range } from './facts.js'
import { type Field, map, power, product, select, varies } from './field.js'
import { lower, type Operand, ownAxes, seen, unscaledInputs } from './operands.js'
import type { GradientContext, GradientRule, OperatorTable, ScaleContext, ShapeRule } from './rule.js'

/**
 * The product of two activations, in its own axes [...batch, row, column]: a[…, m, k] · b[…, k, n]. It makes sense where
 * s_a · s_b is the same along k; the rest passes: rows of a, columns of b, and batch axes. Returns the field of the output, in the
 * product's axes.
 */
export function contract(context: ScaleContext, a: Operand, b: Operand): Field {
  const { scales, scope } = context
  const rank = a.axes.length
  const row = rank - 2
  const column = rank - 1
  const reason = 'a product of activations over a scaled axis'

  let left = seen(context, context.field(a.input), a)
  if (varies(left, column)) {
    // What varies along k must be undone by b, which knows nothing of a's rows and of batch axes that it does not have.
    const shape = context.shape(b.input)
    const sizes = b.axes.map((axis): Dim => (axis === undefined ? 1 : (shape[axis] as Dim)))
    const unknown = range(0, row).filter((place) => varies(left, place) && sizes[place] === 1)
    const apart = varies(left, row) ? [...unknown, row] : unknown
    if (apart.length > 0) left = seen(context, context.requireUniform(a.input, ownAxes(a, apart), reason), a)
  }
  let right = seen(context, context.field(b.input), b)
  if (varies(left, column)) {
    if (scope === 'weights' && varies(right, row) && varies(right, column))
      right = seen(context, context.requireUniform(b.input, ownAxes(b, [column]), reason), b)
    const inverse = power(swap(left), -1, scales)
    // In `weights` the products are made equal to the first one; in `full` there is a node anyway, which can make them one.
    const along =
      scope === 'full' && varies(right, row) ? map(select(right, row, [0]), () => 0) : select(right, row, [0])
    const first = scope === 'full' ? along : product(along, select(left, column, [0]), scales)
    const wanted = product(first, inverse, scales)
    right = seen(context, context.require(b.input, lower(wanted, b), reason), b)
    // `require` settles it: from here on only the product at k = 0 matters.
  } else if (varies(right, row)) right = seen(context, context.requireUniform(b.input, ownAxes(b, [row]), reason), b)
  return product(select(left, column, [0]), select(right, row, [0]), scales)
}

/** a's contracted axis, where b has its. Along a's rows the field does not vary. */
function swap(field: Field): Field {
  const rank = field.dims.length
  return { dims: [...field.dims.slice(0, rank - 2), field.dims[rank - 1] as number, 1], ids: field.ids }
}

/** Softmax of opset 12 and below takes all axes from `axis` on together. */
function normalisedAxes(context: ScaleContext): readonly number[] {
  const rank = context.shape(0).length
  const axis = axisOf(context.node, intOf(context.node, 'axis', context.opset < 13 ? 1 : -1), rank)
  return context.opset < 13 ? range(axis, rank) : [axis]
}

function softmaxAxis({ node, x }: GradientContext): number {
  return axisOf(node, intOf(node, 'axis', -1), x(0).rank)
}

/** ∂L/∂x = y ⊙ (dy − Σ dy·y) */
const softmaxGradient: GradientRule = (context) => {
  const { dy, give, y } = context
  give(0, () => y(0).mul(dy.sub(dy.mul(y(0)).sum([softmaxAxis(context)]))))
}

/** ∂L/∂x = dy − exp(y)·Σ dy */
const logSoftmaxGradient: GradientRule = (context) => {
  const { dy, give, y } = context
  give(0, () =>
    dy.sub(
      y(0)
        .exp()
        .mul(dy.sum([softmaxAxis(context)])),
    ),
  )
}

const needsOne = (context: ScaleContext): void => {
  context.requireOne(0, `${context.node.opType} needs τ = 1`)
}

/** Y is Q with the head size of V; with three axes, heads and head size are one axis. */
const attentionShape: ShapeRule = (context) => {
  const query = context.input(0)
  const value = context.input(2).shape
  if (query.shape === undefined || value === undefined) return [facts(query.dtype)]
  if (query.shape.length === 4) return [facts(query.dtype, [...query.shape.slice(0, 3), value[3] as Dim])]
  const heads = intOf(context.node, 'q_num_heads', 0)
  const valueHeads = intOf(context.node, 'kv_num_heads', 0)
  const size = valueHeads > 0 ? divide(value[2] as Dim, valueHeads) : undefined
  if (size === undefined) return [facts(query.dtype)]
  return [facts(query.dtype, [...query.shape.slice(0, 2), multiply(size, heads)])]
}

export const attention: OperatorTable = {
  Softmax: { summary: 'normaliser: needs τ = 1', shape: likeInput, scale: needsOne, gradient: softmaxGradient },
  LogSoftmax: { summary: 'normaliser: needs τ = 1', shape: likeInput, scale: needsOne, gradient: logSoftmaxGradient },
  Hardmax: {
    summary: 'normaliser: τ uniform along the axis and positive; the output is unscaled',
    shape: likeInput,
    scale: (context) => {
      const reason = 'Hardmax compares channels'
      context.requireUniform(0, normalisedAxes(context), reason)
      context.undo(0, 'sign', reason)
    },
    gradient: 'zero',
  },
  Attention: {
    summary: 'a contraction, a Softmax and a contraction in one: pinned; scope full: a division before it',
    shape: attentionShape,
    scale: unscaledInputs('Attention has no scale rule'),
    gradient: attentionGradient,
  },
}
