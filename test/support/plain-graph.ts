import { type AttributeValue as BuiltValue, attributeOf as builtAttribute } from '../../src/graph/builder.js'
import type { Attribute, Graph, Model, Node } from '../../src/graph/model.js'

/** An attribute as tests write it: as builders take it, or a graph. */
export type AttributeValue = BuiltValue | Graph

export function attributeOf(value: AttributeValue): Attribute {
  return typeof value === 'object' && 'nodes' in value ? { type: 'graph', value } : builtAttribute(value)
}

/** A node of the standard's domain, named after its operator. */
export function nodeOf(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): Node {
  const entries = Object.entries(attributes).map(([name, value]) => [name, attributeOf(value)] as const)
  return { name: opType, opType, domain: '', inputs, outputs, attributes: new Map(entries) }
}

/** A graph without anything but what is given. */
export function graphOf(parts: Partial<Graph>): Graph {
  return {
    name: 'g',
    nodes: [],
    inputs: [],
    outputs: [],
    initializers: new Map(),
    sparseInitializers: [],
    valueInfo: new Map(),
    ...parts,
  }
}

/** A model of IR version 8 and opset 17 with this graph. */
export function modelOf(parts: Partial<Graph>): Model {
  return { irVersion: 8, opsets: new Map([['', 17]]), functions: [], graph: graphOf(parts) }
}
