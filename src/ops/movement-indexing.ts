import { intOf, intsOf, stringOf } from '../graph/attributes.js'
import { ceilDivide, type Dim, divide, isNumber, same, subtract } from '../graph/dims.js'
import { isFloat } from '../graph/dtype.js'
import {
  CannotScale,
  dropAxes,
  FIELD_LIMIT,
  type Field,
  select,
  uniform,
  varies,
  varyingAxes,
  withRank,
} from './field.js'
import { likeInput, range } from './facts.js'
import type { NodeContext, OperatorTable, ScaleContext, ScaleRule, ShapeRule } from './rule.js'
import { axesOf, axisOf, followed, numbersAt, pick, smallShape, unknownDim } from './shape-arithmetic.js'

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
  return Array.from({ length: span.count }, (_, i) => span.from + i * span.step)
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
  if (shape === undefined) return [followed(dtype, undefined)]
  const cuts = cutsOf(context, shape.length)
  if (cuts === undefined)
    return [
      followed(
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
  return [followed(dtype, sizes, values)]
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
  if (shape === undefined) return node.outputs.map(() => followed(dtype, undefined))
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
    return followed(
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

const gatherFacts: ShapeRule = (context) => {
  const { dtype, shape, numbers } = context.input(0)
  const indices = context.input(1).shape
  if (shape === undefined || indices === undefined) return [followed(dtype, undefined)]
  const axis = axisOf(context.node, intOf(context.node, 'axis', 0), shape.length)
  const dims = smallShape(shape)
  const sizes = [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)]
  const at = numbers && dims && smallShape(sizes) && positions(context.integers(1), dims[axis] as number)
  return [followed(dtype, sizes, at && pick(numbers, dims, axis, at))]
}

/** Indices counted from the start; undefined if any lies outside. */
function positions(indices: readonly number[] | undefined, size: number): number[] | undefined {
  const counted = indices?.map((index) => (index < 0 ? index + size : index))
  return counted?.every((index) => index >= 0 && index < size) === true ? counted : undefined
}

/** Rows of a constant table, picked by an activation: the columns are neurons. */
function embedding(context: ScaleContext, axis: number): void {
  const shape = context.shape(0) as readonly number[]
  const rank = context.outputShape(0).length
  const column = shape.findLastIndex((dim, i) => i !== axis && dim > 1)
  const allowed = context.scalableAxes(0)
  if (column < 0 || !isFloat(context.input(0).dtype) || (allowed !== 'all' && !allowed.includes(column))) return
  const target = column > axis ? column + rank - shape.length : column
  const out = context.vertex(0, [target], [shape[column] as number])
  const dims = shape.map((dim, i) => (i === column ? dim : 1))
  context.scaleConstant(0, [{ field: { dims, ids: out.ids }, power: 1 }])
  context.output(0, out)
}

const gather: ScaleRule = (context) => {
  const shape = context.shape(0)
  const axis = axisOf(context.node, intOf(context.node, 'axis', 0), shape.length)
  if (context.isConstant(0)) return embedding(context, axis)
  const indexRank = context.shape(1).length
  const spreadOut = (field: Field): Field => {
    const before = field.dims.slice(0, axis)
    const after = field.dims.slice(axis + 1)
    return { dims: [...before, ...new Array<number>(indexRank).fill(1), ...after], ids: field.ids }
  }
  if (!varies(context.field(0), axis)) return context.output(0, spreadOut(context.field(0)))
  const size = shape[axis]
  const at = isNumber(size) ? positions(context.integers(1), size) : undefined
  const dims = context.shape(1)
  if (at === undefined || !dims.every(isNumber))
    return context.output(
      0,
      spreadOut(context.requireUniform(0, [axis], 'Gather from the scaled axis by indices that are not known')),
    )
  const picked = select(context.field(0), axis, at)
  context.output(0, {
    dims: [...picked.dims.slice(0, axis), ...dims, ...picked.dims.slice(axis + 1)],
    ids: picked.ids,
  })
}

/** Like the second input in shape, the first in type. */
const gatherElementsFacts: ShapeRule = (context) => [followed(context.input(0).dtype, context.input(1).shape)]

const gatherElements: ScaleRule = (context) => {
  const shape = context.shape(0)
  const indices = context.shape(1)
  const axis = axisOf(context.node, intOf(context.node, 'axis', 0), shape.length)
  // Along the other axes the indices' extent may be smaller: then the elements are the first ones.
  const unknown = varyingAxes(context.field(0)).filter((other) => {
    const extent = indices[other]
    return other === axis || !isNumber(extent) || extent > (context.field(0).dims[other] as number)
  })
  let field = context.field(0)
  if (unknown.length > 0) field = context.requireUniform(0, unknown, 'GatherElements from the scaled axis')
  for (const other of varyingAxes(field)) field = select(field, other, range(0, indices[other] as number))
  context.output(0, field)
}

const gatherNdFacts: ShapeRule = (context) => {
  const { dtype, shape } = context.input(0)
  const indices = context.input(1).shape
  const depth = indices?.at(-1)
  if (shape === undefined || indices === undefined || !isNumber(depth)) return [followed(dtype, undefined)]
  const batch = intOf(context.node, 'batch_dims', 0)
  return [followed(dtype, [...indices.slice(0, -1), ...shape.slice(batch + depth)])]
}

const gatherNd: ScaleRule = (context) => {
  const depth = context.shape(1).at(-1)
  const rank = context.outputShape(0).length
  const indexed = intOf(context.node, 'batch_dims', 0) + (isNumber(depth) ? depth : 0)
  const axes = isNumber(depth) ? range(0, indexed) : 'all'
  const field = context.requireUniform(0, axes, 'GatherND from the scaled axis')
  if (axes === 'all') return context.output(0, uniform(rank, field.ids[0]))
  context.output(0, withRank(dropAxes(field, axes), rank))
}

const compressFacts: ShapeRule = (context) => {
  const { node } = context
  const { dtype, shape } = context.input(0)
  const axis = intOf(node, 'axis')
  const kept = context.integers(1)?.reduce((sum, flag) => sum + (flag === 0 ? 0 : 1), 0)
  if (axis === undefined) return [followed(dtype, [kept ?? unknownDim(node, 0, 0)])]
  const at = shape && axisOf(node, axis, shape.length)
  return [
    followed(
      dtype,
      shape?.map((dim, i) => (i === at ? (kept ?? unknownDim(node, 0, i)) : dim)),
    ),
  ]
}

const compress: ScaleRule = (context) => {
  const given = intOf(context.node, 'axis')
  const reason = 'Compress of the scaled axis'
  if (given === undefined) return context.output(0, uniform(1, context.requireUniform(0, 'all', reason).ids[0]))
  const axis = axisOf(context.node, given, context.shape(0).length)
  const flags = context.integers(1)
  if (flags === undefined) return context.output(0, context.requireUniform(0, [axis], reason))
  const kept = flags.flatMap((flag, i) => (flag === 0 ? [] : [i]))
  context.output(0, select(context.field(0), axis, kept))
}

const reverseSequence: ScaleRule = (context) => {
  const time = intOf(context.node, 'time_axis', 0)
  context.output(0, context.requireUniform(0, [time], 'ReverseSequence along the scaled axis'))
}

/** Updates take the place of data, wherever the indices say: both must carry one scale. */
const scatter: ScaleRule = (context) => {
  const { opType } = context.node
  const rank = context.shape(0).length
  const updates = context.shape(2).length
  const reduction = stringOf(context.node, 'reduction', 'none')
  if (reduction !== 'none' && reduction !== 'add') {
    context.requireOne(0, `${opType} with reduction ${reduction}`)
    context.requireOne(2, `${opType} with reduction ${reduction}`)
    return
  }
  const reason = `${opType} joins values of different scales`
  if (!isFloat(context.input(0).dtype)) {
    context.requireOne(0, reason)
    context.requireOne(2, reason)
    return
  }
  const first =
    context.isConstant(0) || (!context.isConstant(2) && context.producedAt(2) < context.producedAt(0)) ? 2 : 0
  const second = 2 - first
  const scale = context.requireUniform(first, 'all', reason).ids[0]
  const field = uniform(second === 0 ? rank : updates, scale)
  if (context.isConstant(second)) context.scaleConstant(second, [{ field, power: 1 }])
  else context.require(second, field, reason)
  context.output(0, uniform(rank, scale))
}

export const movementIndexing: OperatorTable = {
  Slice: { shape: sliceFacts, scale: slice, summary: 'movement: each element keeps its τ' },
  Split: { shape: splitFacts, scale: split, summary: 'movement: each element keeps its τ' },
  Gather: {
    shape: gatherFacts,
    scale: gather,
    summary: 'movement: each element keeps its τ; of a constant table (embedding) the columns are neurons',
  },
  GatherElements: {
    shape: gatherElementsFacts,
    scale: gatherElements,
    summary: 'movement: τ passes along the other axes',
  },
  GatherND: {
    shape: gatherNdFacts,
    scale: gatherNd,
    summary: 'movement: τ passes along the axes that are not indexed',
  },
  Compress: { shape: compressFacts, scale: compress, summary: 'movement: each element keeps its τ' },
  ReverseSequence: {
    shape: likeInput,
    scale: reverseSequence,
    summary: 'movement: τ passes along all axes but time',
  },
  Scatter: { shape: likeInput, scale: scatter, summary: 'merge of data and updates, which must carry one τ' },
  ScatterElements: { shape: likeInput, scale: scatter, summary: 'merge of data and updates, which must carry one τ' },
  ScatterND: { shape: likeInput, scale: scatter, summary: 'merge of data and updates, which must carry one τ' },
}
