import { compose, type Cob, invert } from '../cob/cob.js'
import { sampleCob, type Sampling } from '../cob/sample.js'
import { type Model, ModelError, type Tensor } from '../graph/model.js'
import { MemoryData } from '../graph/tensor.js'
import { quoted } from '../graph/text.js'
import type { Scope } from '../ops/rule.js'
import { type Quiver, quiverOf } from '../quiver/quiver.js'
import { hostTensorOf, isHostDType } from '../runtime/host.js'
import type { HostTensor, HostTensors } from '../runtime/session.js'
import { pseudoTeleport } from '../teleport/pseudo.js'
import { teleport } from '../teleport/teleport.js'
import { withWeights } from '../teleport/weights.js'

interface Common {
  /** After how many epochs; 0 is before the first. */
  readonly epoch: number
  /**
   * What becomes of the optimiser's state: `reset` (default) to zero; `keep` as it is, though it belongs to other weights; `transport`
   * moves it as gradients move, by τ_in/τ_out (Theorem 2), second moments by its square.
   */
  readonly momentum?: 'reset' | 'keep' | 'transport'
  /**
   * Default `full`, as in the paper. In `weights` the network keeps its nodes, and neurons before a BatchNormalization stay where they
   * are: with batch statistics their τ would not pass.
   */
  readonly scope?: Scope
}

interface Drawn extends Common {
  /** Default `intra`. */
  readonly sampling?: Sampling
  /** The CoB-range σ; default 0.9. */
  readonly range?: number
  /** Default: the run's seed. */
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
}

/**
 * Teleports a network in the middle of its training.
 * @param optimizer the optimiser's state by `STATE/PARAMETER`
 * @param seed of the run
 * @throws ModelError if a given CoB does not fit, or a pseudo-teleportation's momentum is to be transported
 */
export function land(model: Model, optimizer: HostTensors, teleportation: Teleportation, seed: number): Landing {
  const { momentum = 'reset', scope = 'full' } = teleportation
  const quiver = trainingQuiver(model, scope)
  const cob = cobOf(quiver, teleportation, seed)
  const moved = teleport(model, quiver, cob)
  if (teleportation.kind === 'pseudo') {
    if (momentum === 'transport')
      throw new ModelError(
        "teleportation: the momentum of a pseudo-teleportation cannot be transported, for it has no change of basis; expected 'reset' or 'keep'",
      )
    const { norm = 'l2' } = teleportation
    const landed = pseudoTeleport(model, moved, { seed: teleportation.seed ?? seed, norm })
    return { model: landed, optimizer: momentum === 'keep' ? optimizer : new Map() }
  }
  if (momentum === 'reset') return { model: moved, optimizer: new Map() }
  return { model: moved, optimizer: momentum === 'keep' ? optimizer : transported(model, optimizer, scope, cob) }
}

function cobOf(quiver: Quiver, teleportation: Teleportation, seed: number): Cob {
  if (teleportation.kind === 'given') return teleportation.cob
  const { sampling = 'intra', range = 0.9 } = teleportation
  return sampleCob(quiver, { sampling, range, seed: teleportation.seed ?? seed })
}

/**
 * The quiver of a network that is trained with batch statistics: the input of every BatchNormalization has τ = 1. In scope `full`
 * divisions before it see to that.
 */
export function trainingQuiver(model: Model, scope: Scope): Quiver {
  const quiver = quiverOf(model, { scope })
  if (scope === 'full') return quiver
  const before = model.graph.nodes.filter(({ opType, domain }) => opType === 'BatchNormalization' && domain === '')
  const variables = new Set<number>()
  for (const node of before)
    for (const scale of quiver.fields.get(node.inputs[0] ?? '')?.ids ?? [])
      for (const [variable] of quiver.classes.powersOf(scale)) variables.add(variable)
  const exclude = quiver.vertices
    .filter(({ first, size }) =>
      Array.from({ length: size }, (_, i) => quiver.classes.powersOf(first + i + 1)).some((powers) =>
        powers.some(([variable]) => variables.has(variable)),
      ),
    )
    .map(({ name }) => name)
  return exclude.length === 0 ? quiver : quiverOf(model, { scope, exclude })
}

/** Gradients scale inversely to weights: moving them as weights by 1/τ is moving them by τ_in/τ_out. */
function transported(model: Model, optimizer: HostTensors, scope: Scope, cob: Cob): HostTensors {
  const inverse = invert(cob)
  const squared = compose(inverse, inverse)
  const byState = new Map<string, Map<string, Tensor>>()
  for (const [key, { dtype, dims, data }] of optimizer) {
    const slash = key.indexOf('/')
    const [state, name] = [key.slice(0, slash), key.slice(slash + 1)]
    const { buffer, byteOffset, byteLength } = data as Float32Array
    const tensor = { name, dtype, dims, data: new MemoryData(new Uint8Array(buffer, byteOffset, byteLength)) }
    byState.set(state, (byState.get(state) ?? new Map<string, Tensor>()).set(name, tensor))
  }
  const result = new Map<string, HostTensor>()
  for (const [state, tensors] of byState) {
    const filled = withWeights(model, tensors)
    const moved = teleport(filled, trainingQuiver(filled, scope), state === SECOND_MOMENT ? squared : inverse)
    for (const name of tensors.keys()) {
      const tensor = moved.graph.initializers.get(name)
      if (tensor === undefined || !isHostDType(tensor.dtype))
        throw new ModelError(
          `teleportation: the state ${quoted(`${state}/${name}`)} belongs to no weight of the network`,
        )
      const bytes = tensor.data.read(0, tensor.data.byteLength)
      result.set(`${state}/${name}`, hostTensorOf(tensor.dtype, tensor.dims, bytes))
    }
  }
  return result
}

/** Adam's mean of squared gradients. */
const SECOND_MOMENT = 'exp_avg_sq'
