import type { GraphBuilder } from '../graph/builder.js'
import { isNumber } from '../graph/dims.js'
import { isHalf } from '../graph/dtype.js'
import type { Value } from '../graph/value.js'

/** The size of a value along an axis, int64 [1]: a constant where it is known. */
export function sizeAlong(value: Value, axis: number): Value {
  const dim = value.dims[axis]
  return isNumber(dim) ? value.builder.ints([dim]) : value.builder.op('Shape', [value], { start: axis, end: axis + 1 })
}

/** The sizes of a value with another size (int64 [1]) along one axis, int64 [rank]. */
export function shapeWith(value: Value, axis: number, size: Value): Value {
  const { builder, rank } = value
  const parts = [...sizesAlong(value, 0, axis), size, ...sizesAlong(value, axis + 1, rank)]
  return parts.length === 1 ? size : builder.op('Concat', parts, { axis: 0 })
}

function sizesAlong(value: Value, start: number, end: number): Value[] {
  if (start >= end) return []
  const dims = value.dims.slice(start, end)
  return [dims.every(isNumber) ? value.builder.ints(dims) : value.builder.op('Shape', [value], { start, end })]
}

/** A list [n] along one axis of a tensor of this rank: [1, …, n, …, 1]. */
export function alongAxis(list: Value, axis: number, rank: number): Value {
  return list.reshape(Array.from({ length: rank }, (_, i) => (i === axis ? -1 : 1)))
}

/** 0, 1, …, size − 1, int64, for a size int64 [1]. */
export function counting(builder: GraphBuilder, size: Value): Value {
  const one = (value: number): Value => builder.constant('int64', [], [value])
  return builder.op('Range', [one(0), size.squeeze([0]), one(1)])
}

/**
 * Zeros with the elements of `updates` at `indices` (integers [n]) along an axis of `size` (int64 [1]): what Gather and Slice do,
 * backwards. Elements whose index occurs several times are added; `unique` says that none does.
 *
 * By ScatterElements: ScatterND would do with fewer indices, but ONNX Runtime's kernel adds from several threads without a lock.
 */
export function scatterAlong(updates: Value, indices: Value, axis: number, size: Value, unique = false): Value {
  const zeros = updates.constant(0).expand(shapeWith(updates, axis, size))
  const places = alongAxis(indices, axis, updates.rank).expandLike(updates)
  return unique ? zeros.op('ScatterElements', [places, updates], { axis }) : addedAt(zeros, places, updates, axis)
}

/**
 * What ScatterElements makes of these with reduction `add`. Halves are added in single precision: ONNX Runtime's CPU provider cannot add
 * them, and would round each sum.
 */
export function addedAt(into: Value, indices: Value, updates: Value, axis: number): Value {
  const attributes = { axis, reduction: 'add' }
  if (!isHalf(into.dtype)) return into.op('ScatterElements', [indices, updates], attributes)
  return into
    .cast('float32')
    .op('ScatterElements', [indices, updates.cast('float32')], attributes)
    .cast(into.dtype)
}
