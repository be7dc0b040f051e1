import { cases, convolved, dense, features, image } from './chains.js'
import type { Network } from './network.js'

const asFloat = (net: Network, x: string): string => net.op('Cast', [x], { to: 1 })

cases('what takes the shape alone', [
  {
    title: 'Shape and Size',
    opset: 15,
    build: (net) => {
      const x = image(net)
      return [
        convolved(net, x),
        asFloat(net, net.op('Shape', [x])),
        asFloat(net, net.op('Shape', [x], { start: 1, end: -1 })),
        asFloat(net, net.op('Shape', [x], { start: -2 })),
        asFloat(net, net.op('Size', [x])),
      ]
    },
    weights: ['Conv free', 'Conv output'],
  },
  {
    title: 'EyeLike',
    build: (net) => {
      const x = features(net)
      return dense(net, net.op('Add', [x, net.op('Mul', [x, net.op('EyeLike', [x])])]))
    },
    weights: ['Gemm free', 'Gemm output'],
  },
  {
    title: 'zeros of a value’s shape, into which it is added',
    build: (net) => {
      const x = features(net)
      const zeros = net.op('ConstantOfShape', [net.op('Shape', [x])])
      return dense(net, net.op('Sub', [zeros, x]))
    },
    weights: ['Gemm pinned', 'Gemm output'],
    full: ['Gemm free', 'Gemm output'],
  },
  {
    title: 'NonZero',
    build: (net) => {
      const x = net.op('Relu', [features(net)])
      return [dense(net, x), asFloat(net, net.op('NonZero', [x]))]
    },
    weights: ['Gemm positive', 'Gemm output'],
    full: ['Gemm free', 'Gemm output'],
    open: true,
  },
  {
    title: 'Range and positions',
    build: (net) => {
      const x = features(net)
      const size = net.op('Gather', [net.op('Shape', [x]), net.integer(1)])
      const zero = net.integer(0)
      const one = net.integer(1)
      return dense(net, net.op('Mul', [x, asFloat(net, net.op('Range', [zero, size, one]))]))
    },
    weights: ['Gemm free', 'Gemm output'],
  },
  {
    title: 'OneHot',
    build: (net) => {
      const index = net.op('ArgMax', [features(net)], { axis: 1, keepdims: 0 })
      const hot = net.op('OneHot', [index, net.integers([6]), net.constant([2], [0.5, 2])], { axis: 1 })
      return dense(net, hot)
    },
    weights: ['Gemm positive', 'Gemm output'],
    full: ['Gemm free', 'Gemm output'],
  },
  {
    title: 'Einsum pins what it reads',
    build: (net) => dense(net, net.op('Einsum', [features(net), net.weight([6, 4])], { equation: 'bi,ij->bj' }), 4),
    weights: ['Gemm pinned', 'Gemm output'],
    full: ['Gemm free', 'Gemm output'],
  },
  {
    title: 'Einsum without an arrow',
    build: (net) => dense(net, net.op('Einsum', [features(net), net.weight([6, 4])], { equation: 'ab, bc' }), 4),
    weights: ['Gemm pinned', 'Gemm output'],
    full: ['Gemm free', 'Gemm output'],
  },
])
