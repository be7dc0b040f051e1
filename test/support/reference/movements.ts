import { intOf, intsOf } from '../../../src/graph/attributes.js'
import { sizeOf } from '../../../src/graph/tensor.js'
import { broadcasting } from './basics.js'
import type { Numbers, Reference } from './evaluate.js'

/** A tensor whose element at an index is that of `x` at another. */
function moved(x: Numbers, dims: readonly number[], from: (index: readonly number[]) => readonly number[]): Numbers {
  const data = Float64Array.from({ length: sizeOf(dims) }, (_, k) => {
    const index: number[] = []
    for (let axis = dims.length - 1, rest = k; axis >= 0; axis--) {
      index[axis] = rest % (dims[axis] as number)
      rest = Math.floor(rest / (dims[axis] as number))
    }
    const flat = from(index).reduce((offset, at, axis) => offset * (x.dims[axis] as number) + at, 0)
    return x.data[flat] as number
  })
  return { dims, data }
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
}
