import type { Model, Node } from './model.js'
import { readBy } from './reads.js'

/** The model without nodes and initializers that no output depends on. Inputs stay, needed or not. */
export function pruned(model: Model): Model {
  const { graph } = model
  const needed = new Set(graph.outputs.map(({ name }) => name))
  const nodes: Node[] = []
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => needed.has(name))) continue
    nodes.push(node)
    for (const name of readBy(node)) needed.add(name)
  }
  const initializers = new Map([...graph.initializers].filter(([name]) => needed.has(name)))
  const valueInfo = new Map([...graph.valueInfo].filter(([name]) => needed.has(name)))
  const sparseInitializers = graph.sparseInitializers.filter((name) => needed.has(name))
  const { storage: _storage, ...rest } = model
  return { ...rest, graph: { ...graph, nodes: nodes.reverse(), initializers, sparseInitializers, valueInfo } }
}
