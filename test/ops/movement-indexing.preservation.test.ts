import { cases, CONV, convolved, dense, features, GEMM, image, MAT_MUL, projected, sequence } from './chains.js'
import type { Network } from './network.js'

const rowsOf = (net: Network): string => net.op('MatMul', [net.weight([4, 5]), net.input([2, 5, 3])])

cases('Gather', [
  {
    title: 'constant indices along the channels',
    build: (net) => convolved(net, net.op('Gather', [image(net), net.integers([3, 0, -1, 0, 2])], { axis: 1 }), 5),
    weights: CONV,
  },
  {
    title: 'one channel, whose axis is dropped',
    build: (net) => {
      const one = net.op('Gather', [image(net), net.integer(2)], { axis: 1 })
      return net.op('MatMul', [one, net.weight([4, 3])])
    },
    // The other channels are free; this one reaches a layer that has no neuron for it, and the output.
    weights: ['Conv free', 'MatMul output'],
  },
  {
    title: 'along an axis without scales',
    build: (net) => {
      const token = net.op('Gather', [sequence(net), net.integer(0)], { axis: 1 })
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
    weights: GEMM,
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
    weights: GEMM,
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
    weights: MAT_MUL,
  },
  {
    title: 'GatherElements along another axis',
    build: (net) => {
      const indices = net.constant([2, 1, 6], new Array<number>(12).fill(1), 'int64')
      return projected(net, net.op('GatherElements', [sequence(net), indices], { axis: 1 }))
    },
    weights: MAT_MUL,
  },
  {
    title: 'GatherElements of the first channels',
    build: (net) => {
      const indices = net.constant([2, 1, 4], new Array<number>(8).fill(2), 'int64')
      return projected(net, net.op('GatherElements', [sequence(net), indices], { axis: 1 }), 4)
    },
    weights: MAT_MUL,
  },
  {
    title: 'GatherND',
    build: (net) =>
      projected(net, net.op('GatherND', [sequence(net), net.constant([3, 2], [0, 1, 1, 2, 1, 0], 'int64')])),
    weights: MAT_MUL,
  },
  {
    title: 'GatherND in batches',
    build: (net) =>
      projected(net, net.op('GatherND', [sequence(net), net.constant([2, 1], [2, 0], 'int64')], { batch_dims: 1 })),
    weights: MAT_MUL,
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
    weights: GEMM,
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
    weights: MAT_MUL,
  },
  {
    title: 'ScatterND of constants',
    build: (net) => {
      const updates = net.weight([1, 6])
      return dense(net, net.op('ScatterND', [features(net), net.constant([1, 1], [1], 'int64'), updates]))
    },
    weights: GEMM,
  },
  {
    title: 'ScatterND into constants',
    build: (net) => {
      const zeros = net.constant([3, 6], new Array<number>(18).fill(0))
      return dense(net, net.op('ScatterND', [zeros, net.constant([2, 1], [2, 0], 'int64'), features(net)]))
    },
    weights: GEMM,
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
