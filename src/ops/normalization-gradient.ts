import { describe, floatOf, intOf } from '../graph/attributes.js'
import { ModelError } from '../graph/model.js'
import type { Value } from '../graph/value.js'
import { range } from './facts.js'
import type { GradientContext, GradientRule } from './rule.js'

/**
 * y = γ·x̂ + β with x̂ = (x − μ)·r and r = 1/√(σ² + ε), all but x and y by channel.
 * Inference (μ, σ² given): dx = γr·dy, dγ = Σ dy·x̂, dβ = Σ dy, dμ = −γr·dβ, dσ² = −½γr²·dγ.
 * Training (μ, σ² those of x): dx = γr·(dy − mean(dy) − x̂·mean(dy·x̂)).
 */
export const batchGradient: GradientRule = (context) => {
  const { node, x, dy, give } = context
  refuseStatistics(context)
  const training = intOf(node, 'training_mode', 0) !== 0
  const { rank } = x(0)
  if (rank < 2) throw new ModelError(`${describe(node)}: its input has rank ${rank}; expected [batch, channels, …]`)
  const others = range(0, rank).filter((axis) => axis !== 1)
  const perChannel = (value: Value): Value => value.unsqueeze(range(1, rank - 1))
  // Statistics may be of a wider type than x: all is computed in theirs.
  const wide = (value: Value): Value => value.castLike(x(4))
  const input = wide(x(0))
  const grad = wide(dy)
  const gamma = wide(x(1))
  const epsilon = floatOf(node, 'epsilon', 1e-5)

  const mean = training ? input.mean(others) : perChannel(wide(x(3)))
  const centred = input.sub(mean)
  const variance = training ? centred.square().mean(others, false) : x(4)
  const r = variance.add(epsilon).sqrt().reciprocal()
  const slope = gamma.mul(r)
  const dGamma = () => grad.mul(centred).sum(others, false).mul(r)
  const dBeta = () => grad.sum(others, false)
  give(0, () => {
    const scaled = grad.mul(perChannel(slope))
    if (!training) return scaled.castLike(x(0))
    // Constants of a channel are gathered first: what is left for each element are two products and two sums.
    const count = input.count(others)
    const along = slope.mul(r).mul(dGamma()).div(count).neg()
    const shift = slope.mul(dBeta()).div(count)
    return scaled
      .add(centred.mul(perChannel(along)))
      .sub(perChannel(shift))
      .castLike(x(0))
  })
  give(1, () => dGamma().castLike(x(1)))
  give(2, () => dBeta().castLike(x(2)))
  if (training) return
  give(3, () => slope.mul(dBeta()).neg())
  give(4, () => slope.mul(r).mul(dGamma()).mul(-0.5))
}

/** Only the first output has a gradient. */
function refuseStatistics({ node, dyOf }: GradientContext): void {
  node.outputs.forEach((name, output) => {
    if (output > 0 && dyOf(output) !== undefined)
      throw new ModelError(
        `${describe(node)}: no gradient passes through its output "${name}" (statistics); differentiate what depends on its first output alone`,
      )
  })
}
