import { intOf, stringOf } from '../../../src/graph/attributes.js'
import type { Node } from '../../../src/graph/model.js'
import { sizeOf } from '../../../src/graph/tensor.js'
import type { Numbers, Reference } from './evaluate.js'

/** The tensor seen in the shape `dims`, its axes permuted, seen in the shape `result`. */
function permuted(x: Numbers, dims: readonly number[], perm: readonly number[], result: readonly number[]): Numbers {
  const strides = dims.map((_, axis) => sizeOf(dims.slice(axis + 1)))
  const sizes = perm.map((axis) => dims[axis] as number)
  const data = Float64Array.from(x.data, (_, k) => {
    let [rest, from] = [k, 0]
    for (let axis = perm.length - 1; axis >= 0; axis--) {
      const size = sizes[axis] as number
      from += (rest % size) * (strides[perm[axis] as number] as number)
      rest = Math.floor(rest / size)
    }
    return x.data[from] as number
  })
  return { dims: result, data }
}

/** Elements that belong to the axis: of each element its place along it; everything for a single number. */
function placeAlong(x: Numbers, parameter: Numbers, node: Node): (k: number) => number {
  if (parameter.data.length === 1) return () => 0
  const axis = (intOf(node, 'axis', 1) + x.dims.length) % x.dims.length
  const inner = sizeOf(x.dims.slice(axis + 1))
  return (k) => Math.floor(k / inner) % (x.dims[axis] as number)
}

const rounded = (x: number): number => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x))

/** Quantisers to int8 and uint8, and movements between channels and space. */
export const spaces: Readonly<Record<string, Reference>> = {
  DequantizeLinear: ([given, scale, zero], node) => {
    const [x, s] = [given as Numbers, scale as Numbers]
    const at = placeAlong(x, s, node)
    return [{ dims: x.dims, data: x.data.map((q, k) => (q - (zero?.data[at(k)] ?? 0)) * (s.data[at(k)] as number)) }]
  },
  /** To int8: all that the tests' networks have. */
  QuantizeLinear: ([given, scale, zero], node) => {
    const [x, s] = [given as Numbers, scale as Numbers]
    const at = placeAlong(x, s, node)
    const step = (v: number, k: number) => rounded(v / (s.data[at(k)] as number)) + (zero?.data[at(k)] ?? 0)
    return [{ dims: x.dims, data: x.data.map((v, k) => Math.min(127, Math.max(-128, step(v, k)))) }]
  },
  DepthToSpace: ([given], node) => {
    const x = given as Numbers
    const [n = 1, c = 1, h = 1, w = 1] = x.dims
    const b = intOf(node, 'blocksize', 1)
    const depth = c / b ** 2
    const result = [n, depth, h * b, w * b]
    if (stringOf(node, 'mode', 'DCR') === 'DCR')
      return [permuted(x, [n, b, b, depth, h, w], [0, 3, 4, 1, 5, 2], result)]
    return [permuted(x, [n, depth, b, b, h, w], [0, 1, 4, 2, 5, 3], result)]
  },
  SpaceToDepth: ([given], node) => {
    const x = given as Numbers
    const [n = 1, c = 1, h = 1, w = 1] = x.dims
    const b = intOf(node, 'blocksize', 1)
    return [permuted(x, [n, c, h / b, b, w / b, b], [0, 3, 5, 1, 2, 4], [n, c * b * b, h / b, w / b])]
  },
  /** In inference. */
  Dropout: ([x]) => [x as Numbers, { dims: (x as Numbers).dims, data: (x as Numbers).data.map(() => 1) }],
}
