import { intOf } from '../graph/attributes.js'
import { type Dim, isNumber, multiply } from '../graph/dims.js'
import { isFloat } from '../graph/dtype.js'
import { type Field, map, ONE, power, product, RESCALE_PREFIX, varyingAxes, withRank } from './field.js'
import { facts, likeInput } from './facts.js'
import { unscaledInputs } from './operands.js'
import { pow as powGradient } from './power-gradient.js'
import type { GradientRule, NodeContext, OperatorTable, ScaleContext, ScaleRule, ShapeRule } from './rule.js'
import { elementwiseFacts, floorOf, numbersAt, quotient } from './shape-arithmetic.js'

/** Beyond this power a scale leaves the range of the type. */
const MAX_POWER = 8

const passes: ScaleRule = (context) => context.output(0, context.field(0))

/** Undone before, restored after. */
const notHomogeneous: ScaleRule = (context) =>
  context.output(0, context.undo(0, 'ratio', `${context.node.opType} is not homogeneous`), 'ratio')

function isInteger(context: NodeContext): boolean {
  const { dtype } = context.input(0)
  return dtype !== undefined && !isFloat(dtype)
}

/** Integers are unscaled, unless they are quantised values, of which products mean nothing. */
function unscaled(context: ScaleContext, inputs: readonly number[]): void {
  for (const input of inputs)
    if (context.has(input)) context.requireOne(input, `${context.node.opType} of integers needs τ = 1`)
}

/**
 * The axis of the output along which a constant factor is a neuron's weight, as in a folded normalisation: the only axis along
 * which it has more than one element, if the other operand's scale varies along no other.
 */
function neuronAxis(context: ScaleContext, constant: number, field: Field, rank: number): number | undefined {
  const dims = context.shape(constant)
  const offset = rank - dims.length
  const axes = dims.flatMap((dim, axis) => (dim === 1 ? [] : [axis]))
  const [axis] = axes
  if (axis === undefined || axes.length > 1) return undefined
  const allowed = context.scalableAxes(constant)
  if (allowed !== 'all' && !allowed.includes(axis)) return undefined
  return varyingAxes(field).every((varying) => varying === axis + offset) ? axis + offset : undefined
}

/** x · c or x / c with a constant c: `power` is c's. */
function scaledByConstant(context: ScaleContext, x: number, constant: number, power: 1 | -1): void {
  const rank = context.outputShape(0).length
  const field = withRank(context.field(x), rank)
  const axis = context.node.name.startsWith(RESCALE_PREFIX) ? undefined : neuronAxis(context, constant, field, rank)
  if (axis === undefined) return context.output(0, field)
  const own = context.shape(constant) as readonly number[]
  const out = context.vertex(0, [axis], [own[axis - rank + own.length] as number])
  context.scaleConstant(constant, [
    { field: withRank(out, own.length), power },
    { field: withRank(field, own.length), power: power === 1 ? -1 : 1 },
  ])
  context.output(0, out)
}

const mul: ScaleRule = (context) => {
  if (isInteger(context)) return unscaled(context, [0, 1])
  if (context.isConstant(1)) return scaledByConstant(context, 0, 1, 1)
  if (context.isConstant(0)) return scaledByConstant(context, 1, 0, 1)
  context.output(0, product(context.field(0), context.field(1), context.scales))
}

const div: ScaleRule = (context) => {
  if (isInteger(context)) return unscaled(context, [0, 1])
  if (context.isConstant(1)) return scaledByConstant(context, 0, 1, -1)
  const inverse = power(context.field(1), -1, context.scales)
  if (context.isConstant(0)) return context.output(0, withRank(inverse, context.outputShape(0).length))
  context.output(0, product(context.field(0), inverse, context.scales))
}

const sqrt: ScaleRule = (context) => {
  const { scales } = context
  const reason = 'Sqrt of a scale that is not a square'
  const field = context.field(0)
  const roots = new Map([...field.ids].map((id) => [id, scales.root(id)]))
  if ([...roots.values()].includes(undefined)) return context.output(0, context.undo(0, 'ratio', reason), 'ratio')
  context.undo(0, 'sign', 'Sqrt needs τ > 0')
  const root = map(field, (id) => roots.get(id) ?? ONE)
  // √(τ²x) is |τ|√x: `full` gives it τ's sign after the operator, `weights` has none to give.
  if (context.scope === 'weights') for (const id of root.ids) scales.restrictPositive(id, 'Sqrt needs τ > 0')
  context.output(0, root, 'sign')
}

const pow: ScaleRule = (context) => {
  if (isInteger(context)) return unscaled(context, [0, 1])
  const exponents = context.constant(1)
  const exponent = exponents?.[0]
  if (exponents === undefined || exponent === undefined || !exponents.every((other) => other === exponent)) {
    context.requireOne(0, 'Pow with exponents that differ or are computed')
    context.requireOne(1, 'the exponent of a Pow needs τ = 1')
    return
  }
  const rank = context.outputShape(0).length
  if (Number.isInteger(exponent) && Math.abs(exponent) <= MAX_POWER)
    return context.output(0, withRank(power(context.field(0), exponent, context.scales), rank))
  if (exponent === 0.5) return sqrt(context)
  context.output(0, withRank(context.undo(0, 'ratio', 'Pow with a fractional exponent'), rank), 'ratio')
}

const reciprocal: ScaleRule = (context) => {
  context.output(0, power(context.field(0), -1, context.scales))
}

function binary(operation: (a: Dim, b: Dim, context: NodeContext) => Dim | undefined): ShapeRule {
  return (context) => [
    elementwiseFacts(context, [0, 1], (operands) => operation(operands[0] as Dim, operands[1] as Dim, context)),
  ]
}

/** Elementwise of one input; `operation` on the elements that are followed. */
function unary(operation: (a: Dim) => Dim | undefined): ShapeRule {
  return (context) => {
    const { dtype, shape } = context.input(0)
    const numbers = numbersAt(context, 0)?.map(operation)
    return [facts(dtype, shape, numbers?.every((n) => n !== undefined) === true ? numbers : undefined)]
  }
}

/** The base's type, whatever the exponent's. */
const powFacts: ShapeRule = (context) => {
  const power = ([a, b]: readonly Dim[]): Dim | undefined => (isNumber(a) && isNumber(b) ? a ** b : undefined)
  const { shape, numbers } = elementwiseFacts(context, [0, 1], power)
  return [facts(context.input(0).dtype, shape, numbers)]
}

const modulo = (a: Dim, b: Dim, context: NodeContext): Dim | undefined => {
  if (!isNumber(a) || !isNumber(b) || b === 0 || !isInteger(context)) return undefined
  const remainder = a % b
  const truncates = intOf(context.node, 'fmod', 0) === 1
  return truncates || remainder === 0 || remainder < 0 === b < 0 ? remainder : remainder + b
}

/** y = a − q·b with the whole number q, which does not change. */
const modGradient: GradientRule = ({ x, y, dy, give }) => {
  give(0, () => dy)
  give(1, () => dy.mul(x(0).sub(y(0)).div(x(1)).op('Round').neg()))
}

export const elementwise: OperatorTable = {
  Mul: {
    shape: binary(multiply),
    scale: mul,
    gradient: ({ x, dy, give }) => {
      give(0, () => dy.mul(x(1)))
      give(1, () => dy.mul(x(0)))
    },
    summary: 'two activations: product of both τ; a constant along one axis is a neuron’s weight; otherwise τ passes',
  },
  Div: {
    shape: binary((a, b, context) => quotient(a, b, isInteger(context))),
    scale: div,
    // ∂/∂b of y = a/b is −y/b.
    gradient: ({ x, y, dy, give }) => {
      give(0, () => dy.div(x(1)))
      give(1, () => dy.div(x(1)).mul(y(0)).sumTo(x(1)).neg())
    },
    summary: 'two activations: quotient of both τ; a constant divisor along one axis is a neuron’s weight',
  },
  Pow: {
    shape: powFacts,
    scale: pow,
    gradient: powGradient,
    summary: 'constant whole exponent k: τ becomes τᵏ; ½: as Sqrt; any other: τ·f(z/τ)',
  },
  Sqrt: {
    shape: likeInput,
    scale: sqrt,
    gradient: ({ y, dy, give }) => give(0, () => dy.mul(0.5).div(y(0))),
    summary: 'τ² of τ > 0 becomes τ; of a scale that is not a square: τ·f(z/τ)',
  },
  Reciprocal: {
    shape: likeInput,
    scale: reciprocal,
    gradient: ({ y, dy, give }) => give(0, () => dy.mul(y(0).square().neg())),
    summary: 'τ becomes 1/τ',
  },
  Neg: {
    shape: unary((a) => multiply(a, -1)),
    scale: passes,
    gradient: ({ dy, give }) => give(0, () => dy.neg()),
    summary: 'linear: τ passes',
  },
  Floor: { shape: unary(floorOf), scale: notHomogeneous, gradient: 'zero', summary: 'not homogeneous: τ·f(z/τ)' },
  Ceil: {
    shape: unary((a) => multiply(floorOf(multiply(a, -1)), -1)),
    scale: notHomogeneous,
    gradient: 'zero',
    summary: 'not homogeneous: τ·f(z/τ)',
  },
  Mod: { shape: binary(modulo), scale: unscaledInputs(), gradient: modGradient, summary: 'needs τ = 1' },
  BitShift: {
    shape: binary(() => undefined),
    scale: unscaledInputs(),
    gradient: 'zero',
    summary: 'integers: needs τ = 1',
  },
}
