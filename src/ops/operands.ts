import { isFloat } from '../graph/dtype.js'
import { givenInputs } from './facts.js'
import { CannotScale, collapse, dropAxes, type Field, insertAxes, permute, uniform } from './field.js'
import type { ScaleContext, ScaleRule } from './rule.js'

/**
 * How an operand of a matrix product lies in the product's own axes [...batch, row, column]: `axes[p]` is the operand's axis
 * that stands at place p, undefined where it has none. So transposed, one-dimensional and batched operands look alike.
 */
export interface Operand {
  readonly input: number
  readonly axes: readonly (number | undefined)[]
}

/** An operand of MatMul, in a product of `rank` axes. Vectors are a row on the left, a column on the right. */
export function matrixOperand(input: number, ownRank: number, rank: number, side: 'left' | 'right'): Operand {
  const axes = new Array<number | undefined>(rank).fill(undefined)
  if (ownRank === 1) axes[side === 'left' ? rank - 1 : rank - 2] = 0
  else for (let axis = 0; axis < ownRank; axis++) axes[rank - ownRank + axis] = axis
  return { input, axes }
}

/** The operand's field in the axes of the product. */
export function lift(field: Field, { axes }: Operand): Field {
  // Also where the value's rank is not known.
  if (field.ids.length === 1) return uniform(axes.length, field.ids[0])
  const present = axes.filter((axis) => axis !== undefined)
  const absent = axes.flatMap((axis, place) => (axis === undefined ? [place] : []))
  return insertAxes(permute(field, present), absent)
}

/** The operand's field in the axes of the product, without axes along which it only seems to vary. */
export function seen(context: ScaleContext, field: Field, operand: Operand): Field {
  return collapse(lift(field, operand), (a, b) => context.scales.same(a, b))
}

/** The field of a product's axes in the operand's own. @throws CannotScale where it varies along an axis that is not there */
export function lower(field: Field, { axes }: Operand): Field {
  const absent = axes.flatMap((axis, place) => (axis === undefined ? [place] : []))
  const present = axes.filter((axis) => axis !== undefined)
  const own = dropAxes(field, absent)
  return permute(
    own,
    present.map((_, axis) => present.indexOf(axis)),
  )
}

/** The operand's own axes at these places, where it has them. */
export function ownAxes({ axes }: Operand, places: readonly number[]): number[] {
  return places.flatMap((place) => axes[place] ?? [])
}

/** True if the constant can be scaled along all of these axes of its own. */
export function scalable(context: ScaleContext, input: number, axes: readonly number[]): boolean {
  const allowed = context.scalableAxes(input)
  return allowed === 'all' || axes.every((axis) => allowed.includes(axis))
}

/** Layers of integers have no weights to scale. @throws CannotScale */
export function needsFloats(context: ScaleContext): void {
  const { dtype } = context.input(0)
  if (dtype !== undefined && !isFloat(dtype)) throw new CannotScale(`${context.node.opType} of integers`)
}

/**
 * The rule of an operator that scales do not pass: its inputs must arrive unscaled. In scope `weights` that pins what stands before
 * it, in scope `full` it is a division. Integers are asked too: quantised ones carry a scale.
 */
export function unscaledInputs(reason?: string): ScaleRule {
  return (context) => {
    for (const input of givenInputs(context.node))
      context.requireOne(input, reason ?? `${context.node.opType} needs τ = 1`)
  }
}
