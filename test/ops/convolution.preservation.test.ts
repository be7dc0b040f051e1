import { type Case, cases, convolved } from './chains.js'
import { Network } from './network.js'

type Attributes = Readonly<Record<string, number | string | readonly number[]>>

const conv = (title: string, spatial: readonly number[], kernel: readonly number[], attributes: Attributes): Case => ({
  title,
  build: (net) => {
    const x = net.input([2, 3, ...spatial])
    const hidden = net.op('Conv', [x, net.weight([4, 3, ...kernel]), net.weight([4])], attributes)
    return net.op('Conv', [hidden, net.weight([2, 4, ...kernel.map(() => 1)])])
  },
  weights: ['Conv free', 'Conv output'],
})

/** Channels before → grouped convolution of `groups` → layer: every side of the grouped weight moves. */
const grouped = (op: 'Conv' | 'ConvTranspose', groups: number, inputs: number, outputs: number): Case => ({
  title: `${op} in ${groups} groups, ${inputs} to ${outputs} channels`,
  build: (net) => {
    const before = net.op('Conv', [net.input([2, 3, 5, 5]), net.weight([inputs, 3, 1, 1]), net.weight([inputs])])
    const dims = op === 'Conv' ? [outputs, inputs / groups, 3, 3] : [inputs, outputs / groups, 3, 3]
    const hidden = net.op(op, [before, net.weight(dims), net.weight([outputs])], { group: groups })
    return net.op('Conv', [hidden, net.weight([2, outputs, 1, 1])])
  },
  weights: ['Conv free', `${op} free`, 'Conv output'],
})

const transposed = (title: string, attributes: Attributes, bias = true): Case => ({
  title,
  build: (net) => {
    const x = net.input([2, 3, 4, 5])
    const before = net.op('Conv', [x, net.weight([4, 3, 1, 1])])
    const inputs = [before, net.weight([4, 5, 3, 2]), ...(bias ? [net.weight([5])] : [])]
    return convolved(net, net.op('ConvTranspose', inputs, attributes), 5)
  },
  weights: ['Conv free', 'ConvTranspose free', 'Conv output'],
})

cases('Conv', [
  conv('along one axis', [9], [3], { pads: [1, 2], strides: [2] }),
  conv('with dilations', [8, 9], [3, 2], { dilations: [2, 3], pads: [1, 0, 2, 1] }),
  conv('over three axes', [4, 5, 6], [2, 3, 1], { strides: [1, 2, 3] }),
  conv('with the same size, upper', [7, 8], [3, 4], { auto_pad: 'SAME_UPPER', strides: [2, 3] }),
  conv('with the same size, lower', [7, 8], [3, 4], { auto_pad: 'SAME_LOWER', strides: [1, 2] }),
  conv('with valid positions only', [7, 8], [3, 4], { auto_pad: 'VALID', strides: [2, 1] }),
  grouped('Conv', 4, 4, 4),
  grouped('Conv', 4, 4, 8),
  grouped('Conv', 2, 4, 6),
  grouped('Conv', 2, 6, 2),
  {
    title: 'with a weight that is computed',
    build: (net) => {
      const x = net.input([2, 3, 5, 5])
      const hidden = net.op('Conv', [x, net.weight([4, 3, 1, 1])])
      const weight = net.op('MatMul', [net.input([2, 4, 2, 5]), net.weight([5, 2])])
      return convolved(net, net.op('Conv', [hidden, weight, net.weight([2])]), 2)
    },
    // One τ for all channels before it, times one for the whole weight: what follows absorbs the product.
    weights: ['Conv free', 'MatMul free', 'Conv output'],
  },
  {
    title: 'with one weight for two uses that disagree',
    build: (net) => {
      const weight = net.weight([3, 3, 1, 1])
      const once = net.op('Conv', [net.input([2, 3, 5, 5]), weight])
      return convolved(net, net.op('Conv', [once, weight]), 3)
    },
    weights: ['Conv free', 'Conv free', 'Conv output'],
  },
])

cases('ConvTranspose', [
  transposed('without attributes', {}),
  transposed('without a bias', { strides: [2, 3] }, false),
  transposed('with strides, pads and output padding', { strides: [2, 3], pads: [1, 0, 0, 1], output_padding: [1, 2] }),
  transposed('with dilations', { dilations: [2, 3] }),
  transposed('of a given size', { strides: [2, 2], output_shape: [9, 10] }),
  transposed('with the same size', { strides: [2, 2], auto_pad: 'SAME_UPPER' }),
  {
    title: 'along one axis',
    build: (net) => {
      const before = net.op('Conv', [net.input([2, 3, 6]), net.weight([4, 3, 1])])
      const hidden = net.op('ConvTranspose', [before, net.weight([4, 2, 3])], { strides: [2] })
      return net.op('Conv', [hidden, net.weight([2, 2, 1])])
    },
    weights: ['Conv free', 'ConvTranspose free', 'Conv output'],
  },
  grouped('ConvTranspose', 4, 4, 4),
  grouped('ConvTranspose', 4, 4, 8),
  grouped('ConvTranspose', 2, 4, 6),
])

cases('DeformConv', [
  {
    title: 'is pinned',
    opset: 19,
    build: (net: Network) => {
      const hidden = net.op('Conv', [net.input([1, 3, 5, 5]), net.weight([4, 3, 1, 1])])
      const offset = net.input([1, 18, 3, 3])
      return convolved(net, net.op('DeformConv', [hidden, net.weight([4, 4, 3, 3]), offset]))
    },
    weights: ['Conv pinned', 'Conv output'],
  },
])
