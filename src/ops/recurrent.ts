import type { Dim } from '../graph/dims.js'
import { intOf, stringOf } from '../graph/attributes.js'
import { facts } from './facts.js'
import { type Field, uniform, varies } from './field.js'
import { scalable } from './operands.js'
import type { OperatorTable, ScaleContext, ShapeRule } from './rule.js'

/**
 * X's features are undone by W, whose last axis they meet. Inside, σ and tanh let no scale pass, so states and outputs keep
 * τ = 1.
 */
function recurrent(context: ScaleContext): void {
  const { opType } = context.node
  for (let input = 2; input < context.node.inputs.length; input++)
    if (context.has(input) && !context.isConstant(input) && input !== 4)
      context.requireOne(input, `${opType}'s states and parameters need τ = 1`)
  if (!context.isConstant(1)) {
    for (const input of [0, 1]) context.requireOne(input, `${opType} with a weight that is computed needs τ = 1`)
    return
  }
  let field: Field = context.requireUniform(0, [0, 1], `${opType} over a scale that varies by step`)
  if (varies(field, 2) && !scalable(context, 1, [2]))
    field = context.requireUniform(0, 'all', `${opType} whose weight cannot be scaled per input`)
  if (field.ids.every((scale) => context.scales.isOne(scale))) return
  const onWeight =
    field.ids.length === 1 ? uniform(3, field.ids[0]) : { dims: [1, 1, field.ids.length], ids: field.ids }
  context.scaleConstant(1, [{ field: onWeight, power: -1 }])
}

/** Y [steps, directions, batch, hidden], then the last states [directions, batch, hidden]; layout 1 has the batch in front. */
const recurrentShape: ShapeRule = (context) => {
  const { dtype, shape } = context.input(0)
  const hidden = intOf(context.node, 'hidden_size') ?? context.input(2).shape?.[2]
  const directions = stringOf(context.node, 'direction', 'forward') === 'bidirectional' ? 2 : 1
  if (shape === undefined || hidden === undefined) return context.node.outputs.map(() => facts(dtype))
  const batchFirst = intOf(context.node, 'layout', 0) === 1
  const steps = shape[batchFirst ? 1 : 0] as Dim
  const batch = shape[batchFirst ? 0 : 1] as Dim
  const all = batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden]
  const last = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
  return context.node.outputs.map((_, i) => facts(dtype, i === 0 ? all : last))
}

const operator = {
  summary: 'absorbs: W is scaled by 1/τ_in; the output is unscaled',
  shape: recurrentShape,
  scale: recurrent,
}

export const recurrence: OperatorTable = { LSTM: operator, GRU: operator, RNN: operator }
