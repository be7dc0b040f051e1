import { describe, floatOf, intOf, intsOf } from '../graph/attributes.js'
import { isHalf } from '../graph/dtype.js'
import { ModelError, type Node } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { Value } from '../graph/value.js'
import { axisOf, range } from './facts.js'
import type { GradientContext, GradientRule } from './rule.js'

/**
 * y = γ·x̂ + β with x̂ = (x − μ)·r and r = 1/√(σ² + ε), all but x and y by channel.
 * Inference (μ, σ² given): dx = γr·dy, dγ = Σ dy·x̂, dβ = Σ dy, dμ = −γr·dβ, dσ² = −½γr²·dγ.
 * Training (μ, σ² those of x): dx = γr·(dy − mean(dy) − x̂·mean(dy·x̂)).
 */
export const batchGradient: GradientRule = (context) => {
  const { node, x, give } = context
  refuseStatistics(context)
  const { dy } = context
  const training = intOf(node, 'training_mode', 0) !== 0
  const { rank } = x(0)
  if (rank < 2) throw new ModelError(`${describe(node)}: its input has rank ${rank}; expected [batch, channels, …]`)
  const others = allButChannel(rank)
  const perChannel = (value: Value): Value => asChannels(value, rank)
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
    const share = input.share(others)
    const along = slope.mul(r).mul(dGamma()).mul(share).neg()
    const shift = slope.mul(dBeta()).mul(share)
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
        `${describe(node)}: no gradient passes through its output ${quoted(name)} (statistics); differentiate what depends on its first output alone`,
      )
  })
}

function allButChannel(rank: number): number[] {
  return range(0, rank).filter((axis) => axis !== 1)
}

/** A list with one element for each channel, as it is broadcast against [batch, channels, …]. */
function asChannels(list: Value, rank: number): Value {
  return list.unsqueeze(range(1, rank - 1))
}

/** x̂ = (x − μ)·r along `axes`, with what it is made of; μ and r have size 1 along them. */
interface Normalised {
  readonly axes: readonly number[]
  readonly centred: Value
  readonly r: Value
  readonly hat: Value
  /** False: μ is 0. */
  readonly centre: boolean
}

/** μ the mean and r = 1/√(σ² + ε); without `centre` σ² is the mean square. */
function normalised(x: Value, axes: readonly number[], epsilon: number, centre = true): Normalised {
  const centred = centre ? x.sub(x.mean(axes)) : x
  const r = centred.square().mean(axes).add(epsilon).sqrt().reciprocal()
  return { axes, centred, r, hat: centred.mul(r), centre }
}

/** dx = r·(g − mean(g) − x̂·mean(g·x̂)), where g is ∂L/∂x̂; the means are over the axes that are normalised together. */
function throughNormalised({ axes, r, hat, centre }: Normalised, g: Value): Value {
  const inner = centre ? g.sub(g.mean(axes)) : g
  return inner.sub(hat.mul(g.mul(hat).mean(axes))).mul(r)
}

/** y = γ·x̂ + β over all axes from `axis` on. The statistics, if they are used: dx += dμ/n, and dx −= r³·(x − μ)/n·dr. */
export const layerGradient: GradientRule = ({ node, x, dyOf, give }) => {
  const axis = axisOf(node, intOf(node, 'axis', -1), x(0).rank)
  const axes = range(axis, x(0).rank)
  const wide = widening(node)
  const input = wide(x(0))
  const parts = normalised(input, axes, floatOf(node, 'epsilon', 1e-5), node.opType !== 'RMSNormalization')
  const dy = dyOf(0)
  const dMean = dyOf(1)?.castLike(input)
  const dInverse = dyOf(2)?.castLike(input)
  if (dy !== undefined) {
    give(0, () => throughNormalised(parts, wide(dy).mul(wide(x(1)))).castLike(x(0)))
    give(1, () => wide(dy).mul(parts.hat).castLike(x(1)))
    give(2, () => dy.castLike(x(2)))
  }
  const share = () => input.share(axes)
  if (dMean !== undefined) give(0, () => dMean.mul(share()).expandLike(input).castLike(x(0)))
  if (dInverse !== undefined)
    give(0, () => {
      const { centred, r } = parts
      return centred.mul(r.square().mul(r).mul(dInverse).mul(share()).neg()).castLike(x(0))
    })
}

/** Halves in single precision, where `stash_type` says that statistics are taken in it. */
function widening(node: Node): (value: Value) => Value {
  const single = intOf(node, 'stash_type', 1) === 1
  return (value) => (single && isHalf(value.dtype) ? value.cast('float32') : value)
}

/** y = γ·x̂ + β, each channel of each example alone. */
export const instanceGradient: GradientRule = ({ node, x, dy, give }) => {
  const { rank } = x(0)
  const parts = normalised(x(0), range(2, rank), floatOf(node, 'epsilon', 1e-5))
  give(0, () => throughNormalised(parts, dy.mul(asChannels(x(1), rank))))
  give(1, () => dy.mul(parts.hat).sum(allButChannel(rank), false))
  give(2, () => dy.sum(allButChannel(rank), false))
}

/** y = γ·x̂ + β, the channels of a group together. γ and β belong to channels, and to groups until opset 20. */
export const groupGradient: GradientRule = ({ node, opset, builder, x, dy, give }) => {
  const { rank } = x(0)
  const groups = intOf(node, 'num_groups')
  if (groups === undefined) throw new ModelError(`${describe(node)}: its attribute num_groups is missing`)
  const wide = opset < 21 ? (value: Value) => value : widening(node)
  const grad = wide(dy)
  const gamma = wide(x(1))
  // [batch, groups, all that is normalised together]
  const grouped = (value: Value): Value => value.op('Reshape', [builder.ints([0, groups, -1])])
  const parts = normalised(grouped(wide(x(0))), [2], floatOf(node, 'epsilon', 1e-5))
  const byGroup = opset < 21
  const g = () => (byGroup ? grouped(grad).mul(asChannels(gamma, 3)) : grouped(grad.mul(asChannels(gamma, rank))))
  const collected = (value: Value): Value =>
    byGroup ? value.sum([0, 2], false) : value.reshapeLike(x(0)).sum(allButChannel(rank), false)
  give(0, () => throughNormalised(parts, g()).reshapeLike(x(0)).castLike(x(0)))
  give(1, () => collected(grouped(grad).mul(parts.hat)).castLike(x(1)))
  give(2, () => collected(grouped(grad)).castLike(x(2)))
}

/** y = x/n with n = ‖x‖ₚ: dx = (dy − ∂n/∂x·Σ dy·y)/n. Where n is 0, so is y, and the gradient is taken to be 0. */
export const lpNormalizationGradient: GradientRule = ({ node, x, dy, give }) =>
  give(0, () => {
    const axes = [axisOf(node, intOf(node, 'axis', -1), x(0).rank)]
    const manhattan = intOf(node, 'p', 2) === 1
    const power = (manhattan ? x(0).abs() : x(0).square()).sum(axes)
    const nothing = power.equal(0)
    const positive = nothing.where(1, power)
    const inverse = nothing.where(0, (manhattan ? positive : positive.sqrt()).reciprocal())
    const y = x(0).mul(inverse)
    return dy.sub((manhattan ? x(0).sign() : y).mul(dy.mul(y).sum(axes))).mul(inverse)
  })

/** Of an LRN: its window is a matrix of 64 MiB then. */
const MOST_CHANNELS = 4096

/**
 * y = x·s^−β with s = k + α/size·W·x², where W sums over neighbouring channels:
 * dx = dy·s^−β − 2αβ/size·x·Wᵀ(dy·x·s^(−β−1)).
 */
export const lrnGradient: GradientRule = ({ node, builder, x, dy, give }) =>
  give(0, () => {
    const size = intOf(node, 'size')
    if (size === undefined) throw new ModelError(`${describe(node)}: its attribute size is missing`)
    const [alpha, beta] = [floatOf(node, 'alpha', 1e-4), floatOf(node, 'beta', 0.75)]
    const channels = x(0).size(1)
    if (channels > MOST_CHANNELS)
      throw new ModelError(
        `${describe(node)}: its gradient takes a matrix of channels by channels; expected at most ${MOST_CHANNELS} channels, got ${channels}`,
      )
    // A band matrix: row c is 1 at the channels that count for c.
    const [below, above] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)]
    const band = range(0, channels).flatMap((c) =>
      range(0, channels).map((other) => Number(other >= c - below && other <= c + above)),
    )
    const window = builder.constant(x(0).dtype ?? 'float32', [channels, channels], band)
    const overChannels = (matrix: Value, value: Value): Value =>
      matrix.matmul(value.op('Reshape', [builder.ints([0, channels, -1])])).reshapeLike(x(0))
    const s = overChannels(window, x(0).square())
      .mul(alpha / size)
      .add(floatOf(node, 'bias', 1))
    const shared = overChannels(window.transpose(), dy.mul(x(0)).mul(s.pow(-beta - 1)))
    return dy.mul(s.pow(-beta)).sub(
      x(0)
        .mul(shared)
        .mul((2 * alpha * beta) / size),
    )
  })

/** y = c/d with c = x − μ and d = σ + 1e-9: dx = (dy − mean(dy))/d − c·mean(dy·c)/(d²·σ). */
export const meanVarianceGradient: GradientRule = ({ node, x, dy, give }) =>
  give(0, () => {
    const { rank } = x(0)
    const axes = (intsOf(node, 'axes') ?? [0, 2, 3]).map((axis) => axisOf(node, axis, rank))
    const c = x(0).sub(x(0).mean(axes))
    const inverse = c.square().mean(axes).sqrt().add(1e-9).reciprocal()
    // 1/σ is taken to be 1/d, which is the same to rounding, and finite where σ is 0 (and c too).
    const along = dy.mul(c).mean(axes).mul(inverse.square())
    return dy.sub(dy.mean(axes)).sub(c.mul(along)).mul(inverse)
  })
