import { hasSubgraphs } from '../../graph/attributes.js'
import type { Model } from '../../graph/model.js'
import { BUILT_OPSET } from '../../shapes/build.js'

/**
 * True if the graph can be written anew, with other names inside: there are no subgraphs, which would refer to the old ones, and all inputs
 * have types and fixed sizes. Other models stay as they are.
 */
export function isRewritable({ graph, functions }: Model): boolean {
  return (
    functions.length === 0 &&
    graph.sparseInitializers.length === 0 &&
    !graph.nodes.some(hasSubgraphs) &&
    graph.inputs.every(
      ({ dtype, shape }) => dtype !== undefined && shape?.every((dim) => typeof dim === 'number') === true,
    )
  )
}

/** What a model that was written anew imports: what it did, with the standard's operators in the form that builders emit or a later one. */
export function opsetsOf({ opsets }: Model, added: string, without = ''): ReadonlyMap<string, number> {
  const all = new Map([...opsets, ['', Math.max(opsets.get('') ?? 0, BUILT_OPSET)], [added, 1]] as const)
  if (without !== '') all.delete(without)
  return all
}
