import { type Case, cases, dense, features, image, convolved } from './chains.js'
import { float } from './network.js'

const HOMOGENEOUS = ['Relu', 'LeakyRelu', 'Abs', 'Sign']
const ODD = ['Tanh', 'Erf', 'Sin', 'Tan', 'Atan', 'Sinh', 'Asinh', 'Softsign', 'Round']
const OTHER = ['Elu', 'Selu', 'Celu', 'Sigmoid', 'HardSigmoid', 'HardSwish', 'Mish', 'Gelu', 'Softplus', 'Shrink']
const MORE = ['Exp', 'Cos', 'Cosh']
/** With a domain of their own: features are brought into it first. */
const ON_UNIT = ['Asin', 'Acos', 'Atanh']

const through = (op: string, domain: string, opset = 22): Case => ({
  title: op,
  opset,
  build: (net) => dense(net, net.op(op, [features(net)], op === 'LeakyRelu' ? { alpha: 0.2 } : {})),
  weights: [`Gemm ${domain}`, 'Gemm output'],
  full: ['Gemm free', 'Gemm output'],
  tolerance: 1e-4,
})

cases('activation', [
  ...HOMOGENEOUS.map((op) => through(op, 'positive')),
  ...ODD.map((op) => through(op, 'sign')),
  ...[...OTHER, ...MORE].map((op) => through(op, 'pinned')),
  ...ON_UNIT.map((op): Case => ({
    title: op,
    build: (net) => {
      const unit = net.op('Mul', [net.op('Tanh', [features(net)]), net.weight([6], 0.5)])
      return dense(net, net.op(op, [net.op('Mul', [unit, net.constant([], [0.4])])]))
    },
    weights: ['Gemm sign', op === 'Acos' ? 'Mul pinned' : 'Mul sign', 'Gemm output'],
    full: ['Gemm free', 'Mul free', 'Gemm output'],
    tolerance: 1e-4,
  })),
  ...['Log', 'Acosh'].map((op): Case => ({
    title: op,
    build: (net) => {
      const large = net.op('Add', [net.op('Relu', [features(net)]), net.constant([1], [2])])
      return dense(net, net.op(op, [large]))
    },
    weights: ['Gemm pinned', 'Gemm output'],
    full: ['Gemm free', 'Gemm output'],
    tolerance: 1e-4,
  })),
])

cases('PRelu', [
  {
    title: 'with a constant slope',
    build: (net) => convolved(net, net.op('PRelu', [image(net), net.weight([4, 1, 1])])),
    weights: ['Conv positive', 'Conv output'],
    full: ['Conv free', 'Conv output'],
  },
  {
    title: 'with a slope that is computed',
    build: (net) => dense(net, net.op('PRelu', [features(net), features(net)])),
    weights: ['Gemm positive', 'Gemm pinned', 'Gemm output'],
    full: ['Gemm free', 'Gemm free', 'Gemm output'],
  },
])

const scaled = { weights: ['Gemm positive', 'Gemm output'], full: ['Gemm free', 'Gemm output'] }

cases('bounds', [
  ...[
    [-0.5, 0.7],
    [0, 0.6],
    [0.1, 3.5e38],
    [-3.5e38, 0.2],
  ].map(([low = 0, high = 0]): Case => ({
    title: `Clip between ${low} and ${high}`,
    build: (net) => dense(net, net.op('Clip', [features(net), net.scalar(low), net.scalar(high)])),
    ...scaled,
  })),
  {
    title: 'Clip from below only, at zero',
    build: (net) => dense(net, net.op('Clip', [features(net), net.scalar(0)])),
    ...scaled,
  },
  {
    title: 'Clip from above only',
    build: (net) => dense(net, net.op('Clip', [features(net), '', net.scalar(0.4)])),
    ...scaled,
  },
  {
    title: 'Clip of opset 10',
    opset: 10,
    build: (net) => dense(net, net.op('Clip', [features(net)], { min: float(0), max: float(0.6) })),
    ...scaled,
  },
  {
    title: 'Clip of opset 6 with one bound',
    opset: 9,
    build: (net) => dense(net, net.op('Clip', [features(net)], { min: -0.1 })),
    ...scaled,
  },
  {
    title: 'Clip with bounds that are computed',
    build: (net) => {
      const high = net.op('Exp', [net.input([])])
      return dense(net, net.op('Clip', [features(net), '', high]))
    },
    weights: ['Gemm pinned', 'Gemm output'],
    full: ['Gemm free', 'Gemm output'],
  },
  {
    title: 'two Clips that share a bound',
    build: (net) => {
      const six = net.scalar(0.6)
      const first = net.op('Clip', [features(net), net.scalar(0), six])
      const hidden = net.op('Gemm', [first, net.weight([6, 6])])
      return dense(net, net.op('Clip', [hidden, net.scalar(0), six]))
    },
    weights: ['Gemm positive', 'Gemm positive', 'Gemm output'],
    full: ['Gemm free', 'Gemm free', 'Gemm output'],
  },
  ...[0.2, 0.5, 0.9].map((alpha): Case => ({
    title: `ThresholdedRelu above ${alpha}`,
    build: (net) => dense(net, net.op('ThresholdedRelu', [features(net)], { alpha })),
    ...scaled,
  })),
  {
    title: 'ThresholdedRelu at its default',
    build: (net) => dense(net, net.op('ThresholdedRelu', [net.op('Mul', [features(net), net.scalar(3)])])),
    ...scaled,
  },
])

cases('Softmax and its like', [
  ...[11, 18].flatMap((opset) =>
    ['Softmax', 'LogSoftmax', 'Hardmax'].map((op): Case => ({
      title: `${op} of opset ${opset}`,
      opset,
      build: (net) => dense(net, net.op(op, [features(net)])),
      weights: [op === 'Hardmax' ? 'Gemm positive' : 'Gemm pinned', 'Gemm output'],
      full: ['Gemm free', 'Gemm output'],
      tolerance: 1e-4,
    })),
  ),
])
