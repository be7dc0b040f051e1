import { hasSubgraphs } from './attributes.js'
import type { Model, Node } from './model.js'

/**
 * The model without Identity nodes that only rename a node's output to a graph's output: the node gives the output itself. For a runtime an
 * Identity is a copy where the value is used elsewhere too. Values that subgraphs may read keep their names.
 */
export function withDirectOutputs(model: Model): Model {
  const { graph } = model
  const outputs = new Set(graph.outputs.map(({ name }) => name))
  const computed = new Set(graph.nodes.flatMap((node) => node.outputs))
  const renamed = new Map<string, string>()
  const dropped = new Set<Node>()
  if (graph.nodes.some(hasSubgraphs)) return model
  for (const node of graph.nodes) {
    const [from = '', to = ''] = [node.inputs[0], node.outputs[0]]
    if (node.opType !== 'Identity' || node.domain !== '' || !outputs.has(to)) continue
    if (!computed.has(from) || outputs.has(from) || renamed.has(from)) continue
    renamed.set(from, to)
    dropped.add(node)
  }
  if (dropped.size === 0) return model
  const named = (name: string) => renamed.get(name) ?? name
  const nodes = graph.nodes
    .filter((node) => !dropped.has(node))
    .map((node) =>
      [...node.inputs, ...node.outputs].some((name) => renamed.has(name))
        ? { ...node, inputs: node.inputs.map(named), outputs: node.outputs.map(named) }
        : node,
    )
  const valueInfo = new Map([...graph.valueInfo].filter(([name]) => !renamed.has(name)))
  const { storage: _storage, ...rest } = model
  return { ...rest, graph: { ...graph, nodes, valueInfo } }
}
