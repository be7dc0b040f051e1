import { sizeOf } from '../../../src/graph/tensor.js'
import { intOf } from '../../../src/graph/attributes.js'
import type { Numbers, Reference } from './evaluate.js'

/** A function of each element alone. */
export function elementwise(f: (x: number) => number): Reference {
  return ([x]) => [{ dims: (x as Numbers).dims, data: (x as Numbers).data.map(f) }]
}

/** The index into a tensor of `from` that belongs to element k of a tensor of `to`, by numpy's broadcasting. */
export function broadcastIndex(k: number, from: readonly number[], to: readonly number[]): number {
  let rest = k
  let offset = 0
  let stride = 1
  for (let axis = to.length - 1; axis >= 0; axis--) {
    const size = to[axis] as number
    const own = from[axis - to.length + from.length] ?? 1
    if (own !== 1) offset += (rest % size) * stride
    rest = Math.floor(rest / size)
    stride *= own
  }
  return offset
}

export function broadcastDims(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1
    return x === 1 ? (b[axis - rank + b.length] ?? 1) : x
  })
}

/** A function of the elements of several tensors that are broadcast together. */
export function broadcasting(f: (...x: number[]) => number): Reference {
  return (inputs) => {
    const given = inputs.filter((x) => x !== undefined)
    const dims = given.map((x) => x.dims).reduce<readonly number[]>(broadcastDims, [])
    const data = Float64Array.from({ length: sizeOf(dims) }, (_, k) =>
      f(...given.map((x) => x.data[broadcastIndex(k, x.dims, dims)] as number)),
    )
    return [{ dims, data }]
  }
}

/** A function of all elements along some axes. */
export function reducing(f: (x: number[]) => number): Reference {
  return ([x, given], node) => {
    const { dims, data } = x as Numbers
    const all = given === undefined || given.data.length === 0
    const unreduced = all && intOf(node, 'noop_with_empty_axes', 0) === 1
    const axes = unreduced
      ? []
      : all
        ? dims.map((_, i) => i)
        : [...given.data].map((axis) => (axis + dims.length) % dims.length)
    const kept = dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
    const groups = Array.from({ length: sizeOf(kept) }, () => [] as number[])
    data.forEach((value, k) => groups[broadcastIndex(k, kept, dims)]?.push(value))
    const keep = intOf(node, 'keepdims', 1) === 1
    return [{ dims: keep ? kept : dims.filter((_, axis) => !axes.includes(axis)), data: Float64Array.from(groups, f) }]
  }
}

const sum = (x: readonly number[]) => x.reduce((a, b) => a + b, 0)

/** Each element and those before it along an axis. */
const cumulativeSum: Reference = ([x, axisInput], node) => {
  const { dims, data } = x as Numbers
  const axis = (((axisInput as Numbers).data[0] as number) + dims.length) % dims.length
  const size = dims[axis] as number
  const stride = sizeOf(dims.slice(axis + 1))
  const exclusive = intOf(node, 'exclusive', 0)
  const reverse = intOf(node, 'reverse', 0) === 1
  const summed = data.map((_, k) => {
    const own = Math.floor(k / stride) % size
    let total = 0
    for (let i = 0; i < size; i++) {
      const before = reverse ? i - own : own - i
      if (before >= exclusive) total += data[k + (i - own) * stride] as number
    }
    return total
  })
  return [{ dims, data: summed }]
}

/** The k greatest (least) along an axis, and where they stand. */
const topK: Reference = ([x, count], node) => {
  const { dims, data } = x as Numbers
  const axis = (intOf(node, 'axis', -1) + dims.length) % dims.length
  const size = dims[axis] as number
  const stride = sizeOf(dims.slice(axis + 1))
  const k = (count as Numbers).data[0] as number
  const sign = intOf(node, 'largest', 1) === 1 ? -1 : 1
  const kept = dims.map((dim, i) => (i === axis ? k : dim))
  const at = (base: number, i: number) => data[base + i * stride] as number
  const indices = Float64Array.from({ length: sizeOf(kept) }, (_, place) => {
    const base = Math.floor(place / (k * stride)) * size * stride + (place % stride)
    const order = Array.from({ length: size }, (_, i) => i).sort((a, b) => sign * (at(base, a) - at(base, b)) || a - b)
    return order[Math.floor(place / stride) % k] as number
  })
  const values = indices.map((index, place) =>
    at(Math.floor(place / (k * stride)) * size * stride + (place % stride), index),
  )
  return [
    { dims: kept, data: values },
    { dims: kept, data: indices },
  ]
}

const half = (x: number) => Math.abs(x % 1) === 0.5

/** What gradients and checks are made of. */
export const basics: Readonly<Record<string, Reference>> = {
  Identity: elementwise((x) => x),
  Cast: elementwise((x) => x),
  CastLike: elementwise((x) => x),
  Neg: elementwise((x) => -x),
  Abs: elementwise(Math.abs),
  Sign: elementwise(Math.sign),
  Exp: elementwise(Math.exp),
  Log: elementwise(Math.log),
  Sqrt: elementwise(Math.sqrt),
  Reciprocal: elementwise((x) => 1 / x),
  Floor: elementwise(Math.floor),
  Ceil: elementwise(Math.ceil),
  // To the even one of two that are equally near.
  Round: elementwise((x) => (half(x) ? 2 * Math.round(x / 2) : Math.round(x))),
  Sin: elementwise(Math.sin),
  Cos: elementwise(Math.cos),
  Tan: elementwise(Math.tan),
  Asin: elementwise(Math.asin),
  Acos: elementwise(Math.acos),
  Atan: elementwise(Math.atan),
  Sinh: elementwise(Math.sinh),
  Cosh: elementwise(Math.cosh),
  Tanh: elementwise(Math.tanh),
  Asinh: elementwise(Math.asinh),
  Acosh: elementwise(Math.acosh),
  Atanh: elementwise(Math.atanh),
  Not: elementwise((x) => (x === 0 ? 1 : 0)),
  Add: broadcasting((a = 0, b = 0) => a + b),
  Sub: broadcasting((a = 0, b = 0) => a - b),
  Mul: broadcasting((a = 0, b = 0) => a * b),
  Div: broadcasting((a = 0, b = 0) => a / b),
  Pow: broadcasting((a = 0, b = 0) => a ** b),
  // As C's fmod: the sign of the dividend.
  Mod: broadcasting((a = 0, b = 0) => a % b),
  Sum: broadcasting((...x) => sum(x)),
  Mean: broadcasting((...x) => sum(x) / x.length),
  Max: broadcasting(Math.max),
  Min: broadcasting(Math.min),
  Greater: broadcasting((a = 0, b = 0) => Number(a > b)),
  GreaterOrEqual: broadcasting((a = 0, b = 0) => Number(a >= b)),
  Less: broadcasting((a = 0, b = 0) => Number(a < b)),
  LessOrEqual: broadcasting((a = 0, b = 0) => Number(a <= b)),
  Equal: broadcasting((a = 0, b = 0) => Number(a === b)),
  And: broadcasting((a = 0, b = 0) => a * b),
  Or: broadcasting((a = 0, b = 0) => Math.max(a, b)),
  Where: broadcasting((c = 0, a = 0, b = 0) => (c !== 0 ? a : b)),
  ReduceSum: reducing(sum),
  ReduceMean: reducing((x) => sum(x) / x.length),
  ReduceMax: reducing((x) => Math.max(...x)),
  ReduceMin: reducing((x) => Math.min(...x)),
  ReduceL1: reducing((x) => sum(x.map(Math.abs))),
  ReduceL2: reducing((x) => Math.hypot(...x)),
  ReduceSumSquare: reducing((x) => sum(x.map((value) => value * value))),
  ReduceProd: reducing((x) => x.reduce((a, b) => a * b, 1)),
  ReduceLogSum: reducing((x) => Math.log(sum(x))),
  ReduceLogSumExp: reducing((x) => Math.log(sum(x.map(Math.exp)))),
  CumSum: cumulativeSum,
  TopK: topK,
  Size: ([x]) => [{ dims: [], data: Float64Array.of((x as Numbers).data.length) }],
  Shape: ([x]) => [{ dims: [(x as Numbers).dims.length], data: Float64Array.from((x as Numbers).dims) }],
}
