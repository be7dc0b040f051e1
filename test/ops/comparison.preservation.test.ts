import { cases, dense, features } from './chains.js'
import type { Network } from './network.js'

const asFloat = (net: Network, x: string): string => net.op('Cast', [x], { to: 1 })
const zero = (net: Network): string => net.constant([], [0])

const ORDERED = ['Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual']

cases('comparisons', [
  ...ORDERED.flatMap((op) => [
    {
      title: `${op} of two layers`,
      build: (net: Network) => asFloat(net, net.op(op, [features(net), features(net)])),
      weights: ['Gemm positive', 'Gemm positive'],
      full: ['Gemm free', 'Gemm free'],
    },
    {
      title: `${op} against constants`,
      build: (net: Network) => {
        const x = features(net)
        return [
          dense(net, x),
          asFloat(net, net.op(op, [x, net.weight([6])])),
          asFloat(net, net.op(op, [net.constant([], [0.3]), x])),
        ]
      },
      weights: ['Gemm positive', 'Gemm output'],
      full: ['Gemm free', 'Gemm output'],
    },
    {
      title: `${op} against 0`,
      build: (net: Network) => {
        const x = features(net)
        return [dense(net, x), asFloat(net, net.op(op, [x, zero(net)])), asFloat(net, net.op(op, [zero(net), x]))]
      },
      weights: ['Gemm positive', 'Gemm output'],
      full: ['Gemm free', 'Gemm output'],
    },
  ]),
  {
    title: 'Equal against 0',
    build: (net) => {
      const x = net.op('Relu', [features(net)])
      return [dense(net, x), asFloat(net, net.op('Equal', [x, zero(net)]))]
    },
    weights: ['Gemm positive', 'Gemm output'],
    full: ['Gemm free', 'Gemm output'],
  },
  {
    title: 'a gate that is a comparison',
    build: (net) => {
      const x = features(net)
      const gate = net.op('Not', [net.op('Less', [x, zero(net)])])
      const both = net.op('And', [gate, net.op('Or', [gate, net.op('Xor', [gate, gate])])])
      return dense(net, net.op('Where', [both, x, net.op('Mul', [x, net.constant([], [0.2])])]))
    },
    weights: ['Gemm positive', 'Gemm output'],
    full: ['Gemm free', 'Gemm output'],
  },
  {
    title: 'IsNaN and IsInf',
    build: (net) => {
      const x = features(net)
      const odd = net.op('Or', [net.op('IsNaN', [x]), net.op('IsInf', [x])])
      return dense(net, net.op('Where', [odd, zero(net), x]))
    },
    weights: ['Gemm free', 'Gemm output'],
  },
  {
    title: 'IsInf of one sign',
    build: (net) => {
      const x = net.op('Div', [features(net), net.constant([6], [0, 0, 0, 1, 0, 0])])
      return asFloat(net, net.op('IsInf', [x], { detect_negative: 0 }))
    },
    weights: ['Gemm free', 'Div positive'],
    full: ['Gemm free', 'Div free'],
  },
])
