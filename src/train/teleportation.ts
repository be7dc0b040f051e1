import type { Cob } from '../cob/cob.js'
import { sampleCob, type Sampling } from '../cob/sample.js'
import { type Model, ModelError, type Tensor } from '../graph/model.js'
import type { Scope } from '../ops/rule.js'
import { hostOfTensor, tensorOfHost } from '../runtime/host.js'
import type { HostTensor, HostTensors } from '../runtime/session.js'
import { movedGradients } from '../teleport/gradients.js'
import { pseudoTeleport } from '../teleport/pseudo.js'
import { teleport } from '../teleport/teleport.js'
import { trainingQuiver } from '../teleport/training-quiver.js'

interface Common {
  /** After how many epochs; 0 is before the first. */
  readonly epoch: number
  /**
   * What becomes of the optimiser's state: `reset` (default) to zero; `keep` as it is, though it belongs to other weights; `transport`
   * moves it as gradients move, by τ_in/τ_out (Theorem 2), second moments by its square.
   */
  readonly momentum?: 'reset' | 'keep' | 'transport'
  /**
   * Default `full`, as in the paper, or the scope that a given CoB was drawn for. In `weights` the network keeps its nodes, and neurons
   * before a BatchNormalization stay where they are: with batch statistics their τ would not pass.
   */
  readonly scope?: Scope
}

interface Drawn extends Common {
  /** Default `intra`. */
  readonly sampling?: Sampling
  /** The CoB-range σ; default 0.9. */
  readonly range?: number
  /** Default: derived from the run's seed, another one for each teleportation. */
  readonly seed?: number
}

/** A teleportation during training: drawn (`random`), to a random point as far away (`pseudo`), or by a CoB that is `given`. */
export type Teleportation =
  | (Drawn & { readonly kind: 'random' })
  | (Drawn & { readonly kind: 'pseudo'; readonly norm?: 'l1' | 'l2' })
  | (Common & { readonly kind: 'given'; readonly cob: Cob })

/** Where training goes on after a teleportation. */
export interface Landing {
  readonly model: Model
  /** By `STATE/PARAMETER`; empty where it begins at zero. */
  readonly optimizer: HostTensors
  /** What was done, in a few words. */
  readonly description: string
}

/**
 * Teleports a network in the middle of its training.
 * @param optimizer the optimiser's state by `STATE/PARAMETER`
 * @param seed of a teleportation that has none
 * @throws ModelError if a given CoB does not fit, or a pseudo-teleportation's momentum is to be transported
 */
export function land(model: Model, optimizer: HostTensors, teleportation: Teleportation, seed: number): Landing {
  const settled = settle(teleportation, seed)
  const { kind, momentum, scope } = settled
  if (kind === 'pseudo' && momentum === 'transport')
    throw new ModelError(
      "teleportation: the momentum of a pseudo-teleportation cannot be transported, for it has no change of basis; expected 'reset' or 'keep'",
    )
  const quiver = trainingQuiver(model, scope)
  const cob = kind === 'given' ? settled.cob : sampleCob(quiver, settled)
  const moved = teleport(model, quiver, cob)
  const description = describe(settled, cob)
  const states = {
    reset: () => new Map<string, HostTensor>(),
    keep: () => optimizer,
    transport: () => transported(model, optimizer, scope, cob),
  }
  const landed = kind === 'pseudo' ? pseudoTeleport(model, moved, settled) : moved
  return { model: landed, optimizer: states[momentum](), description }
}

type Settled = { readonly momentum: 'reset' | 'keep' | 'transport'; readonly scope: Scope } & (
  | {
      readonly kind: 'random' | 'pseudo'
      readonly sampling: Sampling
      readonly range: number
      readonly seed: number
      readonly norm?: 'l1' | 'l2'
    }
  | { readonly kind: 'given'; readonly cob: Cob }
)

/** With defaults. */
function settle(teleportation: Teleportation, seed: number): Settled {
  const { momentum = 'reset' } = teleportation
  if (teleportation.kind === 'given') {
    const { cob, scope = cob.origin.scope ?? 'full' } = teleportation
    return { kind: 'given', momentum, scope, cob }
  }
  return { sampling: 'intra', range: 0.9, scope: 'full', seed, ...teleportation, momentum }
}

function describe(settled: Settled, { factors }: Cob): string {
  const { kind, scope, momentum } = settled
  let neurons = 0
  for (const tau of factors.values()) neurons += tau.filter((value) => value !== 1).length
  const drawn = kind === 'given' ? '' : ` ${settled.sampling} ${settled.range}, seed ${settled.seed}`
  return `${kind}${drawn}, scope ${scope}, momentum ${momentum}: ${neurons} neurons`
}

/** The optimiser's state as gradients move, its second moments as their squares. */
function transported(model: Model, optimizer: HostTensors, scope: Scope, cob: Cob): HostTensors {
  const byState = new Map<string, Map<string, Tensor>>()
  for (const [key, value] of optimizer) {
    const slash = key.indexOf('/')
    const [state, name] = [key.slice(0, slash), key.slice(slash + 1)]
    byState.set(state, (byState.get(state) ?? new Map<string, Tensor>()).set(name, tensorOfHost(name, value)))
  }
  const result = new Map<string, HostTensor>()
  for (const [state, tensors] of byState) {
    const power = state === SECOND_MOMENT ? 2 : 1
    const moved = movedGradients(model, tensors, (filled) => trainingQuiver(filled, scope), cob, power)
    for (const [name, tensor] of moved) result.set(`${state}/${name}`, hostOfTensor(tensor))
  }
  return result
}

/** Adam's mean of squared gradients. */
const SECOND_MOMENT = 'exp_avg_sq'
