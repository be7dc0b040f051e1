import { cases, CONV, convolved, dense, features, GEMM, image, MAT_MUL, projected, sequence } from './chains.js'
import type { Network } from './network.js'

cases('Split', [
  {
    title: 'into parts by an input',
    build: (net) => {
      const [a, b] = net.node('Split', [image(net, 6), net.integers([2, 4])], { axis: 1 }, 2) as [string, string]
      return [convolved(net, a, 2), convolved(net, b, 4)]
    },
    weights: ['Conv free', 'Conv output', 'Conv output'],
  },
  {
    title: 'into parts by an attribute',
    opset: 11,
    build: (net) => {
      const [a, b] = net.node('Split', [image(net, 6)], { axis: -3, split: [1, 5] }, 2) as [string, string]
      return [convolved(net, a, 1), convolved(net, b, 5)]
    },
    weights: ['Conv free', 'Conv output', 'Conv output'],
  },
  {
    title: 'into equal parts',
    opset: 13,
    build: (net) => {
      const parts = net.node('Split', [sequence(net)], { axis: 2 }, 3)
      return projected(net, net.op('Mul', [parts[0] as string, parts[2] as string]), 2)
    },
    // The part in the middle goes nowhere, and moves all the same.
    weights: MAT_MUL,
  },
  {
    title: 'into parts of which the last is smaller',
    build: (net) => {
      const parts = net.node('Split', [features(net, 7)], { axis: 1, num_outputs: 3 }, 3)
      return [dense(net, parts[1] as string, 3), dense(net, parts[2] as string, 1)]
    },
    weights: ['Gemm free', 'Gemm output', 'Gemm output'],
  },
  {
    title: 'along another axis',
    build: (net) => {
      const parts = net.node('Split', [image(net), net.integers([1, 3])], { axis: 2 }, 2)
      return parts.map((part) => convolved(net, part))
    },
    weights: ['Conv free', 'Conv output', 'Conv output'],
  },
])

cases('Slice', [
  ...(
    [
      [[1], [4], [1], [1], 3],
      [[-4], [-1], [1], [1], 3],
      [[0], [2 ** 62], [1], [2], 3],
      [[-1], [-(2 ** 62)], [1], [-1], 6],
      [[4], [0], [-1], [-2], 2],
      [[0, 1], [1, 5], [0, 1], [1, 3], 2],
    ] as const
  ).map(([starts, ends, axes, steps, width]) => ({
    title: `starts ${String(starts)}, ends ${String(ends)}, axes ${String(axes)}, steps ${String(steps)}`,
    build: (net: Network) => {
      const cut = net.op('Slice', [
        features(net),
        ...[starts, ends, axes, steps].map((list: readonly number[]) => net.integers(list)),
      ])
      return dense(net, cut, width)
    },
    weights: GEMM,
  })),
  {
    title: 'by attributes, all axes from the first',
    opset: 9,
    build: (net) => dense(net, net.op('Slice', [features(net)], { starts: [0, 2], ends: [2, 1000] }), 4),
    weights: GEMM,
  },
  {
    title: 'without axes',
    build: (net) => dense(net, net.op('Slice', [features(net), net.integers([0, 2]), net.integers([2, 6])]), 4),
    weights: GEMM,
  },
  {
    title: 'of the image, and by bounds that are computed',
    build: (net) => {
      const x = image(net)
      const end = net.op('Slice', [net.op('Shape', [x]), net.integers([2]), net.integers([3])])
      const half = net.op('Div', [end, net.integers([2])])
      return convolved(net, net.op('Slice', [x, net.integers([0]), half, net.integers([2])]))
    },
    weights: CONV,
  },
  {
    title: 'of the scaled axis at a place that is not known',
    build: (net) => {
      const start = net.input([1], 'int64')
      return dense(net, net.op('Slice', [features(net), start, net.integers([3]), net.integers([1])]), 3)
    },
    weights: GEMM,
    open: true,
  },
])
