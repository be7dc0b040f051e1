import { sizeOf } from '../../src/graph/tensor.js'
import { float } from '../ops/network.js'
import { type GraphBuilder, Inapplicable, type Picks, type Value } from './graph-builder.js'
import { weight } from './random-weights.js'

/** Grows a graph from a value; may add several values, the last of which is what came of this one. */
export type Step = (b: GraphBuilder, x: Value, p: Picks) => unknown

export function demand(condition: boolean): asserts condition {
  if (!condition) throw new Inapplicable()
}

function optionalBias(b: GraphBuilder, p: Picks, size: number): string[] {
  return p.oneIn(3) ? [] : [weight(b, p, [size], 4)]
}

/** A convolution with these sizes, without a stride unless told otherwise. */
export function convolve(
  b: GraphBuilder,
  p: Picks,
  x: Value,
  out: number,
  kernel: number,
  group = 1,
  stride = 1,
): Value {
  const [batch, channels, ...space] = x.shape as [number, number, ...number[]]
  demand(space.length > 0 && channels % group === 0 && out % group === 0)
  const pad = kernel === 1 ? 0 : 1
  demand(space.every((size) => size + 2 * pad >= kernel && size + 2 * pad - kernel >= 0))
  const kernels = space.map(() => kernel)
  const w = weight(b, p, [out, channels / group, ...kernels], (channels / group) * sizeOf(kernels))
  const shape = space.map((size) => Math.floor((size + 2 * pad - kernel) / stride) + 1)
  const attributes = {
    ...(group !== 1 && { group }),
    ...(pad !== 0 && { pads: space.flatMap(() => [pad, pad]) }),
    ...(stride !== 1 && { strides: space.map(() => stride) }),
  }
  return b.value(b.op('Conv', [x, w, ...optionalBias(b, p, out)], attributes), [batch, out, ...shape])
}

const conv: Step = (b, x, p) => {
  const channels = x.shape[1] ?? 0
  const group = p.of([1, 1, 1, ...[2, 3].filter((g) => channels % g === 0)])
  convolve(b, p, x, group * (1 + p.below(Math.max(1, Math.floor(8 / group)))), p.of([1, 3]), group, p.of([1, 1, 2]))
}

const depthwise: Step = (b, x, p) => {
  const channels = x.shape[1] ?? 0
  convolve(b, p, x, channels * p.of([1, 1, 2]), p.of([3, 1]), channels)
}

const convTranspose: Step = (b, x, p) => {
  const [batch, channels, ...space] = x.shape as [number, number, ...number[]]
  demand(space.length > 0)
  const [kernel, stride, pad] = p.of([
    [2, 2, 0],
    [3, 1, 1],
    [1, 1, 0],
  ] as const)
  const group = channels % 2 === 0 ? p.of([1, 1, 2]) : 1
  const out = group * (1 + p.below(4))
  const kernels = space.map(() => kernel)
  const w = weight(b, p, [channels, out / group, ...kernels], (channels / group) * (kernel === 3 ? 9 : 1))
  const shape = space.map((size) => (size - 1) * stride + kernel - 2 * pad)
  demand(shape.every((size) => size <= 10))
  const attributes = {
    ...(group !== 1 && { group }),
    strides: space.map(() => stride),
    pads: space.flatMap(() => [pad, pad]),
  }
  b.value(b.op('ConvTranspose', [x, w, ...optionalBias(b, p, out)], attributes), [batch, out, ...shape])
}

/** All that Gemm can be told. */
export function gemm(b: GraphBuilder, p: Picks, x: Value, out: number): Value {
  demand(x.shape.length === 2)
  const [rows, width] = x.shape as [number, number]
  const fixed = !b.options.symbolic
  const dims = p.of([
    [out],
    [1, out],
    [],
    [1],
    ...(fixed
      ? [
          [rows, 1],
          [rows, out],
        ]
      : []),
    undefined,
  ])
  const transB = p.below(2)
  const transA = p.oneIn(6) ? 1 : 0
  const input = transA === 1 ? b.op('Transpose', [x], { perm: [1, 0] }) : x
  const alpha = p.of([1, 1, 0.5])
  const beta = p.of([1, 1, 0.25, 2])
  const c = dims === undefined ? [] : [weight(b, p, dims, 4)]
  const w = weight(b, p, transB === 1 ? [out, width] : [width, out], width)
  const attributes = { transA, transB, alpha: float(alpha), beta: float(beta) }
  return b.value(b.op('Gemm', [input, w, ...c], attributes), [rows, out])
}

/** A linear layer over the last axis, as exporters spell it for more than two axes. */
export function project(b: GraphBuilder, p: Picks, x: Value, out: number): Value {
  const width = x.shape.at(-1) ?? 0
  demand(x.shape.length >= 2 && width > 0)
  const shape = [...x.shape.slice(0, -1), out]
  const product = b.op('MatMul', [x, weight(b, p, [width, out], width)])
  if (p.oneIn(3)) return b.value(product, shape)
  const bias = weight(b, p, [out], 4)
  return b.value(b.op('Add', p.oneIn(2) ? [bias, product] : [product, bias]), shape)
}

const matmulLeft: Step = (b, x, p) => {
  const rank = x.shape.length
  const width = x.shape.at(-2) ?? 0
  demand(rank >= (b.options.symbolic ? 3 : 2))
  const out = 2 + p.below(5)
  const shape = [...x.shape.slice(0, -2), out, x.shape.at(-1) ?? 0]
  b.value(b.op('MatMul', [weight(b, p, [out, width], width), x]), shape)
}

const matmulBatched: Step = (b, x, p) => {
  const rank = x.shape.length
  demand(rank >= 3)
  const width = x.shape.at(-1) ?? 0
  const out = 2 + p.below(5)
  // One matrix for each position of the axes before the last two, as far as they are known.
  const own = x.shape.slice(0, -2).map((dim, axis) => (axis === 0 && b.options.symbolic ? 1 : p.of([dim, 1])))
  b.value(b.op('MatMul', [x, weight(b, p, [...own, width, out], width)]), [...x.shape.slice(0, -1), out])
}

const matmulVector: Step = (b, x, p) => {
  demand(x.shape.length >= 3)
  const width = x.shape.at(-1) ?? 0
  b.value(b.op('MatMul', [x, weight(b, p, [width], width)]), x.shape.slice(0, -1))
}

const einsum: Step = (b, x, p) => {
  demand(b.since(12) && x.shape.length === 3)
  const width = x.shape[2] ?? 0
  const w = weight(b, p, [width, 4], width)
  const equation: { type: 'string'; value: string } = { type: 'string', value: 'bij,jk->bik' }
  b.value(b.op('Einsum', [x, w], { equation }), [...x.shape.slice(0, -1), 4])
}

const recurrent: Step = (b, x, p) => {
  demand(x.shape.length === 3)
  const [steps, batch, width] = x.shape as [number, number, number]
  const [opType, gates] = p.of([
    ['LSTM', 4],
    ['GRU', 3],
    ['RNN', 1],
  ] as const)
  const hidden = 3
  const w = weight(b, p, [1, gates * hidden, width], width)
  const r = weight(b, p, [1, gates * hidden, hidden], hidden)
  const y = b.op(opType, [x, w, r, b.random([1, 2 * gates * hidden], 0.3)], { hidden_size: hidden })
  b.value(b.axes('Squeeze', y, [1], 13), [steps, batch, hidden])
}

/** γ and β along axis 1. */
function affine(b: GraphBuilder, p: Picks, size: number): [string, string] {
  return [weight(b, p, [size], 8, 1), weight(b, p, [size], 8)]
}

const batchNormalization: Step = (b, x, p) => {
  demand(x.shape.length >= 2)
  const channels = x.shape[1] ?? 0
  const variance = b.constant(
    [channels],
    b.drawn(channels, 0.2, 1).map((value) => Math.abs(value) + 0.1),
  )
  const inputs = [...affine(b, p, channels), weight(b, p, [channels], 8), variance]
  b.same('BatchNormalization', x, inputs, p.oneIn(2) ? { epsilon: float(1e-3) } : {})
}

const layerNormalization: Step = (b, x, p) => {
  demand(b.since(17) && x.shape.length >= 2)
  const axis = p.of([-1, -1, ...(x.shape.length > 2 ? [-2, 1] : [])])
  const dims = axis < 0 ? x.shape.slice(axis) : x.shape.slice(1)
  demand(sizeOf(dims) > 1)
  const [gamma, beta] = [weight(b, p, dims, 8, 1), weight(b, p, dims, 8)]
  b.same('LayerNormalization', x, p.oneIn(3) ? [gamma] : [gamma, beta], { axis })
}

const instanceNormalization: Step = (b, x, p) => {
  demand(x.shape.length >= 3 && sizeOf(x.shape.slice(2)) > 1)
  b.same('InstanceNormalization', x, affine(b, p, x.shape[1] ?? 0))
}

const groupNormalization: Step = (b, x, p) => {
  const channels = x.shape[1] ?? 0
  demand(b.since(21) && x.shape.length >= 3 && channels % 2 === 0)
  b.same('GroupNormalization', x, affine(b, p, channels), { num_groups: p.of([2, 1]) })
}

const rmsNormalization: Step = (b, x, p) => {
  demand(b.since(23) && x.shape.length >= 2)
  b.same('RMSNormalization', x, [weight(b, p, x.shape.slice(-1), 8, 1)])
}

const otherNormalization: Step = (b, x, p) => {
  const rank = x.shape.length
  switch (p.of(['LpNormalization', 'Softmax', 'LogSoftmax', 'MeanVarianceNormalization', 'LRN'])) {
    case 'LpNormalization':
      demand((x.shape.at(-1) ?? 0) > 1)
      return b.same('LpNormalization', x, [], { axis: -1, p: p.of([2, 1]) })
    case 'Softmax':
      return b.same('Softmax', x, [], { axis: rank - 1 })
    case 'LogSoftmax':
      return b.same('LogSoftmax', x, [], { axis: rank - 1 })
    case 'MeanVarianceNormalization':
      demand(rank === 4 && sizeOf(x.shape.slice(2)) > 1)
      return b.same('MeanVarianceNormalization', x)
    default:
      demand(rank === 4)
      return b.same('LRN', x, [], { size: 3 })
  }
}

export const LAYERS: Readonly<Record<string, Step>> = {
  conv,
  depthwise,
  convTranspose,
  gemm: (b, x, p) => gemm(b, p, x, 3 + p.below(5)),
  project: (b, x, p) => project(b, p, x, 3 + p.below(5)),
  matmulLeft,
  matmulBatched,
  matmulVector,
  einsum,
  recurrent,
  batchNormalization,
  layerNormalization,
  instanceNormalization,
  groupNormalization,
  rmsNormalization,
  otherNormalization,
}

/** A layer whose output has the input's shape: the other branch of a residual connection. */
export function alike(b: GraphBuilder, p: Picks, x: Value): Value {
  const { length } = x.shape
  demand(length >= 2)
  const channels = x.shape[1] ?? 0
  if (length >= 3 && p.oneIn(2)) return convolve(b, p, x, channels, p.of([1, 3]), p.of([1, channels]))
  if (length === 2 && p.oneIn(2)) return gemm(b, p, x, channels)
  return project(b, p, x, x.shape.at(-1) ?? 0)
}
