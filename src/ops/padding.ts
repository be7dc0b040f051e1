import { intsOf } from '../graph/attributes.js'
import type { Dim } from '../graph/dims.js'
import { axisOf, range } from './facts.js'
import type { NodeContext } from './rule.js'
import { axesOf, numbersAt } from './shape-arithmetic.js'

/** What a Pad adds before and after each axis (removes, where negative); undefined where that is not known. */
export function paddingOf(context: NodeContext, rank: number): { before: Dim[]; after: Dim[] } | undefined {
  const pads = intsOf(context.node, 'pads') ?? numbersAt(context, 1)
  const given = axesOf(context, 3)
  if (pads === undefined || given === 'unknown') return undefined
  const axes = (given ?? range(0, rank)).map((axis) => axisOf(context.node, axis, rank))
  if (pads.length !== 2 * axes.length) return undefined
  const before = new Array<Dim>(rank).fill(0)
  const after = new Array<Dim>(rank).fill(0)
  axes.forEach((axis, i) => {
    before[axis] = pads[i] as Dim
    after[axis] = pads[i + axes.length] as Dim
  })
  return { before, after }
}
