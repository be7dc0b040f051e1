import { cases, convolved, dense, features, image, projected, sequence } from './chains.js'
import type { Network } from './network.js'

const LINEAR = ['ReduceSum', 'ReduceMean']
const POSITIVE = ['ReduceMax', 'ReduceMin', 'ReduceL1', 'ReduceL2']
const OTHER = ['ReduceProd', 'ReduceLogSumExp']
const SQUARE = 'ReduceSumSquare'

/** What a layer of type `op` may do before a reduction over an axis along which its scale does not vary. */
function passing(op: string, reduction: string): { weights: string; full: string } {
  if (LINEAR.includes(reduction) || reduction === SQUARE) return { weights: `${op} free`, full: `${op} free` }
  return { weights: POSITIVE.includes(reduction) ? `${op} positive` : `${op} pinned`, full: `${op} free` }
}

for (const op of [...LINEAR, ...POSITIVE, SQUARE, ...OTHER]) {
  const conv = passing('Conv', op)
  const gemm = passing('Gemm', op)
  const matMul = passing('MatMul', op)
  cases(op, [
    {
      title: 'over the image, by input',
      opset: 18,
      build: (net) => dense(net, net.op(op, [image(net), net.integers([2, -1])], { keepdims: 0 }), 4),
      weights: [conv.weights, 'Gemm output'],
      full: [conv.full, 'Gemm output'],
    },
    {
      title: 'over the image, kept',
      opset: 18,
      build: (net) => convolved(net, net.op(op, [image(net), net.integers([3, 2])])),
      weights: [conv.weights, 'Conv output'],
      full: [conv.full, 'Conv output'],
    },
    {
      title: 'by attribute or, of ReduceSum, by input',
      opset: 13,
      build: (net) => {
        const x = sequence(net)
        const reduced =
          op === 'ReduceSum'
            ? net.op(op, [x, net.integers([1])], { keepdims: 0 })
            : net.op(op, [x], { axes: [1], keepdims: 0 })
        return dense(net, reduced)
      },
      weights: [matMul.weights, 'Gemm output'],
      full: [matMul.full, 'Gemm output'],
    },
    {
      title: 'by attribute, in opset 11',
      opset: 11,
      build: (net) => projected(net, net.op(op, [sequence(net)], { axes: [-2] })),
      weights: [matMul.weights, 'MatMul output'],
      full: [matMul.full, 'MatMul output'],
    },
    {
      title: 'over the channels: one scale for all',
      opset: 18,
      build: (net) => {
        const gate = net.op(op, [features(net), net.integers([1])])
        return net.op('MatMul', [gate, net.weight([1, 3])])
      },
      weights: [gemm.weights, 'MatMul output'],
      full: [gemm.full, 'MatMul output'],
      tolerance: 1e-4,
    },
    {
      title: 'over everything',
      opset: 18,
      build: (net) => {
        const all = net.op(op, [features(net)])
        return net.op('MatMul', [all, net.weight([1, 3])])
      },
      weights: [gemm.weights, 'MatMul output'],
      full: [gemm.full, 'MatMul output'],
      tolerance: 1e-4,
    },
    {
      title: 'over no axis',
      opset: 18,
      build: (net) => dense(net, net.op(op, [features(net), net.integers([])], { noop_with_empty_axes: 1 })),
      weights: [gemm.weights, 'Gemm output'],
      full: [gemm.full, 'Gemm output'],
      tolerance: 1e-4,
    },
  ])
}

cases('ReduceLogSum', [
  {
    title: 'needs one',
    build: (net) => {
      const positive = net.op('Exp', [image(net)])
      return convolved(net, net.op('ReduceLogSum', [positive, net.integers([2, 3])]))
    },
    weights: ['Conv pinned', 'Conv output'],
    full: ['Conv free', 'Conv output'],
  },
])

cases('indices of extrema', [
  ...['ArgMax', 'ArgMin'].flatMap((op) => [
    {
      title: `${op} over the channels`,
      build: (net: Network) => {
        const x = features(net)
        const index = net.op(op, [x], { axis: -1, keepdims: 0 })
        return [dense(net, x), net.op('Cast', [index], { to: 1 })]
      },
      weights: ['Gemm positive', 'Gemm output'],
      full: ['Gemm free', 'Gemm output'],
    },
    {
      title: `${op} over the image`,
      build: (net: Network) => {
        const x = image(net)
        return [convolved(net, x), net.op('Cast', [net.op(op, [x], { axis: 2 })], { to: 1 })]
      },
      weights: ['Conv positive', 'Conv output'],
      full: ['Conv free', 'Conv output'],
    },
  ]),
  {
    title: 'TopK over the channels',
    build: (net) => {
      const [values, indices] = net.node('TopK', [features(net), net.integers([3])], {}, 2) as [string, string]
      return [dense(net, values, 3), net.op('Cast', [indices], { to: 1 })]
    },
    weights: ['Gemm positive', 'Gemm output'],
    full: ['Gemm free', 'Gemm output'],
  },
  {
    title: 'TopK over another axis, the smallest',
    build: (net) => {
      const [values, indices] = net.node('TopK', [sequence(net), net.integers([2])], { axis: 1, largest: 0 }, 2) as [
        string,
        string,
      ]
      return [projected(net, values), net.op('Cast', [indices], { to: 1 })]
    },
    weights: ['MatMul positive', 'MatMul output'],
    full: ['MatMul free', 'MatMul output'],
  },
  {
    title: 'TopK with k as an attribute',
    opset: 9,
    build: (net) => dense(net, net.node('TopK', [features(net)], { axis: 1, k: 2 }, 2)[0] as string, 2),
    weights: ['Gemm positive', 'Gemm output'],
    full: ['Gemm free', 'Gemm output'],
  },
])

cases('CumSum', [
  {
    title: 'along another axis passes',
    build: (net) => projected(net, net.op('CumSum', [sequence(net), net.integer(1)], { exclusive: 1, reverse: 1 })),
    weights: ['MatMul free', 'MatMul output'],
  },
  {
    title: 'along the channels: one scale for all',
    build: (net) => dense(net, net.op('CumSum', [features(net), net.constant([1], [-1], 'int64')])),
    weights: ['Gemm free', 'Gemm output'],
  },
])
