import type { Attribute, Graph, Model, Node } from '../../src/graph/model.js'

/** An attribute as tests write it: whole numbers are integers. */
export type AttributeValue = number | string | readonly number[] | Attribute | Graph

export function attributeOf(value: AttributeValue): Attribute {
  if (typeof value === 'number') return Number.isInteger(value) ? { type: 'int', value } : { type: 'float', value }
  if (typeof value === 'string') return { type: 'string', value }
  if ('type' in value) return value
  if ('nodes' in value) return { type: 'graph', value }
  return value.every(Number.isInteger) ? { type: 'ints', value } : { type: 'floats', value }
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
