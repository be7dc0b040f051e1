import { sizeOf } from '../../../src/graph/tensor.js'
import { intOf } from '../../../src/graph/attributes.js'
import type { Numbers, Reference } from './evaluate.js'

/** A function of each element alone. */
export function elementwise(f: (x: number) => number): Reference {
  return ([x]) => [{ dims: (x as Numbers).dims, data: (x as Numbers).data.map(f) }]
}

/** The index into a tensor of `from` that belongs to element k of a tensor of `to`, by numpy's broadcasting. */
function broadcastIndex(k: number, from: readonly number[], to: readonly number[]): number {
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
    const axes =
      given === undefined ? dims.map((_, i) => i) : [...given.data].map((a) => (a + dims.length) % dims.length)
    const kept = dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
    const groups = Array.from({ length: sizeOf(kept) }, () => [] as number[])
    data.forEach((value, k) => groups[broadcastIndex(k, kept, dims)]?.push(value))
    const keep = intOf(node, 'keepdims', 1) === 1
    return [{ dims: keep ? kept : dims.filter((_, axis) => !axes.includes(axis)), data: Float64Array.from(groups, f) }]
  }
}

const sum = (x: number[]) => x.reduce((a, b) => a + b, 0)

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
  Not: elementwise((x) => (x === 0 ? 1 : 0)),
  Add: broadcasting((a = 0, b = 0) => a + b),
  Sub: broadcasting((a = 0, b = 0) => a - b),
  Mul: broadcasting((a = 0, b = 0) => a * b),
  Div: broadcasting((a = 0, b = 0) => a / b),
  Pow: broadcasting((a = 0, b = 0) => a ** b),
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
}
