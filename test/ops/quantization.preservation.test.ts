import { type Case, cases } from './chains.js'
import type { Network } from './network.js'

/** Quantised and back, as exporters write it around every layer. */
function passed(net: Network, x: string, scale = [0.02], axis?: number): string {
  const dims = scale.length === 1 ? [] : [scale.length]
  const step = net.constant(dims, scale)
  const zero = net.constant(
    dims,
    scale.map(() => 3),
    'int8',
  )
  const attributes = axis === undefined ? {} : { axis }
  return net.op('DequantizeLinear', [net.op('QuantizeLinear', [x, step, zero], attributes), step, zero], attributes)
}

/** int8 weights behind a DequantizeLinear, with one scale or one for each output channel. */
function weight(net: Network, dims: readonly number[], axis?: number): string {
  const size = dims.reduce((product, dim) => product * dim, 1)
  const values = Array.from({ length: size }, (_, i) => ((i * 37) % 201) - 100)
  const scales = axis === undefined ? [] : [dims[axis] as number]
  const step = net.constant(
    scales,
    Array.from({ length: scales[0] ?? 1 }, (_, i) => 0.01 + 0.002 * i),
  )
  return net.op('DequantizeLinear', [net.constant(dims, values, 'int8'), step], axis === undefined ? {} : { axis })
}

const chain = (title: string, axis: number | undefined, groups: number, domains: readonly string[]): Case => ({
  title,
  opset: 13,
  build: (net) => {
    const x = passed(net, net.input([2, 3, 5, 5]))
    const hidden = net.op('Conv', [x, weight(net, [4, 3, 1, 1], axis), net.weight([4])])
    const middle = net.op('Conv', [passed(net, net.op('Relu', [hidden])), weight(net, [4, 4 / groups, 3, 3], axis)], {
      group: groups,
    })
    return net.op('Conv', [passed(net, net.op('Relu', [middle])), weight(net, [2, 4, 1, 1], axis)])
  },
  weights: domains,
  full: ['Conv positive', 'Conv positive', 'Conv output'],
})

cases('quantised networks', [
  chain('one scale for each weight', undefined, 1, ['Conv positive', 'Conv positive', 'Conv output']),
  chain('one scale for each output channel', 0, 1, ['Conv positive', 'Conv positive', 'Conv output']),
  chain('one scale for each channel, depthwise', 0, 4, ['Conv positive', 'Conv positive', 'Conv output']),
  {
    title: 'one scale for each channel of an activation',
    opset: 13,
    build: (net) => {
      const hidden = net.op('Conv', [net.input([2, 3, 5, 5]), net.weight([4, 3, 1, 1])])
      return net.op('Conv', [passed(net, hidden, [0.02, 0.03, 0.01, 0.025], 1), net.weight([2, 4, 1, 1])])
    },
    weights: ['Conv positive', 'Conv output'],
    full: ['Conv free', 'Conv output'],
  },
  {
    title: 'integers between, pooled and reshaped',
    opset: 13,
    build: (net) => {
      const hidden = net.op('Conv', [net.input([2, 3, 4, 4]), net.weight([4, 3, 1, 1])])
      const step = net.constant([], [0.02])
      const zero = net.constant([], [0], 'int8')
      const integers = net.op('QuantizeLinear', [hidden, step, zero])
      const pooled = net.op('MaxPool', [integers], { kernel_shape: [2, 2], strides: [2, 2] })
      const flat = net.op('Reshape', [pooled, net.constant([2], [2, 16], 'int64')])
      return net.op('Gemm', [net.op('DequantizeLinear', [flat, step, zero]), net.weight([16, 3])])
    },
    weights: ['Conv positive', 'Gemm output'],
    full: ['Conv free', 'Gemm output'],
  },
  {
    title: 'scales that are computed at run time',
    opset: 13,
    build: (net) => {
      const x = net.input([2, 5])
      const hidden = net.op('Gemm', [x, net.weight([5, 6])])
      const [integers, step, zero] = net.node('DynamicQuantizeLinear', [hidden], {}, 3) as [string, string, string]
      const product = net.op('MatMulInteger', [
        integers,
        net.constant(
          [6, 3],
          Array.from({ length: 18 }, (_, i) => ((i * 7) % 11) - 5),
          'int8',
        ),
        zero,
      ])
      const floats = net.op('Mul', [
        net.op('Cast', [product], { to: 1 }),
        net.op('Mul', [step, net.constant([1], [0.1])]),
      ])
      return floats
    },
    weights: ['Gemm pinned', 'MatMulInteger pinned'],
  },
  {
    title: 'layers of integers',
    opset: 13,
    build: (net) => {
      const hidden = net.op('Conv', [net.input([2, 3, 5, 5]), net.weight([4, 3, 1, 1])])
      const step = net.constant([], [0.02])
      const zero = net.constant([], [2], 'int8')
      const weights = net.constant(
        [2, 4, 3, 3],
        Array.from({ length: 72 }, (_, i) => ((i * 7) % 41) - 20),
        'int8',
      )
      const integers = net.op('QuantizeLinear', [hidden, step, zero])
      const large = net.constant([], [0.1])
      const product = net.op('QLinearConv', [integers, step, zero, weights, step, zero, large, zero], {
        pads: [1, 0, 1, 0],
        strides: [2, 1],
      })
      return net.op('DequantizeLinear', [product, large, zero])
    },
    weights: ['Conv pinned', 'QLinearConv pinned'],
    full: ['Conv free', 'QLinearConv pinned'],
  },
  {
    title: 'sums of integers',
    opset: 13,
    build: (net) => {
      const hidden = net.op('Conv', [net.input([2, 3, 5, 5]), net.weight([4, 3, 1, 1])])
      const zero = net.constant([], [2], 'uint8')
      const weights = net.constant(
        [2, 4, 3, 3],
        Array.from({ length: 72 }, (_, i) => (i * 7) % 41),
        'uint8',
      )
      const integers = net.op('QuantizeLinear', [hidden, net.constant([], [0.02]), zero])
      const sums = net.op('ConvInteger', [integers, weights, zero, zero], { dilations: [2, 1] })
      return net.op('Mul', [net.op('Cast', [sums], { to: 1 }), net.constant([2, 1, 1], [0.1, 0.2])])
    },
    weights: ['Conv pinned', 'ConvInteger pinned', 'Mul output'],
    full: ['Conv free', 'ConvInteger pinned', 'Mul output'],
  },
])
