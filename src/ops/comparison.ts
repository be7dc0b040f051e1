import { intOf } from '../graph/attributes.js'
import { type Dim, isNumber, same } from '../graph/dims.js'
import { isFloat } from '../graph/dtype.js'
import { facts } from './facts.js'
import { mergeInputs } from './merge.js'
import { unscaledInputs } from './operands.js'
import type { Operator, OperatorTable, ScaleContext, ScaleRule, ShapeRule } from './rule.js'
import { elementwiseFacts, numbersAt } from './shape-arithmetic.js'

function isZero(context: ScaleContext, input: number): boolean {
  return context.constant(input)?.every((value) => value === 0) === true
}

const unscaled = unscaledInputs()

/** Two values that are multiplied by one positive number keep their order; against 0 there is no other side. */
const ordered: ScaleRule = (context) => {
  const { opType } = context.node
  if (!isFloat(context.input(0).dtype)) return unscaled(context)
  const zero = [0, 1].find((input) => isZero(context, input))
  const compared =
    zero === undefined
      ? mergeInputs(context, [0, 1], `${opType} compares values of different scales`, true).activations
      : [1 - zero]
  for (const input of compared) context.undo(input, 'sign', `${opType} needs τ > 0`)
}

/** Whether something is exactly 0 does not depend on its scale; any other equality would not survive rounding. */
const equal: ScaleRule = (context) => {
  if (!isFloat(context.input(0).dtype) || !(isZero(context, 0) || isZero(context, 1))) unscaled(context)
}

function compared(decide: (a: Dim, b: Dim) => boolean | undefined, scale: ScaleRule, summary: string): Operator {
  const shape: ShapeRule = (context) => [
    elementwiseFacts(
      context,
      [0, 1],
      (operands) => {
        const decided = decide(operands[0] as Dim, operands[1] as Dim)
        return decided === undefined ? undefined : Number(decided)
      },
      'bool',
    ),
  ]
  return { shape, scale, summary, gradient: 'zero' }
}

function numeric(decide: (a: number, b: number) => boolean): (a: Dim, b: Dim) => boolean | undefined {
  return (a, b) => (isNumber(a) && isNumber(b) ? decide(a, b) : undefined)
}

/** True for what is a size or made of sizes without a subtraction: never negative. */
function isSize(dim: Dim): boolean {
  if (isNumber(dim)) return dim >= 0
  return dim.coefficient >= 0 && dim.symbols.every((name) => !/sub\(|-|^#/.test(name))
}

function areEqual(a: Dim, b: Dim): boolean | undefined {
  if (isNumber(a) && isNumber(b)) return a === b
  if (same(a, b)) return true
  const negative = (dim: Dim): boolean => isNumber(dim) && dim < 0
  return (negative(a) && isSize(b)) || (negative(b) && isSize(a)) ? false : undefined
}

const byOrder = 'both sides must carry the same τ > 0: constants absorb it; against 0 any τ > 0'
const none: ScaleRule = () => undefined

const sameShapeBool: ShapeRule = (context) => [facts('bool', context.input(0).shape)]

const notFacts: ShapeRule = (context) => {
  const numbers = numbersAt(context, 0)
  const flipped = numbers?.every(isNumber) === true ? numbers.map((n) => (n === 0 ? 1 : 0)) : undefined
  return [facts('bool', context.input(0).shape, flipped)]
}

const isInf: ScaleRule = (context) => {
  const positive = intOf(context.node, 'detect_positive', 1)
  if (positive !== intOf(context.node, 'detect_negative', 1)) context.undo(0, 'sign', 'IsInf of one sign needs τ > 0')
}

const bitwise: Operator = {
  shape: (context) => [elementwiseFacts(context, [0, 1])],
  scale: unscaled,
  gradient: 'zero',
  summary: 'integers: needs τ = 1',
}

export const comparison: OperatorTable = {
  Equal: compared(areEqual, equal, 'needs τ = 1; against 0 any τ'),
  Less: compared(
    numeric((a, b) => a < b),
    ordered,
    byOrder,
  ),
  LessOrEqual: compared(
    numeric((a, b) => a <= b),
    ordered,
    byOrder,
  ),
  Greater: compared(
    numeric((a, b) => a > b),
    ordered,
    byOrder,
  ),
  GreaterOrEqual: compared(
    numeric((a, b) => a >= b),
    ordered,
    byOrder,
  ),
  And: compared(
    numeric((a, b) => a !== 0 && b !== 0),
    none,
    'truth values: unscaled',
  ),
  Or: compared(
    numeric((a, b) => a !== 0 || b !== 0),
    none,
    'truth values: unscaled',
  ),
  Xor: compared(
    numeric((a, b) => (a !== 0) !== (b !== 0)),
    none,
    'truth values: unscaled',
  ),
  Not: { shape: notFacts, scale: none, gradient: 'zero', summary: 'truth values: unscaled' },
  IsNaN: { shape: sameShapeBool, scale: none, gradient: 'zero', summary: 'any τ in' },
  IsInf: { shape: sameShapeBool, scale: isInf, gradient: 'zero', summary: 'any τ in; of one sign: τ > 0' },
  BitwiseAnd: bitwise,
  BitwiseOr: bitwise,
  BitwiseXor: bitwise,
  BitwiseNot: {
    shape: (context) => [elementwiseFacts(context, [0])],
    scale: unscaled,
    gradient: 'zero',
    summary: 'integers: needs τ = 1',
  },
}
