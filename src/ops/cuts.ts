import { intsOf } from '../graph/attributes.js'
import { ceilDivide, type Dim, isNumber, same, subtract } from '../graph/dims.js'
import { axisOf, range } from './facts.js'
import { FIELD_LIMIT } from './field.js'
import type { NodeContext } from './rule.js'
import { axesOf, numbersAt } from './shape-arithmetic.js'

/** What a Slice does to one axis. Bounds are undefined where they are not known. */
export interface Cut {
  readonly axis: number
  readonly start: Dim | undefined
  readonly end: Dim | undefined
  readonly step: number | undefined
}

/** Bounds beyond this stand for the end of the axis: exporters write INT32_MAX, INT64_MAX and numbers near them. */
const FAR = 2 ** 31 - 1

/** The cuts of a Slice, by attributes (opset < 10) or inputs; undefined where their axes are not known. */
export function cutsOf(context: NodeContext, rank: number): Cut[] | undefined {
  const { node } = context
  const starts = intsOf(node, 'starts') ?? numbersAt(context, 1)
  const ends = intsOf(node, 'ends') ?? numbersAt(context, 2)
  const given = axesOf(context, 3)
  const steps = context.has(4) ? context.integers(4) : []
  if (given === 'unknown') return undefined
  const counts = [starts?.length, ends?.length, context.input(1).shape?.[0]].filter(isNumber)
  const axes = given ?? (counts[0] === undefined ? undefined : range(0, counts[0]))
  return axes?.map((axis, i) => ({
    axis: axisOf(node, axis, rank),
    start: starts?.[i],
    end: ends?.[i],
    step: steps === undefined ? undefined : (steps[i] ?? 1),
  }))
}

/** Where a cut begins and how many elements it takes of an axis of `size`; undefined where that is not known. */
export function spanOf(
  { start, end, step }: Cut,
  size: Dim,
): { from: number; count: number; step: number } | undefined {
  if (!isNumber(size) || !isNumber(start) || !isNumber(end) || !isNumber(step) || step === 0) return undefined
  const first = start < 0 ? start + size : start
  const last = end < 0 ? end + size : end
  const from = step > 0 ? Math.max(0, first) : Math.min(size - 1, first)
  const to = step > 0 ? Math.min(size, last) : Math.max(-1, last)
  return { from, count: Math.max(0, Math.ceil((to - from) / step)), step }
}

/** The indices that a cut takes of an axis of `size`; undefined where they are not known. */
export function indicesOf(cut: Cut, size: Dim): number[] | undefined {
  const span = spanOf(cut, size)
  if (span === undefined || span.count > FIELD_LIMIT) return undefined
  const indices = new Array<number>(span.count)
  for (let i = 0; i < span.count; i++) indices[i] = span.from + i * span.step
  return indices
}

/** How many elements a cut takes. */
export function lengthOf(cut: Cut, size: Dim): Dim | undefined {
  if (isNumber(size)) return spanOf(cut, size)?.count
  const { start, end, step } = cut
  if (step === -1 && start === -1 && isNumber(end) && end <= -FAR) return size
  if (start === undefined || end === undefined || step === undefined || step < 1) return undefined
  const negative = (bound: Dim): bound is number => isNumber(bound) && bound < 0
  const from = negative(start) ? subtract(size, -start) : start
  const to = isNumber(end) && end >= FAR ? size : negative(end) ? subtract(size, -end) : end
  // From the k-th last to the end.
  const span = same(to, size) && negative(start) ? -start : subtract(to, from)
  if (isNumber(span) && span < 0) return undefined
  // An end that is a size of something else may lie beyond this axis.
  if (!same(to, size) && !negative(end)) return undefined
  return ceilDivide(span, step)
}
