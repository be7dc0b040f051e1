import { describe, intOf, stringOf } from '../graph/attributes.js'
import { isNumber } from '../graph/dims.js'
import { ModelError } from '../graph/model.js'
import { sizeOf } from '../graph/tensor.js'
import { quoted } from '../graph/text.js'
import type { Value } from '../graph/value.js'
import { axisOf } from './facts.js'
import type { GradientContext, GradientRule } from './rule.js'
import { addedAt, alongAxis, counting, scatterAlong, shapeWith, sizeAlong } from './scatter-along.js'

/** Gather: what was picked several times gets the sum. */
export const gathered: GradientRule = (context) => {
  const { node, builder, x, dy, give } = context
  give(0, () => {
    const { dims, rank } = x(0)
    const indices = x(1)
    const axis = axisOf(node, intOf(node, 'axis', 0), rank)
    const size = dims[axis]
    const rows = indices.rank === 0 ? dy.unsqueeze([axis]) : dy
    const only = indices.rank < 2 ? context.integers(1) : undefined
    if (only?.length === 1 && isNumber(size)) {
      // One index alone, as in x[:, 0]: zeros around it.
      const at = ((only[0] as number) + size) % size
      return rows.pad(
        dims.map((_, i) => (i === axis ? at : 0)),
        dims.map((_, i) => (i === axis ? size - 1 - at : 0)),
      )
    }
    const flat = indices.rank > 1 ? rows.reshape(shapeWith(x(0), axis, builder.ints([-1]))) : rows
    return scatterAlong(flat, indices.reshape([-1]), axis, sizeAlong(x(0), axis))
  })
}

/** GatherElements: what was picked several times gets the sum. */
export const gatheredElements: GradientRule = ({ node, x, dy, give }) => {
  const axis = axisOf(node, intOf(node, 'axis', 0), x(0).rank)
  give(0, () => addedAt(x(0).zeros(), x(1), dy, axis))
}

/** GatherND, as a Gather of rows from a matrix whose rows are numbered by the indexed axes. */
export const gatheredNd: GradientRule = ({ node, x, dy, give }) => {
  const batch = intOf(node, 'batch_dims', 0)
  give(0, () => {
    const { indices, count, width } = rowsOf(x(0), x(1), batch)
    const rows = dy.reshape(joined([dy.builder.ints([-1]), width]))
    return scatterAlong(rows, indices, 0, count).reshapeLike(x(0))
  })
}

/**
 * Scatter and ScatterElements. Overwriting: where updates went, data has no part. Adding: both have. Largest and smallest:
 * equal ones share the gradient evenly, as in PyTorch's scatter_reduce. Products: only without repeated indices.
 */
export const scatteredElements: GradientRule = (context) => {
  const { node, x, dy, give } = context
  const axis = axisOf(node, intOf(node, 'axis', 0), x(0).rank)
  const places: Places = {
    pick: (from) => from.op('GatherElements', [x(1)], { axis }),
    put: (into, updates, reduction) =>
      reduction === 'add'
        ? addedAt(into, x(1), updates, axis)
        : into.op('ScatterElements', [x(1), updates], { axis, reduction }),
    unique: () => uniqueAlong(context.integers(1), x(1), x(0), axis),
  }
  const { data, updates } = scattered(context, { data: x(0), updates: x(2), y: context.y(0), dy }, places)
  give(0, data)
  give(2, updates)
}

/** ScatterND, as a ScatterElements of rows into a matrix whose rows are numbered by the indexed axes. */
export const scatteredNd: GradientRule = (context) => {
  const { x, dy, give } = context
  const { indices, width } = rowsOf(x(0), x(1), 0)
  const matrix = (value: Value): Value => value.reshape(joined([value.builder.ints([-1]), width]))
  const wide = (): Value => alongAxis(indices, 0, 2).expandLike(matrix(x(2)))
  const places: Places = {
    pick: (from) => from.gather(indices, 0),
    put: (into, updates, reduction) =>
      reduction === 'add'
        ? addedAt(into, wide(), updates, 0)
        : into.op('ScatterElements', [wide(), updates], { axis: 0, reduction }),
    unique: () => uniqueRows(context.integers(1), x(1), x(0)),
  }
  const values = { data: matrix(x(0)), updates: matrix(x(2)), y: matrix(context.y(0)), dy: matrix(dy) }
  const { data, updates } = scattered(context, values, places)
  give(0, () => data().reshapeLike(x(0)))
  give(2, () => updates().reshapeLike(x(2)))
}

/** Compress: zeros where the condition is false. */
export const uncompressed: GradientRule = ({ node, x, dy, give }) => {
  const given = intOf(node, 'axis')
  give(0, () => {
    const indices = x(1).op('NonZero').reshape([-1])
    const axis = given === undefined ? 0 : axisOf(node, given, x(0).rank)
    const data = given === undefined ? x(0).reshape([-1]) : x(0)
    return scatterAlong(dy, indices, axis, sizeAlong(data, axis), true).reshapeLike(x(0))
  })
}

/** ReverseSequence is its own inverse. */
export const reversedBack: GradientRule = ({ node, x, dy, give }) => {
  const attributes = { time_axis: intOf(node, 'time_axis', 0), batch_axis: intOf(node, 'batch_axis', 1) }
  give(0, () => dy.op('ReverseSequence', [x(1)], attributes))
}

type Reduction = 'none' | 'add' | 'mul' | 'max' | 'min'

/** Where updates go. */
interface Places {
  /** The elements at the places, in the shape of the updates. */
  readonly pick: (from: Value) => Value
  readonly put: (into: Value, updates: Value, reduction: Reduction) => Value
  /** True if it is known that no place occurs twice. */
  readonly unique: () => boolean
}

interface Scattering {
  readonly data: Value
  readonly updates: Value
  readonly y: Value
  readonly dy: Value
}

/** The gradients of data and of updates. */
function scattered({ node }: GradientContext, { data, updates, y, dy }: Scattering, { pick, put, unique }: Places) {
  const reduction = stringOf(node, 'reduction', 'none')
  switch (reduction) {
    case 'none':
      return { data: () => put(dy, updates.zeros(), 'none'), updates: () => pick(dy) }
    case 'add':
      return { data: () => dy, updates: () => pick(dy) }
    case 'mul':
      if (!unique())
        throw new ModelError(
          `${describe(node)}: the gradient of reduction mul is known only where indices are constant and none occurs twice; multiply by Mul instead`,
        )
      return {
        data: () => dy.mul(put(data.constant(1).expandLike(data), updates, 'none')),
        updates: () => pick(dy.mul(data)),
      }
    case 'max':
    case 'min': {
      const own = data.equal(y).castLike(dy)
      const hits = updates.equal(pick(y)).castLike(dy)
      const share = dy.div(put(own, hits, 'add'))
      return { data: () => own.mul(share), updates: () => hits.mul(pick(share)) }
    }
    default:
      throw new ModelError(
        `${describe(node)}: reduction ${quoted(reduction)} has no gradient rule; expected none, add, mul, max or min`,
      )
  }
}

/**
 * Elements that are indexed by several axes (the first `batch` of them implied), as rows of a matrix: the numbers of the rows
 * (int64 [n]), how many rows there are and how wide they are (int64 [1]).
 */
function rowsOf(data: Value, indices: Value, batch: number) {
  const { builder } = data
  const depth = indices.size(-1)
  const { rank } = indices
  const sizes = data.dims.slice(0, batch + depth).map((_, axis) => sizeAlong(data, axis))
  const digits = sizes.map((size, axis) =>
    axis < batch
      ? alongAxis(counting(builder, size), axis, rank)
      : // Mod takes the divisor's sign: indices from the end are counted from the start.
        indices
          .cast('int64')
          .slice(-1, axis - batch, axis - batch + 1)
          .op('Mod', [size]),
  )
  const numbers = digits.reduce((sum, digit, axis) => sum.mul(sizes[axis] as Value).add(digit))
  return {
    indices: numbers.reshape([-1]),
    count: sizes.reduce((product, size) => product.mul(size)),
    width: productOf(data, batch + depth),
  }
}

/** The product of the sizes from an axis on, int64 [1]. */
function productOf(value: Value, start: number): Value {
  const dims = value.dims.slice(start)
  if (dims.every(isNumber)) return value.builder.ints([sizeOf(dims)])
  return value.builder.op('Shape', [value], { start }).op('ReduceProd', [], { keepdims: 1 })
}

function joined(parts: readonly Value[]): Value {
  const [first] = parts as [Value]
  return first.builder.op('Concat', parts, { axis: 0 })
}

/** True if along an axis no line of these indices holds one twice. */
function uniqueAlong(numbers: readonly number[] | undefined, indices: Value, data: Value, axis: number): boolean {
  if (numbers === undefined) return false
  const dims = indices.sizes()
  const size = data.size(axis)
  const inner = sizeOf(dims.slice(axis + 1))
  const length = dims[axis] as number
  const seen = new Set(
    numbers.map((index, k) => {
      const line = Math.floor(k / (inner * length)) * inner + (k % inner)
      return `${line} ${(index + size) % size}`
    }),
  )
  return seen.size === numbers.length
}

/** True if no row of indices occurs twice. */
function uniqueRows(numbers: readonly number[] | undefined, indices: Value, data: Value): boolean {
  if (numbers === undefined) return false
  const depth = indices.size(-1)
  const rows = Array.from({ length: numbers.length / depth }, (_, row) =>
    numbers
      .slice(row * depth, (row + 1) * depth)
      .map((index, axis) => (index + data.size(axis)) % data.size(axis))
      .join(' '),
  )
  return new Set(rows).size === rows.length
}
