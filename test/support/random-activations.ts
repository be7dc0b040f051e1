import { float } from '../ops/network.js'
import type { GraphBuilder, Picks, Value } from './graph-builder.js'
import { demand, type Step } from './random-layers.js'
import { weight } from './random-weights.js'

/** Operators of one input, with the opset that has them first. */
const PLAIN: readonly (readonly [opType: string, since: number])[] = [
  ['Abs', 6],
  ['Neg', 6],
  ['Tanh', 6],
  ['Erf', 9],
  ['Sin', 7],
  ['Cos', 7],
  ['Atan', 7],
  ['Asinh', 9],
  ['Softsign', 6],
  ['Sigmoid', 6],
  ['HardSigmoid', 6],
  ['HardSwish', 14],
  ['Elu', 6],
  ['Selu', 6],
  ['Celu', 12],
  ['Softplus', 6],
  ['Gelu', 20],
  ['Mish', 18],
  ['ThresholdedRelu', 10],
  ['Identity', 1],
  ['Dropout', 7],
]

const plain: Step = (b, x, p) => {
  const [opType, since] = p.of(PLAIN)
  demand(b.since(since))
  return b.same(opType, x)
}

const relu: Step = (b, x, p) => {
  if (!p.oneIn(4)) return b.same('Relu', x)
  return b.same('LeakyRelu', x, [], { alpha: float(p.of([0.1, 0.5])) })
}

const prelu: Step = (b, x, p) => {
  const channels = x.shape[1] ?? 0
  const dims = p.of([[], [1], [channels, ...x.shape.slice(2).map(() => 1)], x.shape.slice(1)])
  return b.same('PRelu', x, [weight(b, p, dims, 4, 0.3)])
}

const clip: Step = (b, x, p) => {
  const [low, high] = p.of([
    [0, 6],
    [-1, 1],
    [0, undefined],
    [-0.5, 2],
    [undefined, 1],
  ] as const)
  demand(b.options.dtype === 'float32' || b.since(12))
  const bound = (value: number | undefined) => (value === undefined ? '' : b.scalar(value))
  return b.same('Clip', x, high === undefined ? [bound(low)] : [bound(low), bound(high)])
}

/** Functions whose arguments must be kept away from poles and from growing. */
const tame: Step = (b, x, p) => {
  const bounded = b.same('Tanh', x)
  const positive = () => b.same('Add', b.same('Abs', x), [b.scalar(0.5)])
  switch (p.of(['Exp', 'Log', 'Sqrt', 'Reciprocal', 'Pow', 'Sinh', 'Sqrt of Relu'])) {
    case 'Exp':
      return b.same('Exp', bounded)
    case 'Log':
      return b.same('Log', positive())
    case 'Sqrt':
      return b.same('Sqrt', positive())
    case 'Reciprocal':
      return b.same('Reciprocal', positive())
    case 'Pow':
      return b.same('Pow', x, [b.scalar(p.of([2, 3]))])
    case 'Sinh':
      return b.same('Sinh', bounded)
    default:
      return b.same('Sqrt', b.same('Relu', x))
  }
}

/** There and back through another type. */
const cast: Step = (b, x) => {
  // Rounding to single precision would drown what double precision shows.
  demand(b.options.dtype === 'float32')
  return b.value(b.op('Cast', [b.op('Cast', [x], { to: 11 })], { to: 1 }), x.shape)
}

const gelu: Step = (b, x, p) => {
  if (p.oneIn(2)) {
    const inner = b.op('Mul', [
      b.op('Add', [x, b.op('Mul', [b.scalar(0.044715), b.op('Pow', [x, b.scalar(3)])])]),
      b.scalar(0.7978845),
    ])
    const gate = b.op('Add', [b.op('Tanh', [inner]), b.scalar(1)])
    return b.same('Mul', b.same('Mul', x, [b.scalar(0.5)]), [gate])
  }
  const gate = b.op('Add', [b.op('Erf', [b.op('Div', [x, b.scalar(Math.SQRT2)])]), b.scalar(1)])
  return b.same('Mul', b.same('Mul', x, [gate]), [b.scalar(0.5)])
}

const hardSwish: Step = (b, x, p) => {
  demand(b.options.dtype === 'float32' || b.since(12))
  const clipped = b.op('Clip', [b.op('Add', [x, b.scalar(3)]), b.scalar(0), b.scalar(6)])
  if (p.oneIn(2)) return b.same('Mul', x, [b.op('Div', [clipped, b.scalar(6)])])
  return b.same('Div', b.same('Mul', x, [clipped]), [b.scalar(6)])
}

const swish: Step = (b, x, p) => {
  const gate = b.op('Sigmoid', [p.oneIn(3) ? b.op('Mul', [x, b.scalar(1.702)]) : x])
  return b.same('Mul', x, [gate])
}

/** x / √(mean x² + ε), and its relative with a mean to subtract. */
const spelledNormalization: Step = (b, x, p) => {
  const axis = x.shape.length - 1
  demand(axis >= 1 && (x.shape[axis] ?? 0) > 1)
  const centered = p.oneIn(3) ? x : b.op('Sub', [x, b.reduce('ReduceMean', x, [axis], 1)])
  const square = p.oneIn(2) ? b.op('Mul', [centered, centered]) : b.op('Pow', [centered, b.scalar(2)])
  const variance = b.op('Add', [b.reduce('ReduceMean', square, [axis], 1), b.scalar(1e-3)])
  const deviation = b.op('Sqrt', [variance])
  const ratio = p.oneIn(3)
    ? b.op('Mul', [centered, b.op('Reciprocal', [deviation])])
    : b.op('Div', [centered, deviation])
  const width = x.shape[axis] ?? 0
  const scaled = b.op('Mul', [ratio, weight(b, p, [width], 8, 1)])
  return b.value(p.oneIn(3) ? scaled : b.op('Add', [scaled, weight(b, p, [width], 8)]), x.shape)
}

/** Activations rounded to steps of a quantiser. */
const quantised: Step = (b, x) => {
  demand(b.options.dtype === 'float32')
  const [scale, zero] = [b.scalar(1 / 32), b.constant([], [0], 'int8')]
  return b.same('DequantizeLinear', { name: b.op('QuantizeLinear', [x, scale, zero]), shape: x.shape }, [scale, zero])
}

export const ACTIVATIONS: Readonly<Record<string, Step>> = {
  plain,
  relu,
  prelu,
  clip,
  tame,
  cast,
  gelu,
  hardSwish,
  swish,
  spelledNormalization,
  quantised,
}

/** One that many networks have. */
export function activated(b: GraphBuilder, p: Picks, x: Value): Value {
  return b.same(p.of(['Relu', 'Relu', 'Tanh', 'Sigmoid', 'Identity']), x)
}
