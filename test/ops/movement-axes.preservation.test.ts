import {
  cases,
  CONV,
  CONV_GEMM,
  convolved,
  dense,
  features,
  GEMM,
  image,
  MAT_MUL,
  projected,
  sequence,
} from './chains.js'
import type { Network } from './network.js'

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
    weights: CONV_GEMM,
  })),
  {
    title: 'with allowzero',
    build: (net) => dense(net, net.op('Reshape', [image(net), net.integers([2, 64])], { allowzero: 1 }), 64),
    weights: CONV_GEMM,
  },
  {
    title: 'and back to an image',
    build: (net) => {
      const flat = net.op('Reshape', [image(net), net.integers([2, -1])])
      return convolved(net, net.op('Reshape', [flat, net.integers([2, 4, 4, 4])]))
    },
    weights: CONV,
  },
  {
    title: 'that cuts across channels leaves one scale',
    build: (net) => convolved(net, net.op('Reshape', [image(net, 6), net.integers([3, 4, 4, 4])])),
    // Of six channels of two images, three images are made: channels 0, 2, 4 lie together with 4, 0, 2 …
    weights: CONV,
    full: CONV,
  },
  {
    title: 'to the shape that another value has',
    build: (net) => {
      const x = image(net)
      const shape = net.op('Shape', [x])
      const batch = net.op('Gather', [shape, net.integer(0)])
      const target = net.op('Concat', [net.op('Unsqueeze', [batch, net.integers([0])]), net.integers([-1])], {
        axis: 0,
      })
      return dense(net, net.op('Reshape', [x, target]), 64)
    },
    weights: CONV_GEMM,
  },
  {
    title: 'heads of attention',
    build: (net) => {
      const split = net.op('Reshape', [sequence(net), net.integers([0, 0, 2, 3])])
      const heads = net.op('Transpose', [split], { perm: [0, 2, 1, 3] })
      const back = net.op('Transpose', [heads], { perm: [0, 2, 1, 3] })
      return projected(net, net.op('Reshape', [back, net.integers([0, 0, 6])]))
    },
    weights: MAT_MUL,
  },
  {
    title: 'a channel shuffle',
    build: (net) => {
      const groups = net.op('Reshape', [image(net), net.integers([2, 2, 2, 4, 4])])
      const shuffled = net.op('Transpose', [groups], { perm: [0, 2, 1, 3, 4] })
      return convolved(net, net.op('Reshape', [shuffled, net.integers([2, 4, 4, 4])]))
    },
    weights: CONV,
  },
])

cases('Flatten', [
  ...[1, -3].map((axis) => ({
    title: `axis ${axis}`,
    build: (net: Network) => dense(net, net.op('Flatten', [image(net)], { axis }), 64),
    weights: CONV_GEMM,
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
    weights: GEMM,
  },
  {
    title: 'by attribute',
    opset: 11,
    build: (net) => {
      const wide = net.op('Unsqueeze', [features(net)], { axes: [2, 1] })
      return dense(net, net.op('Squeeze', [wide], { axes: [1, -2] }))
    },
    weights: GEMM,
  },
  {
    title: 'all axes of one element',
    build: (net) => dense(net, net.op('Squeeze', [net.op('GlobalAveragePool', [image(net)])]), 4),
    weights: ['Conv free', 'Gemm output'],
  },
])
