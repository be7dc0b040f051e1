import { intOf, intsOf } from '../graph/attributes.js'
import { ceilDivide, type Dim, divide, isNumber, same, subtract } from '../graph/dims.js'
import { axisOf, facts, range, unknownDim } from './facts.js'
import { CannotScale, FIELD_LIMIT, type Field, select, varies } from './field.js'
import type { NodeContext, OperatorTable, ScaleRule, ShapeRule } from './rule.js'
import { axesOf, numbersAt, pick, smallShape } from './shape-arithmetic.js'

/** What a Slice does to one axis. Bounds are undefined where they are not known. */
interface Cut {
  readonly axis: number
  readonly start: Dim | undefined
  readonly end: Dim | undefined
  readonly step: number | undefined
}

/** Bounds beyond this stand for the end of the axis: exporters write INT32_MAX, INT64_MAX and numbers near them. */
const FAR = 2 ** 31 - 1

/** The cuts of a Slice, by attributes (opset < 10) or inputs; undefined where their axes are not known. */
function cutsOf(context: NodeContext, rank: number): Cut[] | undefined {
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
function spanOf({ start, end, step }: Cut, size: Dim): { from: number; count: number; step: number } | undefined {
  if (!isNumber(size) || !isNumber(start) || !isNumber(end) || !isNumber(step) || step === 0) return undefined
  const first = start < 0 ? start + size : start
  const last = end < 0 ? end + size : end
  const from = step > 0 ? Math.max(0, first) : Math.min(size - 1, first)
  const to = step > 0 ? Math.min(size, last) : Math.max(-1, last)
  return { from, count: Math.max(0, Math.ceil((to - from) / step)), step }
}

/** The indices that a cut takes of an axis of `size`; undefined where they are not known. */
function indicesOf(cut: Cut, size: Dim): number[] | undefined {
  const span = spanOf(cut, size)
  if (span === undefined || span.count > FIELD_LIMIT) return undefined
  const indices = new Array<number>(span.count)
  for (let i = 0; i < span.count; i++) indices[i] = span.from + i * span.step
  return indices
}

/** How many elements a cut takes. */
function lengthOf(cut: Cut, size: Dim): Dim | undefined {
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

const sliceFacts: ShapeRule = (context) => {
  const { dtype, shape, numbers } = context.input(0)
  if (shape === undefined) return [facts(dtype)]
  const cuts = cutsOf(context, shape.length)
  if (cuts === undefined)
    return [
      facts(
        dtype,
        shape.map((_, axis) => unknownDim(context.node, 0, axis)),
      ),
    ]
  const sizes = [...shape]
  for (const cut of cuts)
    sizes[cut.axis] = lengthOf(cut, shape[cut.axis] as Dim) ?? unknownDim(context.node, 0, cut.axis)
  let dims = smallShape(shape)
  let values = numbers
  for (const cut of cuts) {
    const indices = dims && indicesOf(cut, dims[cut.axis] as number)
    values = dims && values && indices && pick(values, dims, cut.axis, indices)
    dims = dims && indices && dims.map((dim, axis) => (axis === cut.axis ? indices.length : dim))
  }
  return [facts(dtype, sizes, values)]
}

const slice: ScaleRule = (context) => {
  const shape = context.shape(0)
  const cuts = cutsOf(context, shape.length)
  const reason = 'Slice of the scaled axis at a place that is not known'
  if (cuts === undefined) return context.output(0, context.requireUniform(0, 'all', reason))
  const unknown = cuts.filter(
    (cut) => varies(context.field(0), cut.axis) && indicesOf(cut, shape[cut.axis] as Dim) === undefined,
  )
  let field =
    unknown.length > 0
      ? context.requireUniform(
          0,
          unknown.map(({ axis }) => axis),
          reason,
        )
      : context.field(0)
  for (const cut of cuts)
    if (varies(field, cut.axis)) field = select(field, cut.axis, indicesOf(cut, shape[cut.axis] as Dim) ?? [])
  context.output(0, field)
}

/** The sizes of the parts of a Split; undefined where they are not known. */
function partsOf(context: NodeContext, size: Dim | undefined): readonly Dim[] | undefined {
  const given = intsOf(context.node, 'split') ?? (context.has(1) ? numbersAt(context, 1) : undefined)
  if (given !== undefined) return given
  if (context.has(1) || size === undefined) return undefined
  const count = context.node.outputs.length
  const exact = divide(size, count)
  if (exact !== undefined) return new Array<Dim>(count).fill(exact)
  if (!isNumber(size)) return undefined
  // All parts are of one size but the last, which is smaller.
  const part = Math.ceil(size / count)
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(part, size - i * part)))
}

const splitFacts: ShapeRule = (context) => {
  const { node } = context
  const { dtype, shape, numbers } = context.input(0)
  if (shape === undefined) return node.outputs.map(() => facts(dtype))
  const axis = axisOf(node, intOf(node, 'axis', 0), shape.length)
  const parts = partsOf(context, shape[axis])
  const dims = smallShape(shape)
  let start: number | undefined = 0
  return node.outputs.map((_, i) => {
    const part = parts?.[i]
    const size = part ?? unknownDim(node, i, axis)
    const end: number | undefined = start !== undefined && isNumber(part) ? start + part : undefined
    const inside = dims !== undefined && end !== undefined && end <= (dims[axis] as number)
    const known = inside && start !== undefined ? range(start, end) : undefined
    start = end
    return facts(
      dtype,
      shape.map((dim, k) => (k === axis ? size : dim)),
      numbers && dims && known && pick(numbers, dims, axis, known),
    )
  })
}

const split: ScaleRule = (context) => {
  const { node } = context
  const shape = context.shape(0)
  const axis = axisOf(node, intOf(node, 'axis', 0), shape.length)
  const parts = partsOf(context, shape[axis])
  const known = parts !== undefined && parts.every(isNumber)
  const field =
    varies(context.field(0), axis) && !known
      ? context.requireUniform(0, [axis], 'Split of the scaled axis into parts of unknown sizes')
      : context.field(0)
  const part = (from: number, to: number): Field => {
    if (!varies(field, axis)) return field
    if (to > (field.dims[axis] as number)) throw new CannotScale('Split into more than there is')
    return select(field, axis, range(from, to))
  }
  let start = 0
  node.outputs.forEach((name, i) => {
    const size = known ? (parts[i] ?? 0) : 0
    if (name !== '') context.output(i, part(start, start + size))
    start += size
  })
}

export const movementSlicing: OperatorTable = {
  Slice: { shape: sliceFacts, scale: slice, summary: 'movement: each element keeps its τ' },
  Split: { shape: splitFacts, scale: split, summary: 'movement: each element keeps its τ' },
}
