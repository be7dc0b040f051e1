import { cases, dense, features, GEMM, MAT_MUL, projected, sequence } from './chains.js'

cases('values that stay', [
  { title: 'Identity', build: (net) => dense(net, net.op('Identity', [features(net)])), weights: GEMM },
  {
    title: 'Dropout and its mask',
    build: (net) => {
      const [y, mask] = net.node('Dropout', [features(net)], {}, 2) as [string, string]
      return [dense(net, y), net.op('Cast', [mask], { to: 1 })]
    },
    weights: GEMM,
  },
  {
    title: 'Dropout by attribute',
    opset: 7,
    build: (net) => dense(net, net.op('Dropout', [features(net)], { ratio: 0.5 })),
    weights: GEMM,
  },
  {
    title: 'Cast to double and back',
    build: (net) => dense(net, net.op('Cast', [net.op('Cast', [features(net)], { to: 11 })], { to: 1 })),
    weights: GEMM,
  },
  {
    title: 'Cast to an integer',
    build: (net) => {
      const large = net.op('Mul', [features(net), net.constant([], [5])])
      return dense(net, net.op('Cast', [net.op('Cast', [large], { to: 6 })], { to: 1 }))
    },
    weights: ['Gemm pinned', 'Gemm output'],
    full: GEMM,
  },
  {
    title: 'CastLike',
    build: (net) => {
      const x = net.op('CastLike', [features(net), net.weight([1], 0, 'float64')])
      return dense(net, net.op('CastLike', [x, net.weight([1])]))
    },
    weights: GEMM,
  },
  {
    title: 'Trilu',
    build: (net) => projected(net, net.op('Trilu', [sequence(net), net.integer(1)], { upper: 1 })),
    weights: MAT_MUL,
  },
])
