import type { Dim } from '../graph/dims.js'
import type { DType } from '../graph/dtype.js'
import type { Facts, NodeContext, ShapeRule } from './rule.js'

/** Facts from what is known; what is undefined is left out. */
export function facts(dtype: DType | undefined, shape?: readonly Dim[]): Facts {
  return { ...(dtype === undefined ? {} : { dtype }), ...(shape === undefined ? {} : { shape }) }
}

/** Type and shape of an input, for an output that has the same. */
export function factsOf(context: NodeContext, input: number): Facts {
  const { dtype, shape } = context.input(input)
  return facts(dtype, shape)
}

/** The first output is of the first input's type and shape. */
export const likeInput: ShapeRule = (context) => [factsOf(context, 0)]

/** An axis counted from the end, if negative, as one counted from the start. */
export function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis
}

/** from, from + 1, …, to − 1 */
export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i)
}
