import { intOf, intsOf, stringOf } from '../../../src/graph/attributes.js'
import { sizeOf } from '../../../src/graph/tensor.js'
import type { Node } from '../../../src/graph/model.js'
import type { Numbers, Reference } from './evaluate.js'

/** One position of a window: its place among those of a plane; undefined in the padding. */
type Place = number | undefined

/** The places that each window along one axis sees, in padded positions too; those behind all padding are left out. */
function windowsAlong(node: Node, size: number, axis: number): { sizes: number; windows: Place[][] } {
  const at = (name: string, fallback: number, index = axis) => intsOf(node, name)?.[index] ?? fallback
  const rank = (intsOf(node, 'kernel_shape') ?? []).length
  const kernel = at('kernel_shape', 1)
  const [stride, dilation] = [at('strides', 1), at('dilations', 1)]
  const reach = (kernel - 1) * dilation + 1
  const autoPad = stringOf(node, 'auto_pad', 'NOTSET')
  let begin = autoPad === 'VALID' ? 0 : at('pads', 0)
  let end = autoPad === 'VALID' ? 0 : at('pads', 0, axis + rank)
  let count: number
  if (autoPad.startsWith('SAME')) {
    count = Math.ceil(size / stride)
    const total = Math.max((count - 1) * stride + reach - size, 0)
    begin = autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2)
    end = total - begin
  } else {
    const room = (size + begin + end - reach) / stride
    count = (intOf(node, 'ceil_mode', 0) === 0 ? Math.floor(room) : Math.ceil(room)) + 1
    if (intOf(node, 'ceil_mode', 0) !== 0 && (count - 1) * stride >= size + begin) count--
  }
  const windows = Array.from({ length: count }, (_, o) =>
    Array.from({ length: kernel }, (_, k) => o * stride + k * dilation - begin)
      .filter((place) => place < size + end)
      .map((place) => (place < 0 || place >= size ? undefined : place)),
  )
  return { sizes: count, windows }
}

/** All combinations of places along the axes, the last axis fastest, as places in a plane. */
function combined(lists: readonly Place[][], spatial: readonly number[]): Place[] {
  return lists.reduce<Place[]>(
    (planes, list, axis) =>
      planes.flatMap((plane) =>
        list.map((place) =>
          plane === undefined || place === undefined ? undefined : plane * (spatial[axis] as number) + place,
        ),
      ),
    [0],
  )
}

/** A function of what each window sees: places in all of x, and how many there are with padding. */
function sliding(x: Numbers, node: Node, f: (places: readonly number[], padded: number) => number): Numbers {
  const spatial = x.dims.slice(2)
  const along = spatial.map((size, axis) => windowsAlong(node, size, axis))
  const out = along.map(({ sizes }) => sizes)
  const plane = sizeOf(spatial)
  const dims = [...x.dims.slice(0, 2), ...out]
  const data = Float64Array.from({ length: sizeOf(dims) }, (_, k) => {
    let rest = k
    const windows: Place[][] = []
    for (let axis = out.length - 1; axis >= 0; axis--) {
      windows.unshift(along[axis]?.windows[rest % (out[axis] as number)] as Place[])
      rest = Math.floor(rest / (out[axis] as number))
    }
    const places = combined(windows, spatial)
    return f(
      places.filter((place) => place !== undefined).map((place) => rest * plane + place),
      places.length,
    )
  })
  return { dims, data }
}

const greatest = (data: Float64Array, places: readonly number[]) =>
  places.reduce((best, place) => ((data[place] as number) > (data[best] as number) ? place : best))

const maxPool: Reference = ([x], node) => {
  const { dims, data } = x as Numbers
  const indices = sliding(x as Numbers, node, (places) => greatest(data, places))
  const y = { dims: indices.dims, data: indices.data.map((place) => data[place] as number) }
  if (intOf(node, 'storage_order', 0) === 0) return [y, indices]
  const spatial = dims.slice(2)
  const plane = sizeOf(spatial)
  const columnMajor = indices.data.map((place) => {
    let rest = place % plane
    const at = spatial
      .map((_, axis) => axis)
      .reverse()
      .map((axis) => {
        const own = rest % (spatial[axis] as number)
        rest = Math.floor(rest / (spatial[axis] as number))
        return [axis, own] as const
      })
    const inPlane = at.reduce((sum, [axis, own]) => sum + own * sizeOf(spatial.slice(0, axis)), 0)
    return place - (place % plane) + inPlane
  })
  return [y, { dims: indices.dims, data: columnMajor }]
}

const averagePool: Reference = ([x], node) => {
  const { data } = x as Numbers
  const padding = intOf(node, 'count_include_pad', 0) !== 0
  return [
    sliding(
      x as Numbers,
      node,
      (places, padded) =>
        places.reduce((sum, place) => sum + (data[place] as number), 0) / (padding ? padded : places.length),
    ),
  ]
}

const lpPool: Reference = ([x], node) => {
  const p = intOf(node, 'p', 2)
  const { data } = x as Numbers
  return [
    sliding(
      x as Numbers,
      node,
      (places) => places.reduce((sum, place) => sum + Math.abs(data[place] as number) ** p, 0) ** (1 / p),
    ),
  ]
}

/** The same with one window that sees all. */
const globally =
  (pool: Reference): Reference =>
  (inputs, node) => {
    const value = (inputs[0] as Numbers).dims.slice(2)
    const attributes = new Map([...node.attributes, ['kernel_shape', { type: 'ints', value }] as const])
    return [pool(inputs, { ...node, attributes })[0] as Numbers]
  }

const maxUnpool: Reference = ([x, indices, shape], node) => {
  const { dims, data } = x as Numbers
  const list = (name: string, fallback: number) => (axis: number) => intsOf(node, name)?.[axis] ?? fallback
  const [kernel, strides, pads] = [list('kernel_shape', 1), list('strides', 1), list('pads', 0)]
  const rank = dims.length - 2
  const sizes = shape
    ? [...shape.data]
    : dims.map((dim, axis) =>
        axis < 2 ? dim : (dim - 1) * strides(axis - 2) + kernel(axis - 2) - pads(axis - 2) - pads(axis - 2 + rank),
      )
  const result = new Float64Array(sizeOf(sizes))
  data.forEach((value, k) => (result[(indices as Numbers).data[k] as number] = value))
  return [{ dims: sizes, data: result }]
}

/** The place of the first of the greatest along an axis. */
const argMax: Reference = ([x], node) => {
  const { dims, data } = x as Numbers
  const axis = (intOf(node, 'axis', 0) + dims.length) % dims.length
  const [size, step] = [dims[axis] as number, sizeOf(dims.slice(axis + 1))]
  const kept = dims.map((dim, i) => (i === axis ? 1 : dim))
  const places = Float64Array.from({ length: sizeOf(kept) }, (_, k) => {
    const first = Math.floor(k / step) * step * size + (k % step)
    const along = Array.from({ length: size }, (_, i) => data[first + i * step] as number)
    return along.indexOf(Math.max(...along))
  })
  return [{ dims: intOf(node, 'keepdims', 1) === 1 ? kept : dims.filter((_, i) => i !== axis), data: places }]
}

export const pooling: Readonly<Record<string, Reference>> = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  LpPool: lpPool,
  GlobalMaxPool: globally(maxPool),
  GlobalAveragePool: globally(averagePool),
  GlobalLpPool: globally(lpPool),
  MaxUnpool: maxUnpool,
  ArgMax: argMax,
}
