import { cases, convolved, dense, features, image, projected, sequence } from './chains.js'
import type { Network } from './network.js'

const free = ['Gemm free', 'Gemm output']
const two = ['Gemm free', 'Gemm free', 'Gemm output']
const twoPositive = ['Gemm positive', 'Gemm positive', 'Gemm output']

/** [2, 6] of a layer that is computed before and one after. */
const pair = (net: Network): [string, string] => [features(net), features(net)]

cases('linear merges', [
  ...['Add', 'Sub', 'Sum', 'Mean'].flatMap((op) => [
    {
      title: `${op} of two layers`,
      build: (net: Network) => dense(net, net.op(op, pair(net))),
      weights: two,
    },
    {
      title: `${op} with the later first`,
      build: (net: Network) => dense(net, net.op(op, pair(net).reverse())),
      weights: two,
    },
    {
      title: `${op} of a value with itself and a constant`,
      build: (net: Network) => {
        const x = features(net)
        const twice = net.op(op, [x, net.op('Mul', [x, net.constant([], [3])])])
        return dense(net, net.op(op, [net.weight([6]), twice]))
      },
      weights: free,
    },
    ...[[], [1], [1, 1], [6], [1, 6], [2, 6], [2, 1], [1, 1, 6], [3, 2, 6], [3, 1, 1]].map((shape) => ({
      title: `${op} with a constant of shape [${shape.join(', ')}]`,
      build: (net: Network) => net.op('MatMul', [net.op(op, [features(net), net.weight(shape)]), net.weight([6, 3])]),
      weights: ['Gemm free', 'MatMul output'],
    })),
  ]),
  {
    title: 'Sum of three, with a constant among them',
    build: (net) => dense(net, net.op('Sum', [features(net), net.weight([6]), features(net)])),
    weights: two,
  },
  {
    title: 'Sum of one',
    build: (net) => dense(net, net.op('Sum', [features(net)])),
    weights: free,
  },
  {
    title: 'Sub from a constant',
    build: (net) => dense(net, net.op('Sub', [net.constant([], [1]), features(net)])),
    weights: free,
  },
  {
    title: 'Add of an input of the network',
    build: (net) => dense(net, net.op('Add', [features(net), net.input([2, 6])])),
    weights: ['Gemm pinned', 'Gemm output'],
    full: free,
  },
  {
    title: 'Add that broadcasts over the channels',
    build: (net) => {
      const x = image(net)
      const place = net.op('Conv', [x, net.weight([1, 4, 1, 1])])
      return convolved(net, net.op('Add', [x, place]))
    },
    // One scale for all: the single channel's meets every other.
    weights: ['Conv free', 'Conv free', 'Conv output'],
  },
  {
    title: 'Add that broadcasts over the channels, the broadcast one first',
    build: (net) => {
      const place = net.op('Conv', [net.input([2, 3, 4, 4]), net.weight([1, 3, 1, 1])])
      return convolved(net, net.op('Add', [image(net), place]))
    },
    weights: ['Conv free', 'Conv free', 'Conv output'],
  },
  {
    title: 'Add of a value of lower rank',
    build: (net) =>
      projected(net, net.op('Add', [sequence(net), net.op('MatMul', [net.input([3, 5]), net.weight([5, 6])])])),
    weights: ['MatMul free', 'MatMul free', 'MatMul output'],
  },
  {
    title: 'Add of a value whose neurons lie in the other direction',
    build: (net) => {
      const rows = net.op('MatMul', [net.weight([3, 4]), net.input([2, 4, 6])])
      return projected(net, net.op('Add', [rows, sequence(net)]))
    },
    // In `weights` one scale is left for all. In `full` the rows, computed first, keep theirs up to the output.
    weights: ['MatMul free', 'MatMul free', 'MatMul output'],
    full: ['MatMul output', 'MatMul free', 'MatMul output'],
  },
  {
    title: 'two residual steps',
    build: (net) => {
      const x = image(net)
      const y = net.op('Add', [x, net.op('Conv', [net.op('Relu', [x]), net.weight([4, 4, 1, 1])])])
      const z = net.op('Add', [net.op('Conv', [net.op('Relu', [y]), net.weight([4, 4, 1, 1])]), y])
      return convolved(net, z)
    },
    weights: ['Conv positive', 'Conv positive', 'Conv positive', 'Conv output'],
    full: ['Conv free', 'Conv free', 'Conv free', 'Conv output'],
  },
])

cases('extrema', [
  ...['Max', 'Min'].flatMap((op) => [
    {
      title: `${op} of two layers`,
      build: (net: Network) => dense(net, net.op(op, pair(net))),
      weights: twoPositive,
      full: two,
    },
    {
      title: `${op} with constants`,
      build: (net: Network) => dense(net, net.op(op, [net.weight([6]), features(net), net.constant([], [0.1])])),
      weights: ['Gemm positive', 'Gemm output'],
      full: free,
    },
    {
      title: `${op} of a value with itself`,
      build: (net: Network) => {
        const x = features(net)
        return dense(net, net.op(op, [x, x]))
      },
      weights: ['Gemm positive', 'Gemm output'],
      full: free,
    },
    {
      title: `${op} of one`,
      build: (net: Network) => dense(net, net.op(op, [features(net)])),
      weights: ['Gemm positive', 'Gemm output'],
      full: free,
    },
  ]),
])

const mask = (net: Network, shape: readonly number[]): string =>
  net.constant(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7) % 3 === 0 ? 1 : 0)),
    'bool',
  )

cases('Where', [
  {
    title: 'between two layers',
    build: (net) => dense(net, net.op('Where', [mask(net, [2, 6]), ...pair(net)])),
    weights: two,
  },
  {
    title: 'a constant takes on the scale',
    build: (net) => dense(net, net.op('Where', [mask(net, [6]), net.constant([], [-2]), features(net)])),
    weights: free,
  },
  {
    title: 'a constant as the other branch, and a condition of higher rank',
    build: (net) =>
      net.op('MatMul', [net.op('Where', [mask(net, [3, 2, 1]), features(net), net.weight([6])]), net.weight([6, 2])]),
    weights: ['Gemm free', 'MatMul output'],
  },
])
