import { cases, CONV, convolved, image, MAT_MUL, projected, sequence } from './chains.js'
import type { Attribute } from '../../src/graph/model.js'
import { float, type Network } from './network.js'

const floats = (value: readonly number[]): Attribute => ({ type: 'floats', value })

cases('Pad', [
  {
    title: 'of the image with zeros',
    build: (net) => convolved(net, net.op('Pad', [image(net), net.integers([0, 0, 1, 2, 0, 0, 0, 1])])),
    weights: CONV,
  },
  {
    title: 'of the channels with zeros',
    build: (net) => convolved(net, net.op('Pad', [image(net), net.integers([0, 1, 0, 0, 0, 2, 1, 0])]), 7),
    weights: CONV,
  },
  {
    title: 'of the channels, before an Add: the zeros take on what they meet',
    build: (net) => {
      const wide = net.op('Pad', [image(net), net.integers([0, 1, 0, 0, 0, 1, 0, 0])])
      return convolved(net, net.op('Add', [wide, image(net, 6)]), 6)
    },
    weights: ['Conv free', 'Conv free', 'Conv output'],
  },
  {
    title: 'that crops channels',
    build: (net) => convolved(net, net.op('Pad', [image(net), net.integers([0, -1, 0, 0, 0, 2, 0, 0])]), 5),
    weights: CONV,
  },
  {
    title: 'with axes',
    build: (net) => convolved(net, net.op('Pad', [image(net), net.integers([1, 2, 0, 1]), '', net.integers([2, -1])])),
    weights: CONV,
  },
  {
    title: 'by attributes',
    opset: 10,
    build: (net) => convolved(net, net.op('Pad', [image(net)], { pads: [0, 0, 1, 1, 0, 0, 1, 1], value: float(0) })),
    weights: CONV,
  },
  ...['reflect', 'edge', 'wrap'].flatMap((mode) => [
    {
      title: `of the image, ${mode}`,
      opset: 19,
      build: (net: Network) =>
        convolved(net, net.op('Pad', [image(net), net.integers([0, 0, 1, 2, 0, 0, 3, 1])], { mode })),
      weights: CONV,
    },
    {
      title: `of the channels, ${mode}`,
      opset: 19,
      build: (net: Network) =>
        convolved(net, net.op('Pad', [image(net), net.integers([0, 3, 0, 0, 0, 2, 0, 0])], { mode }), 9),
      weights: CONV,
    },
  ]),
  {
    title: 'with another value',
    build: (net) =>
      convolved(net, net.op('Pad', [image(net), net.integers([0, 0, 1, 1, 0, 0, 1, 1]), net.constant([], [0.5])])),
    weights: ['Conv pinned', 'Conv output'],
    full: CONV,
  },
  {
    title: 'by nothing, with another value',
    build: (net) =>
      convolved(net, net.op('Pad', [image(net), net.integers([0, 0, 0, 0, 0, 0, 0, 0]), net.constant([], [0.5])])),
    weights: CONV,
  },
  {
    title: 'with minus infinity, before a MaxPool',
    build: (net) => {
      const padded = net.op('Pad', [image(net), net.integers([0, 0, 1, 1, 0, 0, 1, 1]), net.constant([], [-Infinity])])
      return convolved(net, net.op('MaxPool', [padded], { kernel_shape: [3, 3] }))
    },
    weights: ['Conv positive', 'Conv output'],
    full: CONV,
  },
])

cases('Resize', [
  ...['nearest', 'linear', 'cubic'].map((mode) => ({
    title: `by factors, ${mode}`,
    build: (net: Network) =>
      convolved(net, net.op('Resize', [image(net), '', net.constant([4], [1, 1, 2, 1.5])], { mode })),
    weights: CONV,
  })),
  {
    title: 'to sizes',
    build: (net) =>
      convolved(net, net.op('Resize', [image(net), '', '', net.integers([2, 4, 7, 3])], { mode: 'linear' })),
    weights: CONV,
  },
  {
    title: 'to sizes that are computed',
    build: (net) => {
      const x = image(net)
      const shape = net.op('Shape', [x])
      const outer = net.op('Slice', [shape, net.integers([0]), net.integers([2])])
      const inner = net.op('Slice', [shape, net.integers([2]), net.integers([4])])
      const twice = net.op('Mul', [inner, net.integer(2)])
      const sizes = net.op('Concat', [outer, net.op('Cast', [twice], { to: 7 })], { axis: 0 })
      return convolved(net, net.op('Resize', [x, '', '', sizes], { mode: 'nearest' }))
    },
    weights: CONV,
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
    weights: CONV,
  },
  {
    title: 'along some axes',
    build: (net) =>
      convolved(net, net.op('Resize', [image(net), '', net.constant([2], [2, 3])], { axes: [2, 3], mode: 'nearest' })),
    weights: CONV,
  },
  {
    title: 'in opset 10',
    opset: 10,
    build: (net) =>
      convolved(net, net.op('Resize', [image(net), net.constant([4], [1, 1, 2, 2])], { mode: 'nearest' })),
    weights: CONV,
  },
  {
    title: 'Upsample',
    opset: 9,
    build: (net) =>
      convolved(net, net.op('Upsample', [image(net), net.constant([4], [1, 1, 2, 2])], { mode: 'nearest' })),
    weights: CONV,
  },
  {
    title: 'Upsample by attribute',
    opset: 8,
    build: (net) => convolved(net, net.op('Upsample', [image(net)], { mode: 'nearest', scales: floats([1, 1, 2, 2]) })),
    weights: CONV,
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
    weights: MAT_MUL,
  },
])

cases('between depth and space', [
  ...['DCR', 'CRD'].map((mode) => ({
    title: `DepthToSpace ${mode}`,
    build: (net: Network) => convolved(net, net.op('DepthToSpace', [image(net, 12)], { blocksize: 2, mode }), 3),
    weights: CONV,
  })),
  {
    title: 'SpaceToDepth',
    build: (net) => convolved(net, net.op('SpaceToDepth', [image(net)], { blocksize: 2 }), 16),
    weights: CONV,
  },
  {
    title: 'GridSample',
    build: (net) => {
      const grid = net.op('Tanh', [net.input([2, 3, 5, 2])])
      return convolved(net, net.op('GridSample', [image(net), grid], { mode: 'bilinear' }))
    },
    weights: CONV,
  },
])
