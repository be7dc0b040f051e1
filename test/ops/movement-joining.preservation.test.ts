import { cases, CONV, convolved, dense, features, GEMM, image, MAT_MUL, projected, sequence } from './chains.js'
import { MemoryData } from '../../src/graph/tensor.js'

const ONE_INT64 = new MemoryData(new Uint8Array(new BigInt64Array([1n]).buffer))

cases('Concat', [
  {
    title: 'of channels',
    build: (net) => convolved(net, net.op('Concat', [image(net), image(net, 3)], { axis: 1 }), 7),
    weights: ['Conv free', 'Conv free', 'Conv output'],
  },
  {
    title: 'counted from the end, with a value twice and an input of the network',
    build: (net) => {
      const x = image(net)
      return convolved(net, net.op('Concat', [x, net.input([2, 2, 4, 4]), x], { axis: -3 }), 10)
    },
    weights: ['Conv free', 'Conv output'],
  },
  {
    title: 'of channels with a constant',
    build: (net) => convolved(net, net.op('Concat', [image(net), net.weight([2, 2, 4, 4])], { axis: 1 }), 6),
    weights: ['Conv free', 'Conv output'],
  },
  {
    title: 'with zeros, joined with more channels',
    build: (net) => {
      const padded = net.op('Concat', [image(net), net.constant([2, 2, 4, 4], new Array<number>(64).fill(0))], {
        axis: 1,
      })
      return convolved(net, net.op('Add', [image(net, 6), padded]), 6)
    },
    weights: ['Conv free', 'Conv free', 'Conv output'],
  },
  {
    title: 'along another axis joins the channels',
    build: (net) => convolved(net, net.op('Concat', [image(net), image(net)], { axis: 2 })),
    weights: ['Conv free', 'Conv free', 'Conv output'],
  },
  {
    title: 'of a token before a sequence',
    build: (net) => {
      const tokens = net.op('Expand', [net.weight([1, 1, 6]), net.integers([2, 1, 6])])
      return projected(net, net.op('Concat', [tokens, sequence(net)], { axis: 1 }))
    },
    weights: MAT_MUL,
    full: MAT_MUL,
  },
  {
    title: 'of a token whose copies are counted by the batch',
    build: (net) => {
      const x = sequence(net)
      const batch = net.op('Slice', [net.op('Shape', [x]), net.integers([0]), net.integers([1])])
      const shape = net.op('Concat', [batch, net.integers([-1, -1])], { axis: 0 })
      const known = net.op('Where', [
        net.op('Equal', [shape, net.integers([-1])]),
        net.op('ConstantOfShape', [net.integers([3])], {
          value: { type: 'tensor', value: { name: '', dtype: 'int64', dims: [1], data: ONE_INT64 } },
        }),
        shape,
      ])
      const tokens = net.op('Expand', [net.weight([1, 1, 6]), known])
      return projected(net, net.op('Concat', [tokens, x], { axis: 1 }))
    },
    weights: MAT_MUL,
  },
  {
    title: 'of unscaled values',
    build: (net) => {
      const gate = net.op('Softmax', [features(net)], { axis: -1 })
      return dense(net, net.op('Concat', [gate, net.input([2, 2])], { axis: 1 }), 8)
    },
    weights: ['Gemm pinned', 'Gemm output'],
    full: GEMM,
  },
  {
    title: 'of rows of different scales, along the rows',
    build: (net) => {
      const rows = (count: number) => net.op('MatMul', [net.weight([count, 5]), net.input([2, 5, 3])])
      return net.op('MatMul', [net.weight([2, 7]), net.op('Concat', [rows(3), rows(4)], { axis: 1 })])
    },
    weights: ['MatMul free', 'MatMul free', 'MatMul output'],
  },
])

cases('Expand and Tile', [
  {
    title: 'Expand by rank and size',
    build: (net) =>
      projected(
        net,
        net.op('Expand', [net.op('Unsqueeze', [features(net), net.integers([1])]), net.integers([3, 1, 4, 1])]),
      ),
    weights: ['Gemm free', 'MatMul output'],
  },
  {
    title: 'Expand to a smaller shape',
    build: (net) => dense(net, net.op('Expand', [features(net), net.integers([1])])),
    weights: GEMM,
  },
  {
    title: 'Tile of the channels',
    build: (net) => convolved(net, net.op('Tile', [image(net), net.integers([1, 3, 1, 2])]), 12),
    weights: CONV,
  },
  {
    title: 'Tile of another axis',
    build: (net) => projected(net, net.op('Tile', [sequence(net), net.integers([2, 2, 1])])),
    weights: MAT_MUL,
  },
])
