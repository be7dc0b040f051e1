import { type Attribute, type Graph, ModelError, type Node, type Tensor } from './model.js'

/** `Conv 'features.0'`, for messages: the operator and the node's name, or its first output where it has none. */
export function describe(node: Node): string {
  return `${node.domain === '' ? '' : `${node.domain}.`}${node.opType} '${node.name || node.outputs.find((name) => name !== '') || ''}'`
}

type ValueOf<T extends Attribute['type']> = Extract<Attribute, { readonly type: T }>['value']

function attribute<T extends Attribute['type']>(node: Node, name: string, type: T): ValueOf<T> | undefined {
  const found = node.attributes.get(name)
  if (found === undefined) return undefined
  if (!hasType(found, type))
    throw new ModelError(`${describe(node)}: attribute '${name}' is of type ${found.type}, expected ${type}`)
  return found.value
}

function hasType<T extends Attribute['type']>(found: Attribute, type: T): found is Extract<Attribute, { type: T }> {
  return found.type === type
}

export function intOf(node: Node, name: string): number | undefined
export function intOf(node: Node, name: string, fallback: number): number
export function intOf(node: Node, name: string, fallback?: number): number | undefined {
  return attribute(node, name, 'int') ?? fallback
}

export function floatOf(node: Node, name: string): number | undefined
export function floatOf(node: Node, name: string, fallback: number): number
export function floatOf(node: Node, name: string, fallback?: number): number | undefined {
  return attribute(node, name, 'float') ?? fallback
}

export function stringOf(node: Node, name: string, fallback: string): string {
  return attribute(node, name, 'string') ?? fallback
}

export function intsOf(node: Node, name: string): readonly number[] | undefined {
  return attribute(node, name, 'ints')
}

export function floatsOf(node: Node, name: string): readonly number[] | undefined {
  return attribute(node, name, 'floats')
}

export function tensorAttribute(node: Node, name: string): Tensor | undefined {
  return attribute(node, name, 'tensor')
}

/** The graphs among a node's attributes (If, Loop, Scan and other domains' control flow), under the attribute's name. */
export function subgraphsOf(
  node: Node,
): readonly { readonly attribute: string; readonly index: number; readonly graph: Graph }[] {
  const graphs: { attribute: string; index: number; graph: Graph }[] = []
  for (const [name, found] of node.attributes) {
    if (found.type === 'graph') graphs.push({ attribute: name, index: 0, graph: found.value })
    else if (found.type === 'graphs')
      found.value.forEach((graph, index) => graphs.push({ attribute: name, index, graph }))
  }
  return graphs
}
