import { intOf } from '../graph/attributes.js'
import { axisOf, range } from './facts.js'
import type { NodeContext } from './rule.js'
import { axesOf } from './shape-arithmetic.js'

/** The axes that a reduction reduces; undefined where they are not known. */
export function reducedAxes(context: NodeContext, rank: number): number[] | undefined {
  // Of a scalar there is nothing to reduce, whatever axes are given: runtimes accept it.
  if (rank === 0) return []
  const given = axesOf(context, 1)
  if (given === 'unknown') return undefined
  if (given !== undefined && given.length > 0) return given.map((axis) => axisOf(context.node, axis, rank))
  return intOf(context.node, 'noop_with_empty_axes', 0) === 1 ? [] : range(0, rank)
}

/** Reduced axes stay, with size 1. */
export function keepsDims(context: NodeContext): boolean {
  return intOf(context.node, 'keepdims', 1) === 1
}

/** True if all axes are reduced, whatever the rank. */
export function reducesAll(context: NodeContext): boolean {
  const given = axesOf(context, 1)
  return given !== 'unknown' && (given ?? []).length === 0 && intOf(context.node, 'noop_with_empty_axes', 0) !== 1
}
