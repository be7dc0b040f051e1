import { subgraphsOf } from './attributes.js'
import type { Graph, Model, Node } from './model.js'

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
  return { ...model, graph: { ...graph, nodes: nodes.reverse(), initializers, sparseInitializers, valueInfo } }
}

/** What a node reads; names of its subgraphs' own values too, which does no harm. */
function* readBy(node: Node): Iterable<string> {
  yield* node.inputs
  for (const { graph } of subgraphsOf(node)) yield* readInside(graph)
}

function* readInside(graph: Graph): Iterable<string> {
  for (const node of graph.nodes) yield* readBy(node)
  for (const { name } of graph.outputs) yield name
}
