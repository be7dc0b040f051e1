import { describe } from '../graph/attributes.js'
import { type Dim, symbol } from '../graph/dims.js'
import type { DType } from '../graph/dtype.js'
import { ModelError, type Node } from '../graph/model.js'
import type { Facts, NodeContext, ShapeRule } from './rule.js'

/** Elements up to which the values of a tensor are followed. Shapes, pads and index lists are far smaller. */
export const NUMBERS_LIMIT = 1024

/** Facts from what is known: what is undefined is left out, and so are more elements than are followed. */
export function facts(dtype: DType | undefined, shape?: readonly Dim[], numbers?: readonly Dim[]): Facts {
  const known: { -readonly [K in keyof Facts]: Facts[K] } = {}
  if (dtype !== undefined) known.dtype = dtype
  if (shape !== undefined) known.shape = shape
  if (numbers !== undefined && numbers.length <= NUMBERS_LIMIT) known.numbers = numbers
  return known
}

/** Type and shape of an input, for an output that has the same. */
export function factsOf(context: NodeContext, input: number): Facts {
  const { dtype, shape } = context.input(input)
  return facts(dtype, shape)
}

/** The first output is of the first input's type and shape. */
export const likeInput: ShapeRule = (context) => [factsOf(context, 0)]

/** A size of which nothing is known but that it is this output's: `?name.axis`. */
export function unknownDim(node: Node, output: number, axis: number): Dim {
  return symbol(`?${node.outputs[output] ?? ''}.${axis}`)
}

/** An axis counted from the start. @throws ModelError if `axis` lies outside [−rank, rank − 1] */
export function axisOf(node: Node, axis: number, rank: number): number {
  if (axis < -rank || axis >= rank)
    throw new ModelError(
      `${describe(node)}: axis ${axis} lies outside a tensor of rank ${rank}; expected ${-rank} to ${rank - 1}`,
    )
  return axis < 0 ? axis + rank : axis
}

/** Positions of the inputs that are given. */
export function givenInputs(node: Node): number[] {
  return node.inputs.flatMap((name, input) => (name === '' ? [] : [input]))
}

/** from, from + 1, …, to − 1 */
export function range(from: number, to: number): number[] {
  const numbers = new Array<number>(Math.max(0, to - from))
  for (let i = 0; i < numbers.length; i++) numbers[i] = from + i
  return numbers
}
