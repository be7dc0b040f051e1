import { subgraphsOf } from '../graph/attributes.js'
import type { Node } from '../graph/model.js'
import type { GraphPlan } from './plan.js'

/**
 * Operators that round activations: where rounding noise tips a value over the edge between two integers the function jumps.
 * (A Cast to an integer rounds too, but stands mostly in shape arithmetic; it demands τ = 1 of its own input.)
 */
const ROUNDING = new Set(['QuantizeLinear', 'DynamicQuantizeLinear', 'Round', 'Floor', 'Ceil'])

/** Operators whose result depends on their input's shape alone. */
const SHAPE_ONLY = new Set(['Shape', 'Size', 'EyeLike', 'RandomNormalLike', 'RandomUniformLike'])

/** Names of values of a graph on which a rounding operator's result depends. */
export function roundedValues(plan: GraphPlan): ReadonlySet<string> {
  const rounded = new Set<string>()
  const found =
    plan.graph.nodes.some((node) => ROUNDING.has(node.opType)) ||
    (plan.subgraphs.size > 0 && plan.graph.nodes.some(rounds))
  if (!found) return rounded
  // Backwards, so that whatever reads a node's outputs has been seen before the node itself.
  for (const node of plan.graph.nodes.toReversed()) {
    if (SHAPE_ONLY.has(node.opType)) continue
    if (rounds(node) || node.outputs.some((name) => rounded.has(name)))
      for (const name of node.inputs) rounded.add(name)
  }
  return rounded
}

/** Itself, or a node of its subgraphs. */
function rounds(node: Node): boolean {
  return ROUNDING.has(node.opType) || subgraphsOf(node).some(({ graph }) => graph.nodes.some(rounds))
}
