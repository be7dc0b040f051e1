import { type Cob, compose, invert } from '../cob/cob.js'
import type { Model, Tensor } from '../graph/model.js'
import type { Quiver } from '../quiver/quiver.js'
import { teleport } from './teleport.js'
import { withWeights } from './weights.js'

/**
 * What a teleportation makes of gradients, by Theorem 2 (paper, section 4.1): ∇V = (1/τ_out) · ∇W · τ_in. Gradients scale inversely to
 * weights, so they move as weights do under the inverse change of basis.
 * @param gradients one for each weight that is to be looked at, by the initializer's name, in its shape and type
 * @param quiverOf the quiver of a network of the model's graph, as the teleportation had it
 * @param power 2 for what scales as squared gradients, as Adam's second moment does; default 1
 * @returns the same names; one that is missing is of no weight of the teleported model
 */
export function movedGradients(
  model: Model,
  gradients: ReadonlyMap<string, Tensor>,
  quiverOf: (model: Model) => Quiver,
  cob: Cob,
  power: 1 | 2 = 1,
): Map<string, Tensor> {
  const inverse = invert(cob)
  const filled = withWeights(model, gradients)
  const moved = teleport(filled, quiverOf(filled), power === 1 ? inverse : compose(inverse, inverse))
  return new Map(
    [...gradients.keys()].flatMap((name) => {
      const tensor = moved.graph.initializers.get(name)
      return tensor === undefined ? [] : [[name, tensor] as const]
    }),
  )
}
