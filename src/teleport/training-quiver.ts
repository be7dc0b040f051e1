import type { Model } from '../graph/model.js'
import type { Scope } from '../ops/rule.js'
import { type Quiver, quiverOf } from '../quiver/quiver.js'

/**
 * The quiver of a network that is run with batch statistics: the input of every BatchNormalization has τ = 1. In scope `full`
 * divisions before it see to that; in scope `weights` the neurons before it keep τ = 1.
 */
export function trainingQuiver(model: Model, scope: Scope): Quiver {
  const quiver = quiverOf(model, { scope })
  if (scope === 'full') return quiver
  const normalizations = model.graph.nodes.filter(
    ({ opType, domain }) => opType === 'BatchNormalization' && domain === '',
  )
  const variables = new Set<number>()
  for (const node of normalizations)
    for (const scale of quiver.fields.get(node.inputs[0] ?? '')?.ids ?? [])
      for (const [variable] of quiver.classes.powersOf(scale)) variables.add(variable)
  const reaches = (scale: number) => quiver.classes.powersOf(scale).some(([variable]) => variables.has(variable))
  const exclude = quiver.vertices
    .filter(({ first, size }) => Array.from({ length: size }, (_, i) => first + i + 1).some(reaches))
    .map(({ name }) => name)
  return exclude.length === 0 ? quiver : quiverOf(model, { scope, exclude })
}
