import { type Attribute, type Graph, ModelError, type Node, type Tensor } from './model.js'
import { quoted } from './text.js'

/** `Conv 'features.0'`, for messages: the operator and the node's name, or its first output where it has none. */
export function describe(node: Node): string {
  return `${node.domain === '' ? '' : `${node.domain}.`}${node.opType} ${quoted(node.name || node.outputs.find((name) => name !== '') || '')}`
}

/* Attributes by name and type: `fallback`, or undefined, where a node has none. All throw a ModelError if it is of another type. */

function mismatch(node: Node, name: string, found: Attribute, expected: Attribute['type']): ModelError {
  return new ModelError(`${describe(node)}: attribute ${quoted(name)} is of type ${found.type}, expected ${expected}`)
}

export function intOf(node: Node, name: string): number | undefined
export function intOf(node: Node, name: string, fallback: number): number
export function intOf(node: Node, name: string, fallback?: number): number | undefined {
  const found = node.attributes.get(name)
  if (found === undefined) return fallback
  if (found.type !== 'int') throw mismatch(node, name, found, 'int')
  return found.value
}

export function floatOf(node: Node, name: string): number | undefined
export function floatOf(node: Node, name: string, fallback: number): number
export function floatOf(node: Node, name: string, fallback?: number): number | undefined {
  const found = node.attributes.get(name)
  if (found === undefined) return fallback
  if (found.type !== 'float') throw mismatch(node, name, found, 'float')
  return found.value
}

export function stringOf(node: Node, name: string, fallback: string): string {
  const found = node.attributes.get(name)
  if (found === undefined) return fallback
  if (found.type !== 'string') throw mismatch(node, name, found, 'string')
  return found.value
}

export function intsOf(node: Node, name: string): readonly number[] | undefined {
  const found = node.attributes.get(name)
  if (found === undefined) return undefined
  if (found.type !== 'ints') throw mismatch(node, name, found, 'ints')
  return found.value
}

export function floatsOf(node: Node, name: string): readonly number[] | undefined {
  const found = node.attributes.get(name)
  if (found === undefined) return undefined
  if (found.type !== 'floats') throw mismatch(node, name, found, 'floats')
  return found.value
}

export function tensorAttribute(node: Node, name: string): Tensor | undefined {
  const found = node.attributes.get(name)
  if (found === undefined) return undefined
  if (found.type !== 'tensor') throw mismatch(node, name, found, 'tensor')
  return found.value
}

/** A graph among a node's attributes, and where it stands. */
export interface Subgraph {
  readonly attribute: string
  readonly index: number
  readonly graph: Graph
}

const NONE: readonly Subgraph[] = []

/** The graphs among a node's attributes (If, Loop, Scan and other domains' control flow), under the attribute's name. */
export function subgraphsOf(node: Node): readonly Subgraph[] {
  return hasSubgraphs(node) ? listed(node) : NONE
}

/** True if there are any. Nearly all nodes have none, and whoever walks over a graph asks each of them. */
export function hasSubgraphs(node: Node): boolean {
  if (node.attributes.size === 0) return false
  for (const { type } of node.attributes.values()) if (type === 'graph' || type === 'graphs') return true
  return false
}

function listed(node: Node): Subgraph[] {
  const graphs: Subgraph[] = []
  for (const [name, found] of node.attributes) {
    if (found.type === 'graph') graphs.push({ attribute: name, index: 0, graph: found.value })
    else if (found.type === 'graphs')
      found.value.forEach((graph, index) => graphs.push({ attribute: name, index, graph }))
  }
  return graphs
}
