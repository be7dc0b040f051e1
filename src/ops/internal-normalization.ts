import { floatOf } from '../graph/attributes.js'
import type { Value } from '../graph/value.js'
import { columnSum } from './column-sum.js'
import { facts } from './facts.js'
import type { ExpansionContext, InternalOperator } from './internal.js'
import type { GradientRule, ShapeRule } from './rule.js'

/**
 * BatchNormalization with batch statistics and the channels last: x [.., C], γ [C], β [C].
 * Outputs: γ·(x − μ)·r + β; μ [1, C]; σ² [1, C] (biased); x − μ; r = 1/√(σ² + ε) [1, C].
 */
const shape: ShapeRule = (context) => {
  const { dtype, shape: dims } = context.input(0)
  if (dims === undefined) return []
  const statistic = facts(dtype, [1, dims.at(-1) ?? 1])
  const whole = facts(dtype, dims)
  return [whole, statistic, statistic, whole, statistic]
}

function rowsOf(value: Value): number {
  return value
    .sizes()
    .slice(0, -1)
    .reduce((product, size) => product * size, 1)
}

/** dx = γr·(dy − mean(dy) − (x − μ)·r²·mean(dy·(x − μ))): two products and two sums for each element. */
const gradient: GradientRule = ({ x, y, dy, give }) => {
  const centred = y(3)
  const r = y(4)
  const count = rowsOf(dy)
  const sum = columnSum(dy)
  const along = columnSum(dy.mul(centred))
  give(0, () => {
    const slope = along.mul(r.square()).mul(-1 / count)
    return dy
      .add(centred.mul(slope))
      .add(sum.mul(-1 / count))
      .mul(x(1).mul(r))
  })
  give(1, () => along.mul(r).reshapeLike(x(1)))
  give(2, () => sum.reshapeLike(x(2)))
}

function expand({ node, x }: ExpansionContext): readonly Value[] {
  const value = x(0)
  const count = rowsOf(value)
  const mean = columnSum(value, 1 / count)
  const centred = value.sub(mean)
  const variance = columnSum(centred.square(), 1 / count)
  const r = variance
    .add(floatOf(node, 'epsilon', 1e-5))
    .sqrt()
    .reciprocal()
  return [centred.mul(x(1).mul(r)).add(x(2)), mean, variance, centred, r]
}

export const columnNormalization: InternalOperator = {
  shape,
  scale: { pinned: 'an internal operator' },
  gradient,
  expand,
  summary: 'batch normalisation, channels last',
}
