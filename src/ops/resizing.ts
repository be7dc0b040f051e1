import { floatsOf, intsOf, stringOf } from '../graph/attributes.js'
import type { Dim } from '../graph/dims.js'
import { axisOf, range } from './facts.js'
import type { NodeContext } from './rule.js'
import { numbersAt } from './shape-arithmetic.js'

/** A list input that is given but empty counts as left out. */
function listAt(context: NodeContext, input: number): readonly Dim[] | undefined {
  const numbers = context.has(input) ? numbersAt(context, input) : undefined
  return numbers?.length === 0 ? undefined : numbers
}

/** Factor and target size of each axis, as far as they are given. */
export interface Resizing {
  readonly factor?: Dim | undefined
  readonly size?: Dim | undefined
}

/** What a Resize or Upsample does to each axis; undefined where that is not known. */
export function resizingOf(context: NodeContext, rank: number): Resizing[] | undefined {
  const { node, opset } = context
  const single = node.opType === 'Upsample' || opset < 11
  const factors = floatsOf(node, 'scales') ?? listAt(context, single ? 1 : 2)
  const sizes = single ? undefined : listAt(context, 3)
  const given = intsOf(node, 'axes')
  const axes = given?.map((axis) => axisOf(node, axis, rank)) ?? range(0, rank)
  const policy = stringOf(node, 'keep_aspect_ratio_policy', 'stretch')
  const values = sizes ?? factors
  if (values === undefined || values.length !== axes.length) return undefined
  const result: Resizing[] = Array.from({ length: rank }, () => ({ factor: 1 }))
  axes.forEach((axis, i) => {
    result[axis] = sizes === undefined ? { factor: values[i] } : policy === 'stretch' ? { size: values[i] } : {}
  })
  return result
}
