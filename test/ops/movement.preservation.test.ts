import { cases, convolved, dense, features, image, projected, sequence } from './chains.js'
import type { Attribute } from '../../src/graph/model.js'
import { MemoryData } from '../../src/graph/tensor.js'
import { float, type Network } from './network.js'

const gemm = ['Gemm free', 'Gemm output']
const conv = ['Conv free', 'Conv output']
const convGemm = ['Conv free', 'Gemm output']
const matMul = ['MatMul free', 'MatMul output']

const floats = (value: readonly number[]): Attribute => ({ type: 'floats', value })
const ONE_INT64 = new MemoryData(new Uint8Array(new BigInt64Array([1n]).buffer))
const scalar = (net: Network, value: number): string => net.constant([], [value], 'int64')

cases('Reshape', [
  ...[
    [2, 64],
    [0, -1],
    [-1, 64],
    [2, 4, 16],
    [0, 0, -1],
    [2, 2, 2, 16],
    [2, 1, 64],
  ].map((shape) => ({
    title: `[2, 4, 4, 4] to [${shape.join(', ')}]`,
    build: (net: Network) => {
      const moved = net.op('Reshape', [image(net), net.integers(shape)])
      return dense(net, net.op('Reshape', [moved, net.integers([2, 64])]), 64)
    },
    weights: convGemm,
  })),
  {
    title: 'with allowzero',
    build: (net) => dense(net, net.op('Reshape', [image(net), net.integers([2, 64])], { allowzero: 1 }), 64),
    weights: convGemm,
  },
  {
    title: 'and back to an image',
    build: (net) => {
      const flat = net.op('Reshape', [image(net), net.integers([2, -1])])
      return convolved(net, net.op('Reshape', [flat, net.integers([2, 4, 4, 4])]))
    },
    weights: conv,
  },
  {
    title: 'that cuts across channels leaves one scale',
    build: (net) => convolved(net, net.op('Reshape', [image(net, 6), net.integers([3, 4, 4, 4])])),
    // Of six channels of two images, three images are made: channels 0, 2, 4 lie together with 4, 0, 2 …
    weights: conv,
    full: conv,
  },
  {
    title: 'to the shape that another value has',
    build: (net) => {
      const x = image(net)
      const shape = net.op('Shape', [x])
      const batch = net.op('Gather', [shape, scalar(net, 0)])
      const target = net.op('Concat', [net.op('Unsqueeze', [batch, net.integers([0])]), net.integers([-1])], {
        axis: 0,
      })
      return dense(net, net.op('Reshape', [x, target]), 64)
    },
    weights: convGemm,
  },
  {
    title: 'heads of attention',
    build: (net) => {
      const split = net.op('Reshape', [sequence(net), net.integers([0, 0, 2, 3])])
      const heads = net.op('Transpose', [split], { perm: [0, 2, 1, 3] })
      const back = net.op('Transpose', [heads], { perm: [0, 2, 1, 3] })
      return projected(net, net.op('Reshape', [back, net.integers([0, 0, 6])]))
    },
    weights: matMul,
  },
  {
    title: 'a channel shuffle',
    build: (net) => {
      const groups = net.op('Reshape', [image(net), net.integers([2, 2, 2, 4, 4])])
      const shuffled = net.op('Transpose', [groups], { perm: [0, 2, 1, 3, 4] })
      return convolved(net, net.op('Reshape', [shuffled, net.integers([2, 4, 4, 4])]))
    },
    weights: conv,
  },
])

cases('Flatten', [
  ...[1, -3].map((axis) => ({
    title: `axis ${axis}`,
    build: (net: Network) => dense(net, net.op('Flatten', [image(net)], { axis }), 64),
    weights: convGemm,
  })),
  {
    title: 'axis 0, 2 and 4',
    build: (net) => {
      const x = image(net)
      return [0, 2, 4].map((axis) => {
        const flat = net.op('Flatten', [x], { axis })
        return dense(net, net.op('Reshape', [flat, net.integers([2, 64])]), 64)
      })
    },
    weights: ['Conv free', 'Gemm output', 'Gemm output', 'Gemm output'],
  },
])

cases('Transpose', [
  {
    title: 'channels last',
    build: (net) => projected(net, net.op('Transpose', [image(net)], { perm: [0, 2, 3, 1] }), 4),
    weights: ['Conv free', 'MatMul output'],
  },
  {
    title: 'without perm',
    build: (net) => {
      const turned = net.op('Transpose', [features(net)])
      return net.op('MatMul', [net.weight([3, 6]), turned])
    },
    weights: ['Gemm free', 'MatMul output'],
  },
])

cases('Squeeze and Unsqueeze', [
  {
    title: 'by input',
    build: (net) => {
      const wide = net.op('Unsqueeze', [features(net), net.integers([0, -1])])
      return dense(net, net.op('Squeeze', [wide, net.integers([0, -1])]))
    },
    weights: gemm,
  },
  {
    title: 'by attribute',
    opset: 11,
    build: (net) => {
      const wide = net.op('Unsqueeze', [features(net)], { axes: [2, 1] })
      return dense(net, net.op('Squeeze', [wide], { axes: [1, -2] }))
    },
    weights: gemm,
  },
  {
    title: 'all axes of one element',
    build: (net) => dense(net, net.op('Squeeze', [net.op('GlobalAveragePool', [image(net)])]), 4),
    weights: ['Conv free', 'Gemm output'],
  },
])

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
    weights: matMul,
    full: matMul,
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
    weights: matMul,
  },
  {
    title: 'of unscaled values',
    build: (net) => {
      const gate = net.op('Softmax', [features(net)], { axis: -1 })
      return dense(net, net.op('Concat', [gate, net.input([2, 2])], { axis: 1 }), 8)
    },
    weights: ['Gemm pinned', 'Gemm output'],
    full: gemm,
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
    weights: matMul,
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
    weights: gemm,
  })),
  {
    title: 'by attributes, all axes from the first',
    opset: 9,
    build: (net) => dense(net, net.op('Slice', [features(net)], { starts: [0, 2], ends: [2, 1000] }), 4),
    weights: gemm,
  },
  {
    title: 'without axes',
    build: (net) => dense(net, net.op('Slice', [features(net), net.integers([0, 2]), net.integers([2, 6])]), 4),
    weights: gemm,
  },
  {
    title: 'of the image, and by bounds that are computed',
    build: (net) => {
      const x = image(net)
      const end = net.op('Slice', [net.op('Shape', [x]), net.integers([2]), net.integers([3])])
      const half = net.op('Div', [end, net.integers([2])])
      return convolved(net, net.op('Slice', [x, net.integers([0]), half, net.integers([2])]))
    },
    weights: conv,
  },
  {
    title: 'of the scaled axis at a place that is not known',
    build: (net) => {
      const start = net.input([1], 'int64')
      return dense(net, net.op('Slice', [features(net), start, net.integers([3]), net.integers([1])]), 3)
    },
    weights: gemm,
    open: true,
  },
])

const rowsOf = (net: Network): string => net.op('MatMul', [net.weight([4, 5]), net.input([2, 5, 3])])

cases('Gather', [
  {
    title: 'constant indices along the channels',
    build: (net) => convolved(net, net.op('Gather', [image(net), net.integers([3, 0, -1, 0, 2])], { axis: 1 }), 5),
    weights: conv,
  },
  {
    title: 'one channel, whose axis is dropped',
    build: (net) => {
      const one = net.op('Gather', [image(net), scalar(net, 2)], { axis: 1 })
      return net.op('MatMul', [one, net.weight([4, 3])])
    },
    // The other channels are free; this one reaches a layer that has no neuron for it, and the output.
    weights: ['Conv free', 'MatMul output'],
  },
  {
    title: 'along an axis without scales',
    build: (net) => {
      const token = net.op('Gather', [sequence(net), scalar(net, 0)], { axis: 1 })
      return dense(net, token)
    },
    weights: ['MatMul free', 'Gemm output'],
  },
  {
    title: 'indices of rank 2',
    build: (net) => {
      const picked = net.op('Gather', [features(net), net.constant([2, 2], [5, 1, 1, 0], 'int64')], { axis: -1 })
      return net.op('MatMul', [net.op('Reshape', [picked, net.integers([2, 4])]), net.weight([4, 3])])
    },
    weights: ['Gemm free', 'MatMul output'],
  },
  {
    title: 'indices that are not known, along the scaled axis',
    build: (net) => dense(net, net.op('Gather', [features(net), net.input([3], 'int64')], { axis: 1 }), 3),
    weights: gemm,
  },
  {
    title: 'an embedding',
    build: (net) => projected(net, net.op('Gather', [net.weight([7, 6]), net.input([2, 3], 'int64')])),
    weights: ['Gather free', 'MatMul output'],
  },
  {
    title: 'an embedding by columns',
    build: (net) => {
      const columns = net.op('Gather', [net.weight([6, 7]), net.input([4], 'int64')], { axis: 1 })
      return net.op('MatMul', [net.weight([2, 6]), columns])
    },
    weights: ['Gather free', 'MatMul output'],
  },
  {
    title: 'a table of numbers',
    build: (net) => {
      const scale = net.op('Gather', [net.weight([7], 1), net.input([2, 1], 'int64')])
      return dense(net, net.op('Mul', [features(net), scale]))
    },
    weights: gemm,
  },
])

cases('other indexing', [
  {
    title: 'GatherElements',
    build: (net) => {
      const indices = net.constant(
        [2, 3, 2],
        [0, 3, 1, 1, 2, 0, 3, 1, 0, 0, 2, 2].map((i) => i % 4),
        'int64',
      )
      const rows = net.op('Transpose', [rowsOf(net)], { perm: [0, 2, 1] })
      return net.op('MatMul', [net.op('GatherElements', [rows, indices], { axis: -1 }), net.weight([2, 3])])
    },
    weights: matMul,
  },
  {
    title: 'GatherElements along another axis',
    build: (net) => {
      const indices = net.constant([2, 1, 6], new Array<number>(12).fill(1), 'int64')
      return projected(net, net.op('GatherElements', [sequence(net), indices], { axis: 1 }))
    },
    weights: matMul,
  },
  {
    title: 'GatherElements of the first channels',
    build: (net) => {
      const indices = net.constant([2, 1, 4], new Array<number>(8).fill(2), 'int64')
      return projected(net, net.op('GatherElements', [sequence(net), indices], { axis: 1 }), 4)
    },
    weights: matMul,
  },
  {
    title: 'GatherND',
    build: (net) =>
      projected(net, net.op('GatherND', [sequence(net), net.constant([3, 2], [0, 1, 1, 2, 1, 0], 'int64')])),
    weights: matMul,
  },
  {
    title: 'GatherND in batches',
    build: (net) =>
      projected(net, net.op('GatherND', [sequence(net), net.constant([2, 1], [2, 0], 'int64')], { batch_dims: 1 })),
    weights: matMul,
  },
  {
    title: 'GatherND of the scaled axis',
    build: (net) => {
      const picked = net.op('GatherND', [features(net), net.constant([1, 3, 2], [0, 1, 1, 2, 0, 5], 'int64')])
      return net.op('MatMul', [picked, net.weight([3, 2])])
    },
    weights: ['Gemm free', 'MatMul output'],
  },
  {
    title: 'Compress',
    build: (net) =>
      dense(net, net.op('Compress', [features(net), net.constant([6], [1, 0, 1, 1, 0, 1], 'bool')], { axis: 1 }), 4),
    weights: gemm,
  },
  {
    title: 'Compress of all elements',
    build: (net) => {
      const kept = net.op('Compress', [features(net), net.constant([12], [1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0], 'bool')])
      return net.op('MatMul', [kept, net.weight([5, 2])])
    },
    weights: ['Gemm free', 'MatMul output'],
  },
  {
    title: 'ReverseSequence',
    build: (net) =>
      projected(net, net.op('ReverseSequence', [sequence(net), net.integers([2, 3])], { batch_axis: 0, time_axis: 1 })),
    weights: matMul,
  },
  {
    title: 'ScatterND of constants',
    build: (net) => {
      const updates = net.weight([1, 6])
      return dense(net, net.op('ScatterND', [features(net), net.constant([1, 1], [1], 'int64'), updates]))
    },
    weights: gemm,
  },
  {
    title: 'ScatterND into constants',
    build: (net) => {
      const zeros = net.constant([3, 6], new Array<number>(18).fill(0))
      return dense(net, net.op('ScatterND', [zeros, net.constant([2, 1], [2, 0], 'int64'), features(net)]))
    },
    weights: gemm,
  },
  {
    title: 'ScatterElements of another layer',
    build: (net) => {
      const indices = net.constant([2, 6], [5, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5], 'int64')
      return dense(net, net.op('ScatterElements', [features(net), indices, features(net)], { axis: 1 }))
    },
    weights: ['Gemm free', 'Gemm free', 'Gemm output'],
  },
  {
    title: 'ScatterElements that adds',
    build: (net) => {
      const indices = net.constant([2, 6], [5, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5], 'int64')
      return dense(
        net,
        net.op('ScatterElements', [features(net), indices, features(net)], { axis: 1, reduction: 'add' }),
      )
    },
    weights: ['Gemm free', 'Gemm free', 'Gemm output'],
  },
  {
    title: 'ScatterElements that multiplies',
    build: (net) => {
      const indices = net.constant([2, 6], [5, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5], 'int64')
      return dense(
        net,
        net.op('ScatterElements', [features(net), indices, features(net)], { axis: 1, reduction: 'mul' }),
      )
    },
    weights: ['Gemm pinned', 'Gemm pinned', 'Gemm output'],
    full: ['Gemm free', 'Gemm free', 'Gemm output'],
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
    weights: gemm,
  },
  {
    title: 'Tile of the channels',
    build: (net) => convolved(net, net.op('Tile', [image(net), net.integers([1, 3, 1, 2])]), 12),
    weights: conv,
  },
  {
    title: 'Tile of another axis',
    build: (net) => projected(net, net.op('Tile', [sequence(net), net.integers([2, 2, 1])])),
    weights: matMul,
  },
])

const pads = (net: Network, list: readonly number[]): string => net.integers(list)

cases('Pad', [
  {
    title: 'of the image with zeros',
    build: (net) => convolved(net, net.op('Pad', [image(net), pads(net, [0, 0, 1, 2, 0, 0, 0, 1])])),
    weights: conv,
  },
  {
    title: 'of the channels with zeros',
    build: (net) => convolved(net, net.op('Pad', [image(net), pads(net, [0, 1, 0, 0, 0, 2, 1, 0])]), 7),
    weights: conv,
  },
  {
    title: 'of the channels, before an Add: the zeros take on what they meet',
    build: (net) => {
      const wide = net.op('Pad', [image(net), pads(net, [0, 1, 0, 0, 0, 1, 0, 0])])
      return convolved(net, net.op('Add', [wide, image(net, 6)]), 6)
    },
    weights: ['Conv free', 'Conv free', 'Conv output'],
  },
  {
    title: 'that crops channels',
    build: (net) => convolved(net, net.op('Pad', [image(net), pads(net, [0, -1, 0, 0, 0, 2, 0, 0])]), 5),
    weights: conv,
  },
  {
    title: 'with axes',
    build: (net) => convolved(net, net.op('Pad', [image(net), pads(net, [1, 2, 0, 1]), '', net.integers([2, -1])])),
    weights: conv,
  },
  {
    title: 'by attributes',
    opset: 10,
    build: (net) => convolved(net, net.op('Pad', [image(net)], { pads: [0, 0, 1, 1, 0, 0, 1, 1], value: float(0) })),
    weights: conv,
  },
  ...['reflect', 'edge', 'wrap'].flatMap((mode) => [
    {
      title: `of the image, ${mode}`,
      opset: 19,
      build: (net: Network) =>
        convolved(net, net.op('Pad', [image(net), pads(net, [0, 0, 1, 2, 0, 0, 3, 1])], { mode })),
      weights: conv,
    },
    {
      title: `of the channels, ${mode}`,
      opset: 19,
      build: (net: Network) =>
        convolved(net, net.op('Pad', [image(net), pads(net, [0, 3, 0, 0, 0, 2, 0, 0])], { mode }), 9),
      weights: conv,
    },
  ]),
  {
    title: 'with another value',
    build: (net) =>
      convolved(net, net.op('Pad', [image(net), pads(net, [0, 0, 1, 1, 0, 0, 1, 1]), net.constant([], [0.5])])),
    weights: ['Conv pinned', 'Conv output'],
    full: conv,
  },
  {
    title: 'by nothing, with another value',
    build: (net) =>
      convolved(net, net.op('Pad', [image(net), pads(net, [0, 0, 0, 0, 0, 0, 0, 0]), net.constant([], [0.5])])),
    weights: conv,
  },
  {
    title: 'with minus infinity, before a MaxPool',
    build: (net) => {
      const padded = net.op('Pad', [image(net), pads(net, [0, 0, 1, 1, 0, 0, 1, 1]), net.constant([], [-Infinity])])
      return convolved(net, net.op('MaxPool', [padded], { kernel_shape: [3, 3] }))
    },
    weights: ['Conv positive', 'Conv output'],
    full: conv,
  },
])

cases('Resize', [
  ...['nearest', 'linear', 'cubic'].map((mode) => ({
    title: `by factors, ${mode}`,
    build: (net: Network) =>
      convolved(net, net.op('Resize', [image(net), '', net.constant([4], [1, 1, 2, 1.5])], { mode })),
    weights: conv,
  })),
  {
    title: 'to sizes',
    build: (net) =>
      convolved(net, net.op('Resize', [image(net), '', '', net.integers([2, 4, 7, 3])], { mode: 'linear' })),
    weights: conv,
  },
  {
    title: 'to sizes that are computed',
    build: (net) => {
      const x = image(net)
      const shape = net.op('Shape', [x])
      const outer = net.op('Slice', [shape, net.integers([0]), net.integers([2])])
      const inner = net.op('Slice', [shape, net.integers([2]), net.integers([4])])
      const twice = net.op('Mul', [inner, scalar(net, 2)])
      const sizes = net.op('Concat', [outer, net.op('Cast', [twice], { to: 7 })], { axis: 0 })
      return convolved(net, net.op('Resize', [x, '', '', sizes], { mode: 'nearest' }))
    },
    weights: conv,
  },
  {
    title: 'by factors computed in floats',
    opset: 13,
    build: (net) => {
      const x = image(net)
      const shape = net.op('Cast', [net.op('Shape', [x])], { to: 1 })
      const size = net.op('Slice', [shape, net.integers([2]), net.integers([4])])
      const larger = net.op('Floor', [net.op('Mul', [size, net.constant([1], [1.75])])])
      const sizes = net.op('Concat', [net.integers([2, 4]), net.op('Cast', [larger], { to: 7 })], { axis: 0 })
      return convolved(net, net.op('Resize', [x, '', '', sizes], { mode: 'nearest' }))
    },
    weights: conv,
  },
  {
    title: 'along some axes',
    build: (net) =>
      convolved(net, net.op('Resize', [image(net), '', net.constant([2], [2, 3])], { axes: [2, 3], mode: 'nearest' })),
    weights: conv,
  },
  {
    title: 'in opset 10',
    opset: 10,
    build: (net) =>
      convolved(net, net.op('Resize', [image(net), net.constant([4], [1, 1, 2, 2])], { mode: 'nearest' })),
    weights: conv,
  },
  {
    title: 'Upsample',
    opset: 9,
    build: (net) =>
      convolved(net, net.op('Upsample', [image(net), net.constant([4], [1, 1, 2, 2])], { mode: 'nearest' })),
    weights: conv,
  },
  {
    title: 'Upsample by attribute',
    opset: 8,
    build: (net) => convolved(net, net.op('Upsample', [image(net)], { mode: 'nearest', scales: floats([1, 1, 2, 2]) })),
    weights: conv,
  },
  {
    title: 'of the scaled axis',
    build: (net) => {
      const x = net.op(
        'Resize',
        [net.op('Unsqueeze', [sequence(net), net.integers([0])]), '', net.constant([4], [1, 1, 1, 2])],
        {
          mode: 'linear',
        },
      )
      return projected(net, x, 12)
    },
    weights: matMul,
  },
])

cases('between depth and space', [
  ...['DCR', 'CRD'].map((mode) => ({
    title: `DepthToSpace ${mode}`,
    build: (net: Network) => convolved(net, net.op('DepthToSpace', [image(net, 12)], { blocksize: 2, mode }), 3),
    weights: conv,
  })),
  {
    title: 'SpaceToDepth',
    build: (net) => convolved(net, net.op('SpaceToDepth', [image(net)], { blocksize: 2 }), 16),
    weights: conv,
  },
  {
    title: 'GridSample',
    build: (net) => {
      const grid = net.op('Tanh', [net.input([2, 3, 5, 2])])
      return convolved(net, net.op('GridSample', [image(net), grid], { mode: 'bilinear' }))
    },
    weights: conv,
  },
])

cases('values that stay', [
  { title: 'Identity', build: (net) => dense(net, net.op('Identity', [features(net)])), weights: gemm },
  {
    title: 'Dropout and its mask',
    build: (net) => {
      const [y, mask] = net.node('Dropout', [features(net)], {}, 2) as [string, string]
      return [dense(net, y), net.op('Cast', [mask], { to: 1 })]
    },
    weights: gemm,
  },
  {
    title: 'Dropout by attribute',
    opset: 7,
    build: (net) => dense(net, net.op('Dropout', [features(net)], { ratio: 0.5 })),
    weights: gemm,
  },
  {
    title: 'Cast to double and back',
    build: (net) => dense(net, net.op('Cast', [net.op('Cast', [features(net)], { to: 11 })], { to: 1 })),
    weights: gemm,
  },
  {
    title: 'Cast to an integer',
    build: (net) => {
      const large = net.op('Mul', [features(net), net.constant([], [5])])
      return dense(net, net.op('Cast', [net.op('Cast', [large], { to: 6 })], { to: 1 }))
    },
    weights: ['Gemm pinned', 'Gemm output'],
    full: gemm,
  },
  {
    title: 'CastLike',
    build: (net) => {
      const x = net.op('CastLike', [features(net), net.weight([1], 0, 'float64')])
      return dense(net, net.op('CastLike', [x, net.weight([1])]))
    },
    weights: gemm,
  },
  {
    title: 'Trilu',
    build: (net) => projected(net, net.op('Trilu', [sequence(net), scalar(net, 1)], { upper: 1 })),
    weights: matMul,
  },
])
