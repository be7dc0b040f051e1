import { floatOf, intOf, intsOf } from '../../../src/graph/attributes.js'
import { sizeOf } from '../../../src/graph/tensor.js'
import { attention } from './attention.js'
import { broadcastDims, broadcasting } from './basics.js'
import { einsum } from './einsum.js'
import type { Numbers, Reference } from './evaluate.js'
import { pooling } from './pooling.js'

const add = broadcasting((a = 0, b = 0) => a + b)
const multiply = broadcasting((a = 0, b = 0) => a * b)

/** The first output of an operator of these inputs. */
function apply(operator: Reference, ...inputs: (Numbers | undefined)[]): Numbers {
  return operator(inputs, PLAIN)[0] as Numbers
}
const PLAIN = { name: '', opType: '', domain: '', inputs: [], outputs: [], attributes: new Map() }

function transposed({ dims, data }: Numbers): Numbers {
  const [rows = 1, columns = 1] = dims
  return {
    dims: [columns, rows],
    data: Float64Array.from(data, (_, k) => data[(k % rows) * columns + Math.floor(k / rows)] as number),
  }
}

const matMul: Reference = ([x, y]) => {
  const [left, right] = [x as Numbers, y as Numbers]
  const a = left.dims.length === 1 ? [1, ...left.dims] : left.dims
  const b = right.dims.length === 1 ? [...right.dims, 1] : right.dims
  const [m = 1, k = 1] = a.slice(-2)
  const n = b.at(-1) as number
  const batch = broadcastDims(a.slice(0, -2), b.slice(0, -2))
  // Which matrix of a stack belongs to each of the result: a stack of numbers that count, broadcast.
  const which = (dims: readonly number[]) => {
    const own = dims.slice(0, -2)
    const counted = { dims: own, data: Float64Array.from({ length: sizeOf(own) }, (_, i) => i) }
    return apply(add, counted, { dims: batch, data: new Float64Array(sizeOf(batch)) }).data
  }
  const [ofA, ofB] = [which(a), which(b)]
  const data = new Float64Array(sizeOf(batch) * m * n).map((_, at) => {
    const [stack, row, column] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n]
    const [offsetA, offsetB] = [((ofA[stack] as number) * m + row) * k, (ofB[stack] as number) * k * n + column]
    let sum = 0
    for (let i = 0; i < k; i++) sum += (left.data[offsetA + i] as number) * (right.data[offsetB + i * n] as number)
    return sum
  })
  const dims = [...batch, ...(left.dims.length === 1 ? [] : [m]), ...(right.dims.length === 1 ? [] : [n])]
  return [{ dims, data }]
}

const gemm: Reference = ([a, b, c], node) => {
  const matrix = (x: Numbers, name: string) => (intOf(node, name, 0) === 0 ? x : transposed(x))
  const scalar = (name: string): Numbers => ({ dims: [], data: Float64Array.of(floatOf(node, name, 1)) })
  const product = apply(matMul, matrix(a as Numbers, 'transA'), matrix(b as Numbers, 'transB'))
  const scaled = apply(multiply, product, scalar('alpha'))
  return [c === undefined ? scaled : apply(add, scaled, apply(multiply, c, scalar('beta')))]
}

const square = (x: number) => x * x
const mean = (x: readonly number[]) => x.reduce((a, b) => a + b, 0) / x.length

/** What is done to a list of numbers that are normalised together. */
type Normalise = (x: readonly number[]) => { y: readonly number[]; mean: number; inverse: number }

const standardise =
  (epsilon: number): Normalise =>
  (x) => {
    const average = mean(x)
    const inverse = 1 / Math.sqrt(mean(x.map((v) => square(v - average))) + epsilon)
    return { y: x.map((v) => (v - average) * inverse), mean: average, inverse }
  }

/** Elements with the same key are normalised together; the keys count from 0. */
function grouped(x: Numbers, key: (k: number) => number, normalise: Normalise) {
  const members: number[][] = []
  x.data.forEach((_, k) => (members[key(k)] ??= []).push(k))
  const data = new Float64Array(x.data.length)
  const statistics = members.map((places) => {
    const found = normalise(places.map((k) => x.data[k] as number))
    places.forEach((k, i) => (data[k] = found.y[i] as number))
    return found
  })
  return { y: { dims: x.dims, data }, statistics }
}

/** A list with one number for each channel (or group of channels), as it is broadcast against [batch, channels, …]. */
function byChannel(list: Numbers | undefined, { dims }: Numbers): Numbers {
  const { data } = list as Numbers
  const channels = dims[1] as number
  const each = channels / data.length
  const spread = Float64Array.from({ length: channels }, (_, c) => data[Math.floor(c / each)] as number)
  return { dims: [channels, ...dims.slice(2).map(() => 1)], data: spread }
}

/** How many elements there are from this axis on. */
const inner = ({ dims }: Numbers, axis: number) => sizeOf(dims.slice(axis))

const affine = (y: Numbers, gamma: Numbers, beta: Numbers | undefined) => {
  const scaled = apply(multiply, y, gamma)
  return beta === undefined ? scaled : apply(add, scaled, beta)
}

const batchNormalization: Reference = (inputs, node) => {
  const [x, gamma, beta, average, variance] = inputs as Numbers[]
  const epsilon = floatOf(node, 'epsilon', 1e-5)
  const position = inner(x as Numbers, 2)
  const channels = (x as Numbers).dims[1] as number
  const channel = (k: number) => Math.floor(k / position) % channels
  const given = (c: number): Normalise => {
    const [m, v] = [(average as Numbers).data[c] as number, (variance as Numbers).data[c] as number]
    const inverse = 1 / Math.sqrt(v + epsilon)
    return (values) => ({ y: values.map((value) => (value - m) * inverse), mean: m, inverse })
  }
  const training = intOf(node, 'training_mode', 0) !== 0
  let c = 0
  const { y } = grouped(x as Numbers, channel, (values) =>
    training ? standardise(epsilon)(values) : given(c++)(values),
  )
  return [affine(y, byChannel(gamma, x as Numbers), byChannel(beta, x as Numbers))]
}

const layerNormalization: Reference = ([x, gamma, beta], node) => {
  const { dims } = x as Numbers
  const axis = (intOf(node, 'axis', -1) + dims.length) % dims.length
  const size = inner(x as Numbers, axis)
  const normalise = standardise(floatOf(node, 'epsilon', 1e-5))
  const { y, statistics } = grouped(x as Numbers, (k) => Math.floor(k / size), normalise)
  const kept = dims.map((dim, i) => (i < axis ? dim : 1))
  return [
    affine(y, gamma as Numbers, beta),
    { dims: kept, data: Float64Array.from(statistics, (s) => s.mean) },
    { dims: kept, data: Float64Array.from(statistics, (s) => s.inverse) },
  ]
}

const rmsNormalization: Reference = ([x, gamma], node) => {
  const { dims } = x as Numbers
  const size = inner(x as Numbers, (intOf(node, 'axis', -1) + dims.length) % dims.length)
  const epsilon = floatOf(node, 'epsilon', 1e-5)
  const { y } = grouped(
    x as Numbers,
    (k) => Math.floor(k / size),
    (values) => {
      const inverse = 1 / Math.sqrt(mean(values.map(square)) + epsilon)
      return { y: values.map((v) => v * inverse), mean: 0, inverse }
    },
  )
  return [apply(multiply, y, gamma)]
}

/** Channels are normalised in groups: each alone (instance), or `groups` of them. */
function channelGroups(x: Numbers, groups: number, epsilon: number): Numbers {
  const size = inner(x, 1) / groups
  return grouped(x, (k) => Math.floor(k / size), standardise(epsilon)).y
}

const lpNormalization: Reference = ([x], node) => {
  const { dims } = x as Numbers
  const axis = (intOf(node, 'axis', -1) + dims.length) % dims.length
  const [whole, step] = [inner(x as Numbers, axis), inner(x as Numbers, axis + 1)]
  const p = intOf(node, 'p', 2)
  const { y } = grouped(
    x as Numbers,
    (k) => Math.floor(k / whole) * step + (k % step),
    (values) => {
      const norm = values.reduce((sum, v) => sum + Math.abs(v) ** p, 0) ** (1 / p)
      return { y: values.map((v) => (norm === 0 ? 0 : v / norm)), mean: 0, inverse: 0 }
    },
  )
  return [y]
}

const lrn: Reference = ([x], node) => {
  const { dims, data } = x as Numbers
  const size = intOf(node, 'size', 1)
  const [alpha, beta, bias] = [floatOf(node, 'alpha', 1e-4), floatOf(node, 'beta', 0.75), floatOf(node, 'bias', 1)]
  const position = inner(x as Numbers, 2)
  const channels = dims[1] as number
  const y = data.map((value, k) => {
    const c = Math.floor(k / position) % channels
    let sum = 0
    for (let other = c - Math.floor((size - 1) / 2); other <= c + Math.ceil((size - 1) / 2); other++)
      if (other >= 0 && other < channels) sum += square(data[k + (other - c) * position] as number)
    return value / (bias + (alpha / size) * sum) ** beta
  })
  return [{ dims, data: y }]
}

const meanVarianceNormalization: Reference = ([x], node) => {
  const { dims } = x as Numbers
  const axes = (intsOf(node, 'axes') ?? [0, 2, 3]).map((axis) => (axis + dims.length) % dims.length)
  const key = (k: number) =>
    dims.reduce(
      (at, dim, axis) => (axes.includes(axis) ? at : at * dim + (Math.floor(k / inner(x as Numbers, axis + 1)) % dim)),
      0,
    )
  const { y } = grouped(x as Numbers, key, (values) => {
    const average = mean(values)
    const deviation = Math.sqrt(mean(values.map((v) => square(v - average))))
    return { y: values.map((v) => (v - average) / (deviation + 1e-9)), mean: average, inverse: 1 / deviation }
  })
  return [y]
}

export const layers: Readonly<Record<string, Reference>> = {
  ...pooling,
  MatMul: matMul,
  Gemm: gemm,
  Einsum: einsum,
  Attention: attention,
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  InstanceNormalization: ([x, gamma, beta], node) => {
    const input = x as Numbers
    const y = channelGroups(input, input.dims[1] as number, floatOf(node, 'epsilon', 1e-5))
    return [affine(y, byChannel(gamma, input), byChannel(beta, input))]
  },
  GroupNormalization: ([x, gamma, beta], node) => {
    const input = x as Numbers
    const y = channelGroups(input, intOf(node, 'num_groups', 1), floatOf(node, 'epsilon', 1e-5))
    return [affine(y, byChannel(gamma, input), byChannel(beta, input))]
  },
  LpNormalization: lpNormalization,
  LRN: lrn,
  MeanVarianceNormalization: meanVarianceNormalization,
}
