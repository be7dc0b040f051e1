import { intOf, intsOf, stringOf } from '../../../src/graph/attributes.js'
import { sizeOf } from '../../../src/graph/tensor.js'
import { broadcasting } from './basics.js'
import type { Node } from '../../../src/graph/model.js'
import type { Numbers, Reference } from './evaluate.js'
import { resize } from './resize.js'

/** The place of element k. */
function indexOf(k: number, dims: readonly number[]): number[] {
  const index: number[] = []
  for (let axis = dims.length - 1, rest = k; axis >= 0; axis--) {
    index[axis] = rest % (dims[axis] as number)
    rest = Math.floor(rest / (dims[axis] as number))
  }
  return index
}

function offsetOf(index: readonly number[], dims: readonly number[]): number {
  return index.reduce((offset, at, axis) => offset * (dims[axis] as number) + at, 0)
}

/** A tensor whose element at an index is that of `x` at another; 0 where there is none. */
function moved(
  x: Numbers,
  dims: readonly number[],
  from: (index: readonly number[]) => readonly number[] | undefined,
): Numbers {
  const data = Float64Array.from({ length: sizeOf(dims) }, (_, k) => {
    const index = from(indexOf(k, dims))
    return index === undefined ? 0 : (x.data[offsetOf(index, x.dims)] as number)
  })
  return { dims, data }
}

/** A list with another number at one place. */
function replaced(list: readonly number[], at: number, by: number): number[] {
  return list.map((own, i) => (i === at ? by : own))
}

function axisIn(node: Node, fallback: number, rank: number): number {
  return (intOf(node, 'axis', fallback) + rank) % rank
}

/** The part of a tensor from `start` on that is `count` long along an axis. */
function part(x: Numbers, axis: number, start: number, count: number): Numbers {
  return moved(x, replaced(x.dims, axis, count), (index) => replaced(index, axis, (index[axis] as number) + start))
}

/** How an element that lies at `at` − before in an axis of `size` is taken from it; undefined: not at all. */
function padded(mode: string, at: number, size: number): number | undefined {
  if (mode === 'edge') return Math.min(size - 1, Math.max(0, at))
  if (mode === 'wrap') return ((at % size) + size) % size
  const inside = at >= 0 && at < size
  if (mode === 'constant' || inside) return inside ? at : undefined
  return padded(mode, at < 0 ? -at : 2 * (size - 1) - at, size)
}

const REDUCTIONS: Readonly<Record<string, (a: number, b: number) => number>> = {
  none: (_, b) => b,
  add: (a, b) => a + b,
  mul: (a, b) => a * b,
  max: Math.max,
  min: Math.min,
}

export const movements: Readonly<Record<string, Reference>> = {
  Expand: ([x, shape], node) => {
    const dims = [...(shape as Numbers).data]
    const zeros = { dims, data: new Float64Array(dims.reduce((a, b) => a * b, 1)) }
    return broadcasting((a = 0) => a)([x, zeros], node)
  },
  Transpose: ([given], node) => {
    const x = given as Numbers
    const perm = intsOf(node, 'perm') ?? [...x.dims.keys()].reverse()
    const dims = perm.map((axis) => x.dims[axis] as number)
    return [moved(x, dims, (index) => x.dims.map((_, axis) => index[perm.indexOf(axis)] as number))]
  },
  Reshape: ([given, shape], node) => {
    const x = given as Numbers
    const zero = intOf(node, 'allowzero', 0) === 1
    const dims = [...(shape as Numbers).data].map((dim, axis) => (dim === 0 && !zero ? (x.dims[axis] as number) : dim))
    const rest = x.data.length / Math.abs(sizeOf(dims))
    return [{ dims: dims.map((dim) => (dim === -1 ? rest : dim)), data: x.data }]
  },
  Slice: ([given, starts, ends, axes, steps]) => {
    const x = given as Numbers
    const cuts = x.dims.map((size) => ({ from: 0, count: size, step: 1 }))
    ;(starts as Numbers).data.forEach((begin, i) => {
      const axis = ((axes?.data[i] ?? i) + x.dims.length) % x.dims.length
      const size = x.dims[axis] as number
      const step = steps?.data[i] ?? 1
      const [low, high] = step > 0 ? [0, size] : [-1, size - 1]
      const bound = (at: number) => Math.min(high, Math.max(low, at < 0 ? at + size : at))
      const from = bound(begin)
      const to = bound((ends as Numbers).data[i] as number)
      cuts[axis] = { from, count: Math.max(0, Math.ceil((to - from) / step)), step }
    })
    const dims = cuts.map(({ count }) => count)
    return [moved(x, dims, (index) => cuts.map(({ from, step }, axis) => from + step * (index[axis] as number)))]
  },
  Unsqueeze: ([x, axes]) => {
    const { dims, data } = x as Numbers
    const added = [...(axes as Numbers).data]
    const rank = dims.length + added.length
    const rest = [...dims]
    const at = added.map((axis) => (axis + rank) % rank)
    return [
      { dims: Array.from({ length: rank }, (_, axis) => (at.includes(axis) ? 1 : (rest.shift() as number))), data },
    ]
  },
  Squeeze: ([x, axes]) => {
    const { dims, data } = x as Numbers
    const dropped = axes && [...axes.data].map((axis) => (axis + dims.length) % dims.length)
    return [{ dims: dims.filter((dim, axis) => (dropped === undefined ? dim !== 1 : !dropped.includes(axis))), data }]
  },
  Flatten: ([x], node) => {
    const { dims, data } = x as Numbers
    const axis = intOf(node, 'axis', 1)
    return [{ dims: [sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis))], data }]
  },
  Concat: (inputs, node) => {
    const parts = inputs as Numbers[]
    const [first] = parts as [Numbers]
    const axis = axisIn(node, 0, first.dims.length)
    const owners = parts.flatMap((x) => Array.from({ length: x.dims[axis] as number }, (_, at) => ({ x, at })))
    const dims = replaced(first.dims, axis, owners.length)
    const data = Float64Array.from({ length: sizeOf(dims) }, (_, k) => {
      const index = indexOf(k, dims)
      const { x, at } = owners[index[axis] as number] as (typeof owners)[number]
      return x.data[offsetOf(replaced(index, axis, at), x.dims)] as number
    })
    return [{ dims, data }]
  },
  Split: ([given, sizes], node) => {
    const x = given as Numbers
    const axis = axisIn(node, 0, x.dims.length)
    const size = x.dims[axis] as number
    const equal = Math.ceil(size / node.outputs.length)
    const counts = node.outputs.map((_, i) => sizes?.data[i] ?? Math.min(equal, size - i * equal))
    return counts.map((count, i) =>
      part(
        x,
        axis,
        counts.slice(0, i).reduce((a, b) => a + b, 0),
        count,
      ),
    )
  },
  Gather: ([given, indices], node) => {
    const [x, { dims: own, data }] = [given as Numbers, indices as Numbers]
    const axis = axisIn(node, 0, x.dims.length)
    const dims = [...x.dims.slice(0, axis), ...own, ...x.dims.slice(axis + 1)]
    const size = x.dims[axis] as number
    return [
      moved(x, dims, (index) => {
        const at = data[offsetOf(index.slice(axis, axis + own.length), own)] as number
        return [...index.slice(0, axis), (at + size) % size, ...index.slice(axis + own.length)]
      }),
    ]
  },
  GatherElements: ([given, indices], node) => {
    const [x, { dims, data }] = [given as Numbers, indices as Numbers]
    const axis = axisIn(node, 0, x.dims.length)
    const size = x.dims[axis] as number
    return [moved(x, dims, (index) => replaced(index, axis, ((data[offsetOf(index, dims)] as number) + size) % size))]
  },
  ScatterElements: ([given, indices, updates], node) => {
    const [x, { dims, data: places }] = [given as Numbers, indices as Numbers]
    const axis = axisIn(node, 0, x.dims.length)
    const size = x.dims[axis] as number
    const reduce = REDUCTIONS[stringOf(node, 'reduction', 'none')] as (a: number, b: number) => number
    const data = x.data.slice()
    ;(updates as Numbers).data.forEach((update, k) => {
      const at = offsetOf(replaced(indexOf(k, dims), axis, ((places[k] as number) + size) % size), x.dims)
      data[at] = reduce(data[at] as number, update)
    })
    return [{ dims: x.dims, data }]
  },
  Pad: ([given, pads, value, chosen], node) => {
    const x = given as Numbers
    const rank = x.dims.length
    const mode = stringOf(node, 'mode', 'constant')
    const axes = chosen ? [...chosen.data].map((axis) => (axis + rank) % rank) : [...x.dims.keys()]
    const list = [...(pads as Numbers).data]
    const at = (axis: number, end: 0 | 1) =>
      axes.includes(axis) ? (list[axes.indexOf(axis) + end * axes.length] as number) : 0
    // What is taken away is not repeated.
    const cut = x.dims.reduce((rest, size, axis) => {
      const start = Math.max(0, -at(axis, 0))
      return part(rest, axis, start, size - start - Math.max(0, -at(axis, 1)))
    }, x)
    const grown = (axis: number, end: 0 | 1) => Math.max(0, at(axis, end))
    const dims = cut.dims.map((size, axis) => size + grown(axis, 0) + grown(axis, 1))
    const from = (index: readonly number[]) => {
      const places = index.map((i, axis) => padded(mode, i - grown(axis, 0), cut.dims[axis] as number))
      return places.every((place) => place !== undefined) ? places : undefined
    }
    const { data } = moved(cut, dims, from)
    const fill = value?.data[0] ?? 0
    return [{ dims, data: data.map((own, k) => (from(indexOf(k, dims)) === undefined ? fill : own)) }]
  },
  Tile: ([given, repeats]) => {
    const x = given as Numbers
    const dims = x.dims.map((size, axis) => size * ((repeats as Numbers).data[axis] as number))
    return [moved(x, dims, (index) => index.map((i, axis) => i % (x.dims[axis] as number)))]
  },
  Shape: ([x], node) => {
    const { dims } = x as Numbers
    const sizes = dims.slice(intOf(node, 'start', 0), intOf(node, 'end', dims.length))
    return [{ dims: [sizes.length], data: Float64Array.from(sizes) }]
  },
  Range: ([start, limit, delta]) => {
    const [from, to, by] = [start, limit, delta].map((x) => (x as Numbers).data[0]) as [number, number, number]
    const data = Float64Array.from({ length: Math.max(0, Math.ceil((to - from) / by)) }, (_, i) => from + i * by)
    return [{ dims: [data.length], data }]
  },
  OneHot: ([indices, depth, values], node) => {
    const { dims: own, data } = indices as Numbers
    const size = (depth as Numbers).data[0] as number
    const [off, on] = (values as Numbers).data as unknown as [number, number]
    const rank = own.length + 1
    const axis = (intOf(node, 'axis', -1) + rank) % rank
    const dims = [...own.slice(0, axis), size, ...own.slice(axis)]
    const hot = Float64Array.from({ length: sizeOf(dims) }, (_, k) => {
      const index = indexOf(k, dims)
      const place = data[
        offsetOf(
          index.filter((_, i) => i !== axis),
          own,
        )
      ] as number
      return (place + size) % size === index[axis] ? on : off
    })
    return [{ dims, data: hot }]
  },
  Resize: resize,
  EyeLike: ([x]) => {
    const { dims, data } = x as Numbers
    return [{ dims, data: data.map((_, k) => (k % ((dims[1] as number) + 1) === 0 ? 1 : 0)) }]
  },
}
