import type { Attribute, Graph, Model, Node, Tensor } from '../graph/model.js'

/**
 * The model with other weights, under the names that `weightsOf` gives them; what is not named stays. The new model shares
 * everything else, and belongs to no file.
 */
export function withWeights(model: Model, weights: ReadonlyMap<string, Tensor>): Model {
  if (weights.size === 0) return model
  const { storage: _storage, ...rest } = model
  return { ...rest, graph: graphWith(model.graph, '', weights) }
}

function graphWith(graph: Graph, path: string, weights: ReadonlyMap<string, Tensor>): Graph {
  const initializers = new Map(graph.initializers)
  for (const name of graph.initializers.keys()) {
    const tensor = weights.get(path + name)
    if (tensor !== undefined) initializers.set(name, { ...tensor, name })
  }
  return { ...graph, initializers, nodes: graph.nodes.map((node) => nodeWith(node, path, weights)) }
}

function nodeWith(node: Node, path: string, weights: ReadonlyMap<string, Tensor>): Node {
  const output = node.outputs[0] ?? ''
  let attributes: Map<string, Attribute> | undefined
  for (const [key, attribute] of node.attributes) {
    const place = `${path}${output}/${key}`
    const tensor = attribute.type === 'tensor' ? weights.get(place) : undefined
    let changed
    if (tensor !== undefined) changed = { type: 'tensor', value: tensor } as const
    else if (attribute.type === 'graph')
      changed = { type: 'graph', value: graphWith(attribute.value, `${place}/`, weights) } as const
    else if (attribute.type === 'graphs')
      changed = {
        type: 'graphs',
        value: attribute.value.map((inner, i) => graphWith(inner, `${place}/${i}/`, weights)),
      } as const
    if (changed !== undefined) (attributes ??= new Map(node.attributes)).set(key, changed)
  }
  return attributes === undefined ? node : { ...node, attributes }
}
