import type { Optimizer, UpdateScalars } from './optimizer.js'
import { checkSetting, constantAfter } from './optimizer.js'
import { ModelError } from '../graph/model.js'
import type { Value } from '../graph/value.js'

export interface SgdOptions {
  readonly lr: number
  /** Default 0. */
  readonly momentum?: number
  /** How much less of a gradient enters the momentum, from the second update on. Default 0. */
  readonly dampening?: number
  /** Nesterov's momentum. Default false. */
  readonly nesterov?: boolean
  /** L2 penalty: weightDecay · w is added to the gradient. Default 0. */
  readonly weightDecay?: number
}

/**
 * Stochastic gradient descent, the arithmetic of torch.optim.SGD: d = g + λw; b ← μb + (1 − dampening)d; w ← w − lr·b, or with Nesterov's
 * momentum w − lr·(d + μb). @throws ModelError for settings that make no sense
 */
export function sgd(options: SgdOptions): Optimizer {
  const { lr, momentum = 0, dampening = 0, nesterov = false, weightDecay = 0 } = options
  checkSetting('sgd', 'lr', lr, 0)
  checkSetting('sgd', 'momentum', momentum, 0)
  checkSetting('sgd', 'dampening', dampening, -Infinity)
  checkSetting('sgd', 'weightDecay', weightDecay, 0)
  if (nesterov && (momentum === 0 || dampening !== 0))
    throw new ModelError('sgd: nesterov needs a momentum above 0 and no dampening')
  const settings = { lr, momentum, dampening, nesterov, weight_decay: weightDecay }

  // w·(1 − lr·λ) − lr·g takes a pass over memory less than w − lr·(g + λw), and is the same but for rounding.
  const plain = (w: Value, g: Value, { lr }: UpdateScalars) => {
    const kept = weightDecay === 0 ? w : w.mul(lr.mul(weightDecay).subtractedFrom(1))
    return { parameter: kept.sub(g.mul(lr)), states: [] }
  }
  const withMomentum = (w: Value, g: Value, [buffer]: readonly Value[], { lr, update }: UpdateScalars) => {
    const d = weightDecay === 0 ? g : g.add(w.mul(constantAfter(g, weightDecay)))
    // The first update takes the whole gradient.
    const damped =
      dampening === 0 ? d : d.mul((update as Value).equal(1).where(lr.constant(1), lr.constant(1 - dampening)))
    const b = (buffer as Value).mul(constantAfter(damped, momentum)).add(damped)
    const direction = nesterov ? d.add(b.mul(momentum)) : b
    return { parameter: w.sub(direction.mul(lr)), states: [b] }
  }
  return momentum === 0
    ? {
        name: 'sgd',
        lr,
        settings,
        states: [],
        countsUpdates: false,
        update: (w, g, _, scalars) => plain(w, g, scalars),
      }
    : {
        name: 'sgd',
        lr,
        settings,
        states: ['momentum_buffer'],
        countsUpdates: dampening !== 0,
        update: withMomentum,
      }
}
