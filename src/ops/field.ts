import { type Dim, isNumber, pairAxes } from '../graph/dims.js'

/**
 * A scale: the identity of a number that is not drawn yet, a product of powers of vertices' τ. 0 is the constant 1.
 * What two identities have to do with each other is known to `Scales` alone.
 */
export type Scale = number

/** The scale that leaves a value as it is. */
export const ONE: Scale = 0

export interface Scales {
  times(a: Scale, b: Scale): Scale
  /** aᵏ for an integer k. */
  power(a: Scale, exponent: number): Scale
  /** Both for many at once: fields have thousands of elements. The arrays are of one length. */
  timesEach(a: Int32Array, b: Int32Array): Int32Array
  powerEach(a: Int32Array, exponent: number): Int32Array
  /** √a where that is again a product of whole powers (of an a that is positive), else undefined. */
  root(a: Scale): Scale | undefined
  /** The scale must be positive. `reason` is reported for what gets pinned by it. */
  restrictPositive(a: Scale, reason: string): void
  /** True if the two are known to be the same number. */
  same(a: Scale, b: Scale): boolean
  isOne(a: Scale): boolean
}

/**
 * The scale field of a value: x' = s ⊙ x. It has the value's rank; along an axis it either varies (its size is the value's) or
 * does not (its size is 1, whatever the value's). Row-major.
 */
export interface Field {
  readonly dims: readonly number[]
  readonly ids: Int32Array
}

/**
 * Names of nodes and constants that teleportation inserts begin so. A Mul that is named so is transparent to a later
 * teleportation: instead of a second one its constant is multiplied, and it is taken out where that gives 1. Hence teleporting
 * by a CoB and by its inverse gives the network back, in scope `full` too.
 */
export const RESCALE_PREFIX = 'teleport/'

/** Beyond this many elements a field is given up (the value is pinned): no sane network has one, and a hostile file could. */
export const FIELD_LIMIT = 1 << 22

/** A rule gives up with a reason: the driver then pins the node's inputs and outputs and reports the reason. */
export class CannotScale extends Error {
  override name = 'CannotScale'
}

function sizeOf(dims: readonly number[], from = 0, to = dims.length): number {
  let size = 1
  for (let axis = from; axis < to; axis++) size *= dims[axis] as number
  return size
}

function allocate(dims: readonly number[]): Int32Array {
  const size = sizeOf(dims)
  if (size > FIELD_LIMIT) throw new CannotScale(`a scale field of ${size} elements is larger than ${FIELD_LIMIT}`)
  return new Int32Array(size)
}

/** The fields of values that are not scaled, by rank: in most networks most of them. */
const UNSCALED: readonly Field[] = Array.from({ length: 9 }, (_, rank) => uniformField(rank, ONE))

export function uniform(rank: number, scale: Scale = ONE): Field {
  return (scale === ONE ? UNSCALED[rank] : undefined) ?? uniformField(rank, scale)
}

function uniformField(rank: number, scale: Scale): Field {
  const ids = new Int32Array(1)
  ids[0] = scale
  return { dims: new Array<number>(rank).fill(1), ids }
}

/** Varies along one axis. */
export function along(rank: number, axis: number, ids: Int32Array): Field {
  const dims = new Array<number>(rank).fill(1)
  dims[axis] = ids.length
  return { dims, ids }
}

export function varies(field: Field, axis: number): boolean {
  return (field.dims[axis] ?? 1) !== 1
}

/** The axes along which a field varies. */
export function varyingAxes(field: Field): number[] {
  const axes: number[] = []
  for (let axis = 0; axis < field.dims.length; axis++) if (field.dims[axis] !== 1) axes.push(axis)
  return axes
}

export function map(field: Field, f: (scale: Scale) => Scale): Field {
  const ids = new Int32Array(field.ids.length)
  for (let i = 0; i < ids.length; i++) ids[i] = f(field.ids[i] as number)
  return { dims: field.dims, ids }
}

/** Axes in front are added (numpy's alignment) or, where they do not vary, dropped. */
export function withRank(field: Field, rank: number): Field {
  const surplus = field.dims.length - rank
  if (surplus === 0) return field
  if (surplus < 0) return { dims: [...new Array<number>(-surplus).fill(1), ...field.dims], ids: field.ids }
  if (field.dims.slice(0, surplus).some((dim) => dim !== 1))
    throw new CannotScale('a scale field has more axes than its value')
  return { dims: field.dims.slice(surplus), ids: field.ids }
}

function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length).fill(0)
  let stride = 1
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    const dim = dims[axis] as number
    strides[axis] = dim === 1 ? 0 : stride
    stride *= dim
  }
  return strides
}

/** A field of shape `dims` whose element at an index is `source`'s at the offset that `strides` give it. */
function gather(dims: readonly number[], source: Int32Array, strides: readonly number[], base = 0): Int32Array {
  const ids = allocate(dims)
  const last = dims.length - 1
  const inner = last < 0 ? 1 : (dims[last] as number)
  const step = last < 0 ? 0 : (strides[last] as number)
  const index = new Array<number>(dims.length).fill(0)
  let offset = base
  for (let at = 0; at < ids.length; at += inner) {
    for (let k = 0; k < inner; k++) ids[at + k] = source[offset + k * step] as number
    for (let axis = last - 1; axis >= 0; axis--) {
      offset += strides[axis] as number
      if (++(index[axis] as number) < (dims[axis] as number)) break
      offset -= (strides[axis] as number) * (dims[axis] as number)
      index[axis] = 0
    }
  }
  return ids
}

/** The field written out over `dims`, which must be its own along axes where it varies. */
export function expand(field: Field, dims: readonly number[]): Field {
  if (alike(dims, field.dims)) return field
  if (field.ids.length === 1) return { dims, ids: allocate(dims).fill(field.ids[0] as number) }
  field.dims.forEach((dim, axis) => {
    if (dim !== 1 && dim !== dims[axis])
      throw new CannotScale(`a scale field of ${dim} along axis ${axis} meets a size of ${dims[axis]}`)
  })
  return { dims, ids: gather(dims, field.ids, stridesOf(field.dims)) }
}

function alike(a: readonly number[], b: readonly number[]): boolean {
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false
  return true
}

/** Two fields of one rank written out over the same dims; an axis varies if it varies in either. */
export function aligned(a: Field, b: Field): readonly [Field, Field] {
  const rank = Math.max(a.dims.length, b.dims.length)
  const x = withRank(a, rank)
  const y = withRank(b, rank)
  const dims = alike(x.dims, y.dims) ? x.dims : x.dims.map((dim, axis) => Math.max(dim, y.dims[axis] as number))
  return [expand(x, dims), expand(y, dims)]
}

/** s_a · s_b, elementwise. */
export function product(a: Field, b: Field, scales: Scales): Field {
  const [x, y] = aligned(a, b)
  return { dims: x.dims, ids: scales.timesEach(x.ids, y.ids) }
}

/** sᵏ, elementwise, for an integer k. */
export function power(field: Field, exponent: number, scales: Scales): Field {
  return { dims: field.dims, ids: scales.powerEach(field.ids, exponent) }
}

/** Output axis i is input axis `permutation[i]`. */
export function permute(field: Field, permutation: readonly number[]): Field {
  const dims = permutation.map((axis) => field.dims[axis] as number)
  if (keepsOrder(field, permutation)) return { dims, ids: field.ids }
  const strides = stridesOf(field.dims)
  const moved = permutation.map((axis) => strides[axis] as number)
  return { dims, ids: gather(dims, field.ids, moved) }
}

/** True if the axes along which the field varies follow each other as before. */
function keepsOrder(field: Field, permutation: readonly number[]): boolean {
  let last = -1
  for (const axis of permutation) {
    if (field.dims[axis] === 1) continue
    if (axis < last) return false
    last = axis
  }
  return true
}

/** The elements at `indices` along an axis. Where the field does not vary, it stays. */
export function select(field: Field, axis: number, indices: readonly number[]): Field {
  if (!varies(field, axis)) return field
  const size = field.dims[axis] as number
  const dims = field.dims.map((dim, i) => (i === axis ? indices.length : dim))
  const ids = allocate(dims)
  const inner = sizeOf(field.dims, axis + 1)
  const outer = field.ids.length / (size * inner)
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i] as number
      if (!(index >= 0 && index < size)) throw new CannotScale(`index ${index} lies outside an axis of ${size}`)
      const from = (o * size + index) * inner
      const to = (o * indices.length + i) * inner
      for (let k = 0; k < inner; k++) ids[to + k] = field.ids[from + k] as number
    }
  }
  return { dims, ids }
}

/** Fields side by side along an axis, where input i takes `sizes[i]`. */
export function concatenate(fields: readonly Field[], axis: number, sizes: readonly number[]): Field {
  const rank = fields[0]?.dims.length ?? 0
  const dims = Array.from({ length: rank }, (_, i) =>
    i === axis
      ? sizes.reduce((sum, size) => sum + size, 0)
      : fields.reduce((most, field) => Math.max(most, field.dims[i] as number), 0),
  )
  const ids = allocate(dims)
  const inner = sizeOf(dims, axis + 1)
  const outer = sizeOf(dims, 0, axis)
  const row = (dims[axis] as number) * inner
  let start = 0
  fields.forEach((field, i) => {
    const whole = expand(
      field,
      dims.map((dim, k) => (k === axis ? (sizes[i] as number) : dim)),
    )
    const width = (sizes[i] as number) * inner
    for (let o = 0; o < outer; o++) ids.set(whole.ids.subarray(o * width, (o + 1) * width), o * row + start)
    start += width
  })
  return { dims, ids }
}

/** Drop axes along which the field does not vary. @throws CannotScale if it varies along one of them */
export function dropAxes(field: Field, axes: readonly number[]): Field {
  for (const axis of axes)
    if (varies(field, axis)) throw new CannotScale(`the scale varies along axis ${axis}, which is dropped`)
  return { dims: field.dims.filter((_, axis) => !axes.includes(axis)), ids: field.ids }
}

/** Insert axes of size 1 at the positions (of the result) `axes`. */
export function insertAxes(field: Field, axes: readonly number[]): Field {
  const dims: number[] = []
  let next = 0
  for (let axis = 0; axis < field.dims.length + axes.length; axis++)
    dims.push(axes.includes(axis) ? 1 : (field.dims[next++] as number))
  return { dims, ids: field.ids }
}

/** Replace axes along which all elements are the same scale by size 1. */
export function collapse(field: Field, same: (a: Scale, b: Scale) => boolean): Field {
  if (field.ids.length === 1) return field
  let result = field
  for (let axis = 0; axis < field.dims.length; axis++)
    if (varies(field, axis) && isConstantAlong(result, axis, same)) result = select(result, axis, [0])
  return result
}

function isConstantAlong({ dims, ids }: Field, axis: number, same: (a: Scale, b: Scale) => boolean): boolean {
  const inner = sizeOf(dims, axis + 1)
  const block = (dims[axis] as number) * inner
  for (let start = 0; start < ids.length; start += block)
    for (let i = start + inner; i < start + block; i++) {
      const id = ids[i] as number
      const first = ids[start + ((i - start) % inner)] as number
      if (id !== first && !same(id, first)) return false
    }
  return true
}

/**
 * The field of a reshaped value. Axes are paired by equal products of sizes; within a pair the order of elements is kept.
 * @throws CannotScale if the field varies along axes whose sizes cannot be paired, or are not known numbers
 */
export function reshape(field: Field, from: readonly Dim[], to: readonly Dim[]): Field {
  if (field.ids.length === 1) return uniform(to.length, field.ids[0])
  const pairs = pairAxes(from, to)
  if (pairs === undefined) throw new CannotScale('the axes of a Reshape cannot be followed')
  const expanded: number[] = []
  const target: number[] = []
  for (const pair of pairs) {
    const axes = Array.from({ length: pair.from[1] - pair.from[0] }, (_, i) => pair.from[0] + i)
    const sizes = to.slice(...pair.to)
    if (!axes.some((axis) => varies(field, axis))) {
      expanded.push(...axes.map(() => 1))
      target.push(...sizes.map(() => 1))
      continue
    }
    const source = axes.map((axis) => from[axis] as Dim)
    // Sizes that a symbol has outside the varying axes cannot be written out; one-to-one pairs need none.
    if (axes.length === 1 && sizes.length === 1) {
      expanded.push(field.dims[axes[0] as number] as number)
      target.push(field.dims[axes[0] as number] as number)
      continue
    }
    if (![...source, ...sizes].every(isNumber)) {
      const moved = splitAlong(field, axes, source, sizes)
      expanded.push(...moved.expanded)
      target.push(...moved.target)
      continue
    }
    expanded.push(...(source as number[]))
    target.push(...(sizes as number[]))
  }
  const whole = expand(field, expanded)
  return collapse({ dims: target, ids: whole.ids }, (a, b) => a === b)
}

/**
 * A pair with symbols in it, such as [batch·heads, d] ↔ [batch, heads, d]: if the field varies only along numeric axes that
 * stand at the same place counted from the end (or from the start) in both, they map onto each other.
 */
function splitAlong(field: Field, axes: readonly number[], source: readonly Dim[], sizes: readonly Dim[]) {
  const varying = axes.flatMap((axis, i) => (varies(field, axis) ? [i] : []))
  const tailStart = Math.min(...varying)
  const tail = source.slice(tailStart)
  const offset = sizes.length - tail.length
  const fromEnd = offset >= 0 && tail.every((dim, i) => isNumber(dim) && dim === sizes[offset + i])
  if (fromEnd) {
    const dims = axes.map((axis) => field.dims[axis] as number)
    return { expanded: dims, target: [...new Array<number>(offset).fill(1), ...dims.slice(tailStart)] }
  }
  // Trailing numeric axes that are merged into one that starts with a symbol, or split off it.
  const numericTail = (dims: readonly Dim[]): number =>
    dims.reduce<number>((n, dim) => (isNumber(dim) ? n * dim : 1), 1)
  const block = tail.every(isNumber) ? tail.reduce<number>((n, dim) => n * dim, 1) : 0
  if (block > 0 && numericTail(sizes) % block === 0) {
    const kept: number[] = []
    let left = block
    for (let i = sizes.length - 1; i >= 0 && left > 1; i--) {
      const size = sizes[i]
      if (!isNumber(size) || left % size !== 0) throw new CannotScale('the axes of a Reshape cannot be followed')
      kept.unshift(size)
      left /= size
    }
    return {
      expanded: axes.map((_, i) => (i >= tailStart ? (source[i] as number) : 1)),
      target: [...new Array<number>(sizes.length - kept.length).fill(1), ...kept],
    }
  }
  throw new CannotScale('a Reshape joins the scaled axis with one of unknown size')
}
