import type { Value } from '../graph/value.js'
import type { GradientContext, GradientRule } from './rule.js'

/**
 * y = aᵇ: ∂y/∂a = b·aᵇ⁻¹ and ∂y/∂b = y·ln a, as PyTorch has it 0 where a = 0 and b ≥ 0, and NaN where a < 0. The exponent may be of
 * another type than the base.
 */
export const pow: GradientRule = (context) => {
  const { x, y, dy, give } = context
  give(0, () => baseGradient(context))
  give(1, () => {
    const base = x(0)
    const positive = base.equal(0).where(1, base)
    return dy.mul(y(0).mul(positive.log())).castLike(x(1))
  })
}

function baseGradient(context: GradientContext): Value {
  const { x, y, dy } = context
  const base = x(0)
  const exponents = context.constant(1)
  const exponent = exponents?.[0]
  // Exponents that are differentiated by must stay in the formula.
  if (!context.needs(1) && exponent !== undefined && exponents?.every((other) => other === exponent) === true) {
    if (exponent === 0) return dy.zeros()
    if (exponent === 1) return dy
    if (exponent === 2) return dy.mul(base).mul(2)
    if (exponent === 0.5) return dy.mul(0.5).div(y(0))
    // Of a multiplication and a Pow the latter is slow, but for the squares that a third power leaves.
    return dy.mul(base.pow(exponent - 1)).mul(exponent)
  }
  const power = x(1).castLike(base)
  // 0·0⁻¹ would be NaN: where the factor b is 0, another exponent does as well.
  const vanishes = context.needs(1) ? power.equal(0).and(base.equal(0)) : power.equal(0)
  return dy.mul(power.mul(base.pow(vanishes.where(1, power).sub(1))))
}
