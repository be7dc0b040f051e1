import type { Value } from '../graph/value.js'
import { ModelError } from '../graph/model.js'
import { checkSetting, constantAfter, type Optimizer, type Updated, type UpdateScalars } from './optimizer.js'

export interface AdamOptions {
  /** Default 0.001. */
  readonly lr?: number
  /** How much of the running means of gradients and of their squares stays. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number]
  /** Added to the denominator. Default 1e-8. */
  readonly eps?: number
  /** `adam`: weightDecay · w is added to the gradient, default 0. `adamw`: w shrinks by lr · weightDecay · w, default 0.01. */
  readonly weightDecay?: number
}

/**
 * Adam (Kingma and Ba 2015), the arithmetic of torch.optim.Adam: m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²;
 * w ← w − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε). @throws ModelError for settings that make no sense
 */
export function adam(options: AdamOptions = {}): Optimizer {
  return adamOf('adam', { weightDecay: 0, ...options })
}

/** Adam with decoupled weight decay (Loshchilov and Hutter 2019), the arithmetic of torch.optim.AdamW. See `adam`. */
export function adamw(options: AdamOptions = {}): Optimizer {
  return adamOf('adamw', { weightDecay: 0.01, ...options })
}

function adamOf(name: 'adam' | 'adamw', options: AdamOptions & { readonly weightDecay: number }): Optimizer {
  const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay } = options
  checkSetting(name, 'lr', lr, 0)
  checkSetting(name, 'eps', eps, 0)
  checkSetting(name, 'weightDecay', weightDecay, 0)
  const [beta1, beta2] = betas
  if (betas.length !== 2 || !betas.every((beta) => beta >= 0 && beta < 1))
    throw new ModelError(`${name}: betas are [${betas.join(', ')}]; expected two numbers of [0, 1)`)

  const update = (w: Value, gradient: Value, [mean, square]: readonly Value[], scalars: UpdateScalars): Updated => {
    const { rate, epsilon } = corrected(w, scalars, beta1, beta2, eps)
    const decays = weightDecay !== 0
    const g = decays && name === 'adam' ? gradient.add(w.mul(constantAfter(gradient, weightDecay))) : gradient
    const kept = decays && name === 'adamw' ? w.mul(scalars.lr.mul(weightDecay).subtractedFrom(1)) : w
    const m = (mean as Value).mul(constantAfter(g, beta1)).add(g.mul(1 - beta1))
    const squared = g.square().mul(1 - beta2)
    const v = (square as Value).mul(constantAfter(squared, beta2)).add(squared)
    return { parameter: kept.sub(m.div(v.sqrt().add(epsilon)).mul(rate)), states: [m, v] }
  }
  return {
    name,
    lr,
    settings: { lr, betas: [beta1, beta2], eps, weight_decay: weightDecay },
    states: ['exp_avg', 'exp_avg_sq'],
    countsUpdates: true,
    update,
  }
}

/**
 * With c = √(1 − β₂ᵗ), m / (√v/c + ε) = c · m / (√v + c·ε): so that both corrections are scalars. They are computed in double precision, since 1 − β₂ᵗ
 * loses digits.
 */
function corrected(like: Value, { lr, update }: UpdateScalars, beta1: number, beta2: number, eps: number) {
  const t = (update as Value).cast('float64')
  const c = t.constant(beta2).pow(t).subtractedFrom(1).sqrt()
  const rate = lr.cast('float64').mul(c).div(t.constant(beta1).pow(t).subtractedFrom(1))
  return { rate: rate.castLike(like), epsilon: c.mul(eps).castLike(like) }
}
