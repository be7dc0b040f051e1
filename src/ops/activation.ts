import { floatOf } from '../graph/attributes.js'
import * as gradient from './activation-gradient.js'
import { likeInput } from './facts.js'
import { ONE, type Scale, uniform } from './field.js'
import type { Operator, OperatorTable, Part, ScaleContext } from './rule.js'

/** f(τz) is made τ·f(z) by undoing a part of τ before f and restoring it after. */
function through(part: Part, reason: (name: string) => string, summary: string): Omit<Operator, 'gradient'> {
  return {
    summary,
    shape: likeInput,
    scale: (context) => context.output(0, context.undo(0, part, reason(context.node.opType)), part),
  }
}

const homogeneous = through(
  'sign',
  (name) => `${name} is homogeneous for τ > 0 only`,
  'positively homogeneous: unchanged for τ > 0, else sign(τ)·f(z/sign(τ))',
)
const odd = through(
  'magnitude',
  (name) => `${name} is odd: τ = ±1 only`,
  'odd: unchanged for τ = ±1, else |τ|·f(z/|τ|)',
)
const other = through('ratio', (name) => `${name} is not homogeneous`, 'not homogeneous: τ·f(z/τ)')

/** In scope `weights`: the one positive τ that all of the input must carry, for bounds that then grow with it. */
function scaleOfBounds(context: ScaleContext): Scale {
  const reason = `${context.node.opType} has the same bounds for all channels`
  context.requireUniform(0, 'all', reason)
  const field = context.undo(0, 'sign', reason)
  context.output(0, field)
  return field.ids[0] ?? ONE
}

/** A bound that is infinite, by its value or because it is the end of float16's or float32's range. */
function isInfinite(bound: number, dtype: string | undefined): boolean {
  return Math.abs(bound) >= (dtype === 'float16' ? 65504 : 3.4028e38)
}

/** Bounds that are zero or infinite scale with any τ > 0. */
function scalesFreely(bound: number, dtype: string | undefined): boolean {
  return bound === 0 || isInfinite(bound, dtype)
}

function clip(context: ScaleContext): void {
  const { node, scales } = context
  const { dtype } = context.input(0)
  const attributes = context.opset < 11
  const names = ['min', 'max'].filter((name) => node.attributes.has(name))
  const inputs = [1, 2].filter((input) => context.has(input))
  const bounds = attributes
    ? names.map((name) => floatOf(node, name))
    : inputs.map((input) => context.constant(input)?.[0])
  if (bounds.every((bound) => bound !== undefined && scalesFreely(bound, dtype))) {
    const reason = 'Clip at zero is homogeneous for τ > 0 only'
    context.output(0, context.undo(0, 'sign', reason), 'sign')
    return
  }
  if (!attributes && inputs.some((input) => !context.isConstant(input))) {
    for (const input of [0, ...inputs]) context.requireOne(input, 'Clip with bounds that are computed')
    return
  }
  // Bounds that grow per channel would need Min and Max in Clip's place, and undoing would not give Clip back. So it is wrapped.
  if (context.scope === 'full') {
    context.output(0, context.undo(0, 'ratio', 'Clip is not homogeneous'), 'ratio')
    return
  }
  const tau = scaleOfBounds(context)
  if (scales.isOne(tau)) return
  if (attributes) {
    for (const name of names)
      if (!scalesFreely(floatOf(node, name, 0), dtype)) context.scaleAttribute(name, floatOf(node, name, 0), tau, 1)
    return
  }
  for (const input of inputs) {
    const bound = context.constant(input)?.[0]
    if (bound === undefined || !scalesFreely(bound, dtype))
      context.scaleConstant(input, [{ field: uniform(context.shape(input).length, tau), power: 1 }])
  }
}

/** z where z > α, else 0: α grows with τ > 0. */
function thresholdedRelu(context: ScaleContext): void {
  if (context.scope === 'full') {
    context.output(0, context.undo(0, 'ratio', 'ThresholdedRelu is not homogeneous'), 'ratio')
    return
  }
  const tau = scaleOfBounds(context)
  if (!context.scales.isOne(tau)) context.scaleAttribute('alpha', 1, tau, 1)
}

function parametricRelu(context: ScaleContext): void {
  if (!context.isConstant(1)) context.requireOne(1, 'the slope of a PRelu needs τ = 1')
  context.output(0, context.undo(0, 'sign', 'PRelu is homogeneous for τ > 0 only'), 'sign')
}

export const activation: OperatorTable = {
  Relu: { ...homogeneous, gradient: gradient.relu },
  LeakyRelu: { ...homogeneous, gradient: gradient.leakyRelu },
  PRelu: {
    summary: 'positively homogeneous: unchanged for τ > 0; the slope is not scaled',
    shape: likeInput,
    scale: parametricRelu,
    gradient: gradient.parametricRelu,
  },
  Abs: { ...homogeneous, gradient: gradient.abs },
  ThresholdedRelu: {
    summary: 'bounds scale: one τ > 0, α·τ; scope full: τ·f(z/τ)',
    shape: likeInput,
    scale: thresholdedRelu,
    gradient: gradient.thresholdedRelu,
  },
  Clip: {
    summary: 'bounds of zero and infinity: positively homogeneous; others scale, one τ > 0; scope full: τ·f(z/τ)',
    shape: likeInput,
    scale: clip,
    gradient: gradient.clip,
  },
  Tanh: { ...odd, gradient: gradient.tanh },
  Erf: { ...odd, gradient: gradient.erf },
  Sin: { ...odd, gradient: gradient.sin },
  Tan: { ...odd, gradient: gradient.tan },
  Asin: { ...odd, gradient: gradient.asin },
  Atan: { ...odd, gradient: gradient.atan },
  Sinh: { ...odd, gradient: gradient.sinh },
  Asinh: { ...odd, gradient: gradient.asinh },
  Atanh: { ...odd, gradient: gradient.atanh },
  Softsign: { ...odd, gradient: gradient.softsign },
  Round: { ...odd, gradient: 'zero' },
  Sign: {
    gradient: 'zero',
    summary: 'forgets magnitudes: any τ > 0 in, the output is unscaled',
    shape: likeInput,
    scale: (context) => void context.undo(0, 'sign', 'Sign forgets magnitudes, not signs'),
  },
  Elu: { ...other, gradient: gradient.elu },
  Selu: { ...other, gradient: gradient.selu },
  Celu: { ...other, gradient: gradient.celu },
  Sigmoid: { ...other, gradient: gradient.sigmoid },
  HardSigmoid: { ...other, gradient: gradient.hardSigmoid },
  HardSwish: { ...other, gradient: gradient.hardSwish },
  Swish: { ...other, gradient: gradient.swish },
  Mish: { ...other, gradient: gradient.mish },
  Gelu: { ...other, gradient: gradient.gelu },
  Softplus: { ...other, gradient: gradient.softplus },
  Shrink: { ...other, gradient: gradient.shrink },
  Exp: { ...other, gradient: gradient.exp },
  Log: { ...other, gradient: gradient.log },
  Cos: { ...other, gradient: gradient.cos },
  Cosh: { ...other, gradient: gradient.cosh },
  Acos: { ...other, gradient: gradient.acos },
  Acosh: { ...other, gradient: gradient.acosh },
}
