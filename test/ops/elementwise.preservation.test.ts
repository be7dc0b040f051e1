import { cases, convolved, dense, features, image, projected, sequence } from './chains.js'
import type { Network } from './network.js'

const free = ['Gemm free', 'Gemm output']
const pinned = ['Gemm pinned', 'Gemm output']
const positive = ['Gemm positive', 'Gemm output']

cases('Mul', [
  {
    title: 'by a scalar passes',
    build: (net) => dense(net, net.op('Mul', [features(net), net.scalar(3)])),
    weights: free,
  },
  {
    title: 'a scalar of rank 2, on the left',
    build: (net) => dense(net, net.op('Mul', [net.constant([1, 1], [3]), features(net)])),
    weights: free,
  },
  {
    title: 'by a constant along the channels is a vertex',
    build: (net) => dense(net, net.op('Mul', [features(net), net.weight([6], 1)])),
    weights: ['Gemm free', 'Mul free', 'Gemm output'],
  },
  {
    title: 'by [C, 1, 1], the constant first',
    build: (net) => convolved(net, net.op('Mul', [net.weight([4, 1, 1], 1), image(net)])),
    weights: ['Conv free', 'Mul free', 'Conv output'],
  },
  {
    title: 'by [1, C, 1, 1]',
    build: (net) => convolved(net, net.op('Mul', [image(net), net.weight([1, 4, 1, 1], 1)])),
    weights: ['Conv free', 'Mul free', 'Conv output'],
  },
  {
    title: 'along another axis than the channels passes',
    build: (net) => convolved(net, net.op('Mul', [image(net), net.weight([1, 1, 4, 1], 1)])),
    weights: ['Conv free', 'Conv output'],
  },
  {
    title: 'by a constant with several axes passes',
    build: (net) => convolved(net, net.op('Mul', [image(net), net.weight([4, 4, 4], 1)])),
    weights: ['Conv free', 'Conv output'],
  },
  {
    title: 'by a constant of higher rank',
    build: (net) => {
      const x = net.op('Mul', [features(net), net.weight([3, 1, 1], 1)])
      return net.op('MatMul', [x, net.weight([6, 2])])
    },
    // The three planes are the neurons of the Mul, which nothing absorbs.
    weights: ['Gemm free', 'MatMul output'],
    full: ['Gemm free', 'MatMul output'],
  },
  {
    title: 'of two activations: product',
    build: (net) => dense(net, net.op('Mul', [features(net), features(net)])),
    weights: ['Gemm free', 'Gemm free', 'Gemm output'],
  },
  {
    title: 'of a value with itself: square',
    build: (net) => {
      const x = features(net)
      return dense(net, net.op('Mul', [x, x]))
    },
    weights: free,
  },
  {
    title: 'squeeze and excitation',
    build: (net) => {
      const x = image(net)
      const pooled = net.op('GlobalAveragePool', [x])
      const gate = net.op('Conv', [pooled, net.weight([4, 4, 1, 1])])
      return convolved(net, net.op('Mul', [x, gate]))
    },
    weights: ['Conv free', 'Conv free', 'Conv output'],
  },
  {
    title: 'of [N, C, 1, 1] and [N, 1, H, W]',
    build: (net) => {
      const x = image(net)
      const channel = net.op('GlobalAveragePool', [x])
      const place = net.op('Conv', [x, net.weight([1, 4, 1, 1])])
      return convolved(net, net.op('Mul', [channel, place]))
    },
    weights: ['Conv free', 'Conv free', 'Conv output'],
  },
])

cases('Div', [
  {
    title: 'by a scalar passes',
    build: (net) => dense(net, net.op('Div', [features(net), net.scalar(3)])),
    weights: free,
  },
  {
    title: 'by a constant along the channels is a vertex',
    build: (net) => dense(net, net.op('Div', [features(net), net.weight([6], 4)])),
    weights: ['Gemm free', 'Div free', 'Gemm output'],
  },
  {
    title: 'of a constant inverts',
    build: (net) => dense(net, net.op('Div', [net.weight([6], 1), features(net)])),
    weights: free,
    tolerance: 1e-4,
  },
  {
    title: 'of a scalar by activations of a lower rank',
    build: (net) =>
      dense(
        net,
        net.op('Squeeze', [
          net.op('Div', [net.constant([1, 1, 1], [2]), features(net)]),
          net.constant([1], [0], 'int64'),
        ]),
      ),
    weights: free,
    tolerance: 1e-4,
  },
  {
    title: 'of two activations: quotient',
    build: (net) => dense(net, net.op('Div', [features(net), features(net)])),
    weights: ['Gemm free', 'Gemm free', 'Gemm output'],
    tolerance: 1e-4,
  },
])

cases('Pow', [
  ...[2, 3, -1].map((k) => ({
    title: `to the ${k}`,
    build: (net: Network) => dense(net, net.op('Pow', [features(net), net.scalar(k)])),
    weights: free,
    tolerance: 1e-4,
  })),
  {
    title: 'to the 2, as integers',
    build: (net) => dense(net, net.op('Pow', [features(net), net.constant([1], [2], 'int64')])),
    weights: free,
  },
  {
    title: 'to 1.5 of a square: restored after it',
    build: (net) => {
      const x = features(net)
      return dense(net, net.op('Pow', [net.op('Mul', [x, x]), net.scalar(1.5)]))
    },
    // τ² = 1 leaves the sign.
    weights: ['Gemm sign', 'Gemm output'],
    full: free,
    tolerance: 1e-4,
  },
  {
    title: 'to 0.5 of a square',
    build: (net) => {
      const x = features(net)
      return dense(net, net.op('Pow', [net.op('Mul', [x, x]), net.scalar(0.5)]))
    },
    weights: positive,
    full: free,
  },
  {
    title: 'to exponents that differ',
    build: (net) => dense(net, net.op('Pow', [features(net), net.constant([6], [1, 2, 3, 1, 2, 3])])),
    weights: pinned,
    full: free,
  },
  {
    title: 'of a constant',
    build: (net) => dense(net, net.op('Pow', [net.scalar(2), features(net)])),
    weights: pinned,
    full: free,
  },
])

cases('Sqrt', [
  {
    title: 'of a square',
    build: (net) => {
      const x = features(net)
      return dense(net, net.op('Sqrt', [net.op('Mul', [x, x])]))
    },
    weights: positive,
    full: free,
  },
  {
    title: 'of an absolute value',
    build: (net) => dense(net, net.op('Sqrt', [net.op('Abs', [features(net)])])),
    weights: pinned,
    full: free,
  },
  {
    title: 'in a norm that is spelt out',
    build: (net) => {
      const x = features(net)
      const mean = net.op('ReduceMean', [net.op('Pow', [x, net.scalar(2)])], { axes: [-1] })
      const root = net.op('Sqrt', [net.op('Add', [mean, net.scalar(0.1)])])
      return dense(net, net.op('Mul', [net.op('Div', [x, root]), net.weight([6], 1)]))
    },
    opset: 17,
    weights: ['Gemm positive', 'Mul free', 'Gemm output'],
    full: ['Gemm free', 'Mul free', 'Gemm output'],
  },
])

cases('one input', [
  {
    title: 'Reciprocal inverts',
    build: (net) => dense(net, net.op('Reciprocal', [features(net)])),
    weights: free,
    tolerance: 1e-4,
  },
  { title: 'Neg passes', build: (net) => dense(net, net.op('Neg', [features(net)])), weights: free },
  {
    title: 'Mod needs one',
    build: (net) => dense(net, net.op('Mod', [features(net), net.scalar(0.7)], { fmod: 1 })),
    weights: pinned,
    full: free,
    tolerance: 1e-4,
  },
])

cases('arithmetic in a sequence', [
  {
    title: 'a gate in the middle of a product of three',
    build: (net) => {
      const x = sequence(net)
      const gate = net.op('Mul', [sequence(net), net.constant([1], [0.5])])
      return projected(net, net.op('Mul', [net.op('Mul', [x, gate]), net.op('Neg', [x])]))
    },
    weights: ['MatMul free', 'MatMul free', 'MatMul output'],
  },
  {
    title: 'a scale that varies along the rows',
    build: (net) => {
      const rows = net.op('MatMul', [net.weight([4, 5]), net.input([2, 5, 3])])
      const scaled = net.op('Mul', [rows, net.weight([4, 1], 1)])
      return net.op('MatMul', [net.weight([2, 4]), scaled])
    },
    weights: ['MatMul free', 'Mul free', 'MatMul output'],
  },
])
