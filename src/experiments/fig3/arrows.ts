import { sampleCob } from '../../cob/sample.js'
import type { Model, Tensor } from '../../graph/model.js'
import { sizeOf, tensorOf } from '../../graph/tensor.js'
import { RESCALE_PREFIX } from '../../ops/field.js'
import type { Quiver } from '../../quiver/quiver.js'
import { teleport } from '../../teleport/teleport.js'
import { withWeights } from '../../teleport/weights.js'

/** A network with all arrows of its quiver. */
export interface WithArrows {
  /** The same function, with a Mul by 1 on each arrow that gets a factor of its own when the network is teleported. */
  readonly model: Model
  /** The names of those factors. */
  readonly arrows: readonly string[]
}

/**
 * In scope `full` some arrows get a factor of their own: residual arrows, and those into a BatchNormalization. In the paper's theory they are weights
 * like all others (which are 1 before the first teleportation); here they are made explicit, so that there is a gradient by them.
 */
export function withArrows(model: Model, quiver: Quiver, range: number): WithArrows {
  const moved = teleport(model, quiver, sampleCob(quiver, { range, seed: 0 }))
  const arrows = arrowsOf(moved)
  const ones = arrows.map((name): [string, Tensor] => {
    const { dtype, dims } = moved.graph.initializers.get(name) as Tensor
    return [name, tensorOf(name, dtype, dims, new Float64Array(sizeOf(dims)).fill(1))]
  })
  return { model: withWeights(moved, new Map([...model.graph.initializers, ...ones])), arrows }
}

/** The factors that a teleportation inserted. */
export function arrowsOf(moved: Model): string[] {
  return [...moved.graph.initializers.keys()].filter((name) => name.startsWith(RESCALE_PREFIX))
}
