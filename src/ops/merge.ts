import { add, type Dim, isNumber, subtract } from '../graph/dims.js'
import { sameDims } from '../graph/tensor.js'
import { givenInputs } from './facts.js'
import { type Field, ONE, type Scale, uniform, varyingAxes, withRank } from './field.js'
import type { GradientRule, OperatorTable, ScaleContext, ScaleRule, ShapeRule } from './rule.js'
import { elementwiseFacts } from './shape-arithmetic.js'

export function isUnscaled(field: Field): boolean {
  return field.ids.every((id: Scale) => id === ONE)
}

/** A constant operand of a broadcasting operator takes on a field of the output's rank, and grows to where the field varies. */
function absorb(context: ScaleContext, input: number, field: Field, magnitude: boolean): void {
  if (isUnscaled(field)) return
  const rank = field.dims.length
  const own = context.shape(input) as readonly number[]
  const first = field.dims.findIndex((dim) => dim !== 1)
  const size = Math.max(own.length, first < 0 ? 0 : rank - first)
  const term = withRank(field, size)
  const dims = term.dims.map((dim, axis) => (dim === 1 ? (own[axis - size + own.length] ?? 1) : dim))
  const grows = !sameDims(dims, own)
  context.scaleConstant(input, [{ field: term, power: 1, magnitude }], grows ? { dims } : {})
}

/**
 * Operands that must all carry one field: the one that is computed first keeps its field, the other activations are required
 * to carry it, constants absorb it. Returns that field, of the output's rank, and the activations among the inputs.
 */
export function mergeInputs(
  context: ScaleContext,
  inputs: readonly number[],
  reason: string,
  magnitude = false,
): { field: Field; activations: readonly number[] } {
  const rank = context.outputShape(0).length
  const constants = inputs.filter((i) => context.isConstant(i))
  const activations = inputs
    .filter((i) => !context.isConstant(i))
    .sort((a, b) => context.producedAt(a) - context.producedAt(b))
  const [first, ...others] = activations
  if (first === undefined) return { field: uniform(rank), activations }

  const positionIn = (input: number, axis: number): number => axis - rank + context.shape(input).length
  const cannotFollow = (input: number, axis: number): boolean => {
    const own = positionIn(input, axis)
    // A node that is inserted may enlarge an operand that broadcasts anyway; a change of weights cannot.
    return own < 0 || (context.scope === 'weights' && context.shape(input)[own] === 1)
  }
  const cannotAbsorb = (input: number, axis: number): boolean => {
    const allowed = context.scalableAxes(input)
    const own = positionIn(input, axis)
    return allowed !== 'all' && (own < 0 || context.shape(input)[own] === 1 || !allowed.includes(own))
  }

  let field = context.field(first)
  const surplus = rank - field.dims.length
  const stuck = varyingAxes(field).filter(
    (axis) =>
      others.some((i) => cannotFollow(i, axis + surplus)) || constants.some((i) => cannotAbsorb(i, axis + surplus)),
  )
  if (stuck.length > 0) field = context.requireUniform(first, stuck, reason)
  const whole = withRank(field, rank)
  for (const i of others)
    if (!context.sameValue(i, first)) context.require(i, withRank(whole, context.shape(i).length), reason)
  for (const i of constants) absorb(context, i, whole, magnitude)
  return { field: whole, activations }
}

const linearMerge: ScaleRule = (context) => {
  const { opType } = context.node
  context.output(0, mergeInputs(context, givenInputs(context.node), `${opType} joins values of different scales`).field)
}

const extremum: ScaleRule = (context) => {
  const { opType } = context.node
  const { field, activations } = mergeInputs(
    context,
    givenInputs(context.node),
    `${opType} joins values of different scales`,
    true,
  )
  for (const i of activations) context.undo(i, 'sign', `${opType} needs τ > 0`)
  context.output(0, field, 'sign')
}

const where: ScaleRule = (context) => {
  context.output(0, mergeInputs(context, [1, 2], 'Where joins values of different scales').field)
}

function numeric(operation: (...operands: number[]) => number): (operands: readonly Dim[]) => Dim | undefined {
  return (operands) => (operands.every(isNumber) ? operation(...operands) : undefined)
}

function variadic(operation?: (operands: readonly Dim[]) => Dim | undefined): ShapeRule {
  return (context) => [elementwiseFacts(context, givenInputs(context.node), operation)]
}

function pairwise(operation: (a: Dim, b: Dim) => Dim): ShapeRule {
  return variadic((operands) => operation(operands[0] as Dim, operands[1] as Dim))
}

const whereFacts: ShapeRule = (context) => [
  elementwiseFacts(
    context,
    [0, 1, 2],
    (operands) => (isNumber(operands[0]) ? operands[operands[0] !== 0 ? 1 : 2] : undefined),
    context.input(1).dtype ?? context.input(2).dtype,
  ),
]

/** Σ x / n */
const mean: GradientRule = ({ node, dy, give }) => {
  const inputs = givenInputs(node)
  for (const input of inputs) give(input, () => dy.mul(1 / inputs.length))
}

/** The gradient goes to the greatest (least) operand; equal ones share it, as in PyTorch's maximum. */
const shared: GradientRule = ({ node, x, y, dy, give }) => {
  const inputs = givenInputs(node)
  if (inputs.length === 1) return give(0, () => dy)
  const chosen = (input: number) => x(input).equal(y(0)).castLike(dy)
  const part = () => dy.div(inputs.map(chosen).reduce((count, one) => count.add(one)))
  for (const input of inputs) give(input, () => part().mul(chosen(input)))
}

export const merge: OperatorTable = {
  Add: {
    shape: pairwise(add),
    scale: linearMerge,
    gradient: ({ dy, give }) => {
      give(0, () => dy)
      give(1, () => dy)
    },
    summary: 'merge: constants absorb τ; activations must carry the same τ',
  },
  Sub: {
    shape: pairwise(subtract),
    scale: linearMerge,
    gradient: ({ x, dy, give }) => {
      give(0, () => dy)
      give(1, () => dy.sumTo(x(1)).neg())
    },
    summary: 'merge: constants absorb τ; activations must carry the same τ',
  },
  Sum: {
    shape: variadic((operands) => operands.reduce(add)),
    scale: linearMerge,
    gradient: ({ node, dy, give }) => {
      for (const input of givenInputs(node)) give(input, () => dy)
    },
    summary: 'merge: constants absorb τ; activations must carry the same τ',
  },
  Mean: {
    shape: variadic(),
    scale: linearMerge,
    gradient: mean,
    summary: 'merge: constants absorb τ; activations must carry the same τ',
  },
  Max: {
    shape: variadic(numeric(Math.max)),
    scale: extremum,
    gradient: shared,
    summary: 'merge, positively homogeneous: constants absorb τ > 0; activations must carry the same τ > 0',
  },
  Min: {
    shape: variadic(numeric(Math.min)),
    scale: extremum,
    gradient: shared,
    summary: 'merge, positively homogeneous: constants absorb τ > 0; activations must carry the same τ > 0',
  },
  Where: {
    shape: whereFacts,
    scale: where,
    gradient: ({ x, dy, give }) => {
      give(1, () => x(0).where(dy, 0))
      give(2, () => x(0).where(0, dy))
    },
    summary: 'merge of both branches: constants absorb τ; activations must carry the same τ',
  },
}
