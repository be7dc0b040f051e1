import { type Case, cases, convolved, image } from './chains.js'

type Attributes = Readonly<Record<string, number | string | readonly number[]>>

const pool = (
  op: string,
  domain: string,
  attributes: Attributes,
  title = JSON.stringify(attributes),
  opset = 18,
): Case => ({
  title: `${op} ${title}`,
  opset,
  build: (net) => convolved(net, net.op(op, [image(net)], attributes)),
  weights: [`Conv ${domain}`, 'Conv output'],
  full: ['Conv free', 'Conv output'],
})

const windows: Attributes[] = [
  { kernel_shape: [2, 2] },
  { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] },
  { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 },
  { kernel_shape: [2, 2], strides: [3, 3], pads: [0, 0, 1, 1], ceil_mode: 1 },
  { kernel_shape: [3, 2], strides: [2, 3], auto_pad: 'SAME_UPPER' },
  { kernel_shape: [3, 2], strides: [2, 3], auto_pad: 'SAME_LOWER' },
  { kernel_shape: [3, 2], auto_pad: 'VALID' },
]

cases('pooling', [
  ...windows.map((attributes) => pool('MaxPool', 'positive', attributes)),
  ...windows.map((attributes) => pool('AveragePool', 'free', attributes)),
  pool('MaxPool', 'positive', { kernel_shape: [2, 2], dilations: [2, 3] }),
  pool('AveragePool', 'free', { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }),
  pool('AveragePool', 'free', { kernel_shape: [2, 2] }, 'of opset 7', 7),
  pool('LpPool', 'positive', { kernel_shape: [2, 2], p: 3, strides: [2, 1] }),
  pool('GlobalMaxPool', 'positive', {}),
  pool('GlobalAveragePool', 'free', {}),
  pool('GlobalLpPool', 'positive', { p: 1 }),
  {
    title: 'MaxPool with indices, and MaxUnpool',
    build: (net) => {
      const [pooled, indices] = net.node('MaxPool', [image(net)], { kernel_shape: [2, 2], strides: [2, 2] }, 2) as [
        string,
        string,
      ]
      return convolved(net, net.op('MaxUnpool', [pooled, indices], { kernel_shape: [2, 2], strides: [2, 2] }))
    },
    weights: ['Conv positive', 'Conv output'],
    full: ['Conv free', 'Conv output'],
  },
  ...['avg', 'max'].map((mode): Case => ({
    title: `RoiAlign ${mode}`,
    opset: 16,
    build: (net) => {
      const rois = net.constant([2, 4], [0, 0, 3, 3, 1, 1, 3.5, 2])
      const inputs = [image(net), rois, net.constant([2], [0, 1], 'int64')]
      return convolved(net, net.op('RoiAlign', inputs, { mode, output_height: 2, output_width: 3 }))
    },
    weights: [mode === 'avg' ? 'Conv free' : 'Conv positive', 'Conv output'],
    full: ['Conv free', 'Conv output'],
  })),
  {
    title: 'MaxRoiPool',
    build: (net) => {
      const rois = net.constant([2, 5], [0, 0, 0, 3, 3, 1, 1, 1, 3, 2])
      return convolved(net, net.op('MaxRoiPool', [image(net), rois], { pooled_shape: [2, 2] }))
    },
    weights: ['Conv positive', 'Conv output'],
    full: ['Conv free', 'Conv output'],
  },
])
