import { subgraphsOf } from './attributes.js'
import type { Graph, Node } from './model.js'

/**
 * The names that a node reads, those that graphs inside it read among them: these may be of any graph around. Names that such a graph
 * gives to its own values are there too, which does no harm, since names are unique. No empty names.
 */
export function* readBy(node: Node): Iterable<string> {
  for (const name of node.inputs) if (name !== '') yield name
  for (const { graph } of subgraphsOf(node)) yield* readIn(graph)
}

/** The names that a graph's nodes read, and those of its outputs. */
export function* readIn(graph: Graph): Iterable<string> {
  for (const node of graph.nodes) yield* readBy(node)
  for (const { name } of graph.outputs) yield name
}

/** Every name that a graph, or one inside it, uses. */
export function namesIn(graph: Graph): Set<string> {
  const names = new Set<string>([...graph.initializers.keys(), ...graph.sparseInitializers])
  for (const { name } of [...graph.inputs, ...graph.outputs]) names.add(name)
  for (const node of graph.nodes) {
    for (const name of [...node.inputs, ...node.outputs]) names.add(name)
    for (const { graph: inner } of subgraphsOf(node)) for (const name of namesIn(inner)) names.add(name)
  }
  return names
}
