import { intOf, stringOf } from '../graph/attributes.js'
import { isNumber } from '../graph/dims.js'
import { isFloat } from '../graph/dtype.js'
import { axisOf, facts, likeInput, range, unknownDim } from './facts.js'
import { dropAxes, type Field, select, uniform, varies, varyingAxes, withRank } from './field.js'
import {
  gathered,
  gatheredElements,
  gatheredNd,
  reversedBack,
  scatteredElements,
  scatteredNd,
  uncompressed,
} from './movement-indexing-gradient.js'
import type { OperatorTable, ScaleContext, ScaleRule, ShapeRule } from './rule.js'
import { pick, smallShape } from './shape-arithmetic.js'

const gatherFacts: ShapeRule = (context) => {
  const { dtype, shape, numbers } = context.input(0)
  const indices = context.input(1).shape
  if (shape === undefined || indices === undefined) return [facts(dtype)]
  const axis = axisOf(context.node, intOf(context.node, 'axis', 0), shape.length)
  const dims = smallShape(shape)
  const sizes = [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)]
  const at = numbers && dims && smallShape(sizes) && positions(context.integers(1), dims[axis] as number)
  return [facts(dtype, sizes, at && pick(numbers, dims, axis, at))]
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
const gatherElementsFacts: ShapeRule = (context) => [facts(context.input(0).dtype, context.input(1).shape)]

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
  if (shape === undefined || indices === undefined || !isNumber(depth)) return [facts(dtype)]
  const batch = intOf(context.node, 'batch_dims', 0)
  return [facts(dtype, [...indices.slice(0, -1), ...shape.slice(batch + depth)])]
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
  if (axis === undefined) return [facts(dtype, [kept ?? unknownDim(node, 0, 0)])]
  const at = shape && axisOf(node, axis, shape.length)
  return [
    facts(
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
  Gather: {
    shape: gatherFacts,
    scale: gather,
    gradient: gathered,
    summary: 'movement: each element keeps its τ; of a constant table (embedding) the columns are neurons',
  },
  GatherElements: {
    shape: gatherElementsFacts,
    scale: gatherElements,
    gradient: gatheredElements,
    summary: 'movement: τ passes along the other axes',
  },
  GatherND: {
    shape: gatherNdFacts,
    scale: gatherNd,
    gradient: gatheredNd,
    summary: 'movement: τ passes along the axes that are not indexed',
  },
  Compress: {
    shape: compressFacts,
    scale: compress,
    gradient: uncompressed,
    summary: 'movement: each element keeps its τ',
  },
  ReverseSequence: {
    shape: likeInput,
    scale: reverseSequence,
    gradient: reversedBack,
    summary: 'movement: τ passes along all axes but time',
  },
  Scatter: {
    shape: likeInput,
    scale: scatter,
    gradient: scatteredElements,
    summary: 'merge of data and updates, which must carry one τ',
  },
  ScatterElements: {
    shape: likeInput,
    scale: scatter,
    gradient: scatteredElements,
    summary: 'merge of data and updates, which must carry one τ',
  },
  ScatterND: {
    shape: likeInput,
    scale: scatter,
    gradient: scatteredNd,
    summary: 'merge of data and updates, which must carry one τ',
  },
}
