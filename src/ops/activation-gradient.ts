import { floatOf, stringOf } from '../graph/attributes.js'
import type { Node } from '../graph/model.js'
import type { Value } from '../graph/value.js'
import type { GradientContext, GradientRule } from './rule.js'

/** What the formula of an elementwise operator y = f(x) is made of. */
interface Elementwise {
  readonly x: Value
  readonly y: Value
  readonly dy: Value
  readonly node: Node
}

function elementwise(formula: (values: Elementwise) => Value): GradientRule {
  return ({ x, y, dy, node, give }) => give(0, () => formula({ x: x(0), y: y(0), dy, node }))
}

/** The gradient where the mask (bool) is true, else 0, as PyTorch has it also where the gradient is infinite: a product would be NaN. */
export function masked(dy: Value, mask: Value): Value {
  return mask.where(dy, 0)
}

/** min(x, 0), which passes a gradient where x ≤ 0. */
function negativePart(x: Value): Value {
  return x.op('Clip', [undefined, 0])
}

/** 1 − x², by a product that is exact near |x| = 1. */
function oneMinusSquare(x: Value): Value {
  return x.subtractedFrom(1).mul(x.add(1))
}

export const relu = elementwise(({ y, dy }) => masked(dy, y.greater(0)))

export const leakyRelu = elementwise(({ x, dy, node }) => {
  const alpha = floatOf(node, 'alpha', Math.fround(0.01))
  return x.greater(0).where(dy, dy.mul(alpha))
})

export const parametricRelu: GradientRule = ({ x, dy, give }) => {
  give(0, () =>
    x(0)
      .greater(0)
      .where(dy, dy.mul(x(1))),
  )
  give(1, () => dy.mul(negativePart(x(0))))
}

export const thresholdedRelu = elementwise(({ x, dy, node }) => masked(dy, x.greater(floatOf(node, 'alpha', 1))))

/** y = α(eˣ − 1) where x ≤ 0: y' = y + α. */
export const elu = elementwise(({ x, y, dy, node }) => {
  const alpha = floatOf(node, 'alpha', 1)
  return alpha === 1 ? dy.mul(negativePart(y).add(1)) : x.greater(0).where(dy, dy.mul(y.add(alpha)))
})

/** y = γα(eˣ − 1) where x ≤ 0: y' = y + γα. */
export const selu = elementwise(({ x, y, dy, node }) => {
  const alpha = floatOf(node, 'alpha', 1.67326319217681884765625)
  const gamma = floatOf(node, 'gamma', 1.05070102214813232421875)
  return dy.mul(x.greater(0).where(x.constant(gamma), y.add(gamma * alpha)))
})

/** y = α(exp(x/α) − 1) where x ≤ 0: y' = y/α + 1. */
export const celu = elementwise(({ y, dy, node }) =>
  dy.mul(
    negativePart(y)
      .mul(1 / floatOf(node, 'alpha', 1))
      .add(1),
  ),
)

export const sigmoid = elementwise(({ y, dy }) => dy.mul(y).mul(y.subtractedFrom(1)))

/** α inside the bounds, as PyTorch excluding them. */
function hardSigmoidSlope(y: Value, alpha: number): Value {
  return y.greater(0).and(y.less(1)).castLike(y).mul(alpha)
}

export const hardSigmoid = elementwise(({ y, dy, node }) =>
  dy.mul(hardSigmoidSlope(y, floatOf(node, 'alpha', Math.fround(0.2)))),
)

/** y = x·h(x), h a HardSigmoid: y' = h + x·h'; 0 and 1 where the bounds begin, as PyTorch has it after 2.6 (its issue 147801). */
export const hardSwish = elementwise(({ x, dy }) => {
  const alpha = Math.fround(1 / 6)
  const h = x.op('HardSigmoid', [], { alpha, beta: 0.5 })
  return dy.mul(h.add(x.mul(hardSigmoidSlope(h, alpha))))
})

/** y = x·σ(αx) = x·s: y' = s + αxs(1 − s). */
export const swish = elementwise(({ x, y, dy, node }) => {
  const alpha = floatOf(node, 'alpha', 1)
  const s = x.mul(alpha).op('Sigmoid')
  return dy.mul(s.add(y.mul(alpha).mul(s.subtractedFrom(1))))
})

/** y = x·tanh(softplus x) = x·t: y' = t + x(1 − t²)σ(x). */
export const mish = elementwise(({ x, dy }) => {
  const t = x.op('Softplus').op('Tanh')
  return dy.mul(t.add(x.mul(oneMinusSquare(t)).mul(x.op('Sigmoid'))))
})

export const gelu = elementwise(({ x, dy, node }) =>
  dy.mul(stringOf(node, 'approximate', 'none') === 'tanh' ? tanhGeluSlope(x) : geluSlope(x)),
)

/** Φ(x) + xφ(x), with Φ and φ of the normal distribution. */
function geluSlope(x: Value): Value {
  const cumulative = x.mul(Math.SQRT1_2).op('Erf').mul(0.5).add(0.5)
  const density = x
    .square()
    .mul(-0.5)
    .exp()
    .mul(1 / Math.sqrt(2 * Math.PI))
  return cumulative.add(x.mul(density))
}

/** y = x·σ(2u), u = √(2/π)·(x + kx³), for (1 + tanh u)/2 = σ(2u): y' = s + xs(1 − s)·2u'. */
function tanhGeluSlope(x: Value): Value {
  const c = 2 * Math.sqrt(2 / Math.PI)
  const k = 0.044715
  const square = x.square()
  const s = x.mul(square.mul(c * k).add(c)).op('Sigmoid')
  return s.add(
    x
      .mul(s)
      .mul(s.subtractedFrom(1))
      .mul(square.mul(3 * c * k).add(c)),
  )
}

export const softplus = elementwise(({ x, dy }) => dy.mul(x.op('Sigmoid')))

/** y = x/(1 + |x|): y' = 1/(1 + |x|)². */
export const softsign = elementwise(({ x, dy }) => dy.div(x.abs().add(1).square()))

export const shrink = elementwise(({ x, dy, node }) => masked(dy, x.abs().greater(floatOf(node, 'lambd', 0.5))))

/** The gradient passes where min ≤ x ≤ max. The bounds get it elsewhere; max alone where it is below min. */
export const clip: GradientRule = (context) => {
  const { x, dy, give } = context
  const lower = context.has(1) ? x(1) : undefined
  const upper = context.has(2) ? x(2) : undefined
  give(0, () => {
    const mask = passed(context, lower, upper)
    return mask === undefined ? dy : masked(dy, mask)
  })
  give(1, () => masked(dy, upper === undefined ? x(0).less(x(1)) : x(0).less(x(1)).and(x(1).less(upper))))
  give(2, () => masked(dy, lower === undefined ? x(0).greater(x(2)) : x(0).greater(x(2)).or(x(2).less(lower))))
}

function passed(context: GradientContext, lower: Value | undefined, upper: Value | undefined): Value | undefined {
  const x = context.x(0)
  if (lower === undefined) return upper && x.lessOrEqual(upper)
  if (upper === undefined) return x.greaterOrEqual(lower)
  const [min, max] = [1, 2].map((input) => context.constant(input)?.[0])
  // One comparison instead of two.
  if (min !== undefined && max !== undefined && min <= max) return x.equal(context.y(0))
  return x.greaterOrEqual(lower).and(x.lessOrEqual(upper))
}

export const abs = elementwise(({ x, dy }) => dy.mul(x.sign()))
export const erf = elementwise(({ x, dy }) =>
  dy.mul(
    x
      .square()
      .neg()
      .exp()
      .mul(2 / Math.sqrt(Math.PI)),
  ),
)
export const exp = elementwise(({ y, dy }) => dy.mul(y))
export const log = elementwise(({ x, dy }) => dy.div(x))

export const sin = elementwise(({ x, dy }) => dy.mul(x.op('Cos')))
export const cos = elementwise(({ x, dy }) => dy.mul(x.op('Sin').neg()))
export const tan = elementwise(({ y, dy }) => dy.mul(y.square().add(1)))
export const asin = elementwise(({ x, dy }) => dy.div(oneMinusSquare(x).sqrt()))
export const acos = elementwise(({ x, dy }) => dy.div(oneMinusSquare(x).sqrt().neg()))
export const atan = elementwise(({ x, dy }) => dy.div(x.square().add(1)))

export const sinh = elementwise(({ x, dy }) => dy.mul(x.op('Cosh')))
export const cosh = elementwise(({ x, dy }) => dy.mul(x.op('Sinh')))
export const tanh = elementwise(({ y, dy }) => dy.mul(y.square().subtractedFrom(1)))
export const asinh = elementwise(({ x, dy }) => dy.div(x.square().add(1).sqrt()))
export const acosh = elementwise(({ x, dy }) => dy.div(x.sub(1).mul(x.add(1)).sqrt()))
export const atanh = elementwise(({ x, dy }) => dy.div(oneMinusSquare(x)))
