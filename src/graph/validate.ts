import { subgraphsOf } from './attributes.js'
import { type Attribute, type Graph, type Model, ModelError, type Node, type ValueInfo } from './model.js'
import { quoted, shapeText } from './text.js'

/** Subgraphs inside subgraphs. Nobody nests so deep, and what walks over them recursively need not fear for the stack. */
const MAX_NESTING = 24
/** More elements than any machine holds: a shape that declares them is damaged or malicious. */
const MAX_ELEMENTS = 2 ** 40

/**
 * Checks that a model's graphs mean something: every value has one producer and one name, nothing waits for itself, and
 * declared shapes are of this world. What exporters write and runtimes accept passes: initializers among the inputs, outputs that
 * are inputs or initializers, unused initializers, declared types of values that do not exist, branches that use the same names.
 *
 * ONNX demands topological order. Nodes in another order are put in order rather than refused, each where it was or as soon as
 * the first that needs it; the result is then a new Model, and otherwise `model` itself. Takes linear time.
 * @throws ModelError
 */
export function validateModel(model: Model): Model {
  const graph = validGraph(model.graph, undefined, 1)
  if (!model.opsets.has('') && usesStandardDomain(graph))
    throw new ModelError('the model does not say which opset it needs (opset_import is missing); export it again')
  return graph === model.graph ? model : { ...model, graph }
}

/** The names that can be seen at a place in a graph, those of the graphs around it included. */
interface Scope {
  readonly names: Set<string>
  readonly outer: Scope | undefined
}

function sees(scope: Scope | undefined, name: string): boolean {
  for (let at = scope; at !== undefined; at = at.outer) if (at.names.has(name)) return true
  return false
}

function validGraph(graph: Graph, outer: Scope | undefined, depth: number): Graph {
  if (depth > MAX_NESTING) throw new ModelError(`subgraphs are nested more than ${MAX_NESTING} deep`)
  const scope: Scope = { names: new Set(), outer }
  for (const info of graph.inputs) {
    if (info.name === '') throw new ModelError(`graph ${quoted(graph.name)}: an input has no name; the file is damaged`)
    if (scope.names.has(info.name)) throw usedTwice(info.name, `two inputs of graph ${quoted(graph.name)}`)
    scope.names.add(info.name)
  }
  for (const infos of [graph.inputs, graph.outputs, graph.valueInfo.values()])
    for (const info of infos) checkShape(info)
  // An initializer with an input's name is that input's default value.
  for (const name of graph.initializers.keys()) scope.names.add(name)
  for (const name of graph.sparseInitializers) scope.names.add(name)

  const needs = graph.nodes.map(namesNeeded)
  const producers = producersOf(graph, scope)
  const order = orderOf(graph, producers, needs, scope)
  const nodes = order.map((index) => {
    const node = validNode(graph.nodes[index] as Node, scope, depth)
    for (const output of node.outputs) if (output !== '') scope.names.add(output)
    return node
  })
  for (const { name } of graph.outputs)
    if (!sees(scope, name))
      throw new ModelError(
        `output ${quoted(name)} of graph ${quoted(graph.name)} is computed by no node; the file is damaged`,
      )
  return nodes.every((node, i) => node === graph.nodes[i]) ? graph : { ...graph, nodes }
}

/** The node, with its subgraphs in order. `scope` holds what is computed before it. */
function validNode(node: Node, scope: Scope, depth: number): Node {
  if (node.opType === '') throw new ModelError(`${describeNode(node)} has no operator; the file is damaged`)
  let attributes: Map<string, Attribute> | undefined
  for (const [name, attribute] of node.attributes) {
    let valid = attribute
    if (attribute.type === 'graph') {
      const graph = validGraph(attribute.value, scope, depth + 1)
      if (graph !== attribute.value) valid = { ...attribute, value: graph }
    } else if (attribute.type === 'graphs') {
      const graphs = attribute.value.map((graph) => validGraph(graph, scope, depth + 1))
      if (graphs.some((graph, i) => graph !== attribute.value[i])) valid = { ...attribute, value: graphs }
    }
    if (valid !== attribute) attributes = (attributes ?? new Map(node.attributes)).set(name, valid)
  }
  return attributes === undefined ? node : { ...node, attributes }
}

/** The values that must be there before a node can run: its inputs, and what its subgraphs take from outside themselves. */
function namesNeeded(node: Node): readonly string[] {
  const subgraphs = subgraphsOf(node)
  if (subgraphs.length === 0) return node.inputs
  const names = new Set(node.inputs)
  for (const { graph } of subgraphs) for (const name of freeNames(graph)) names.add(name)
  return [...names]
}

function freeNames(graph: Graph): Set<string> {
  const names = new Set<string>()
  for (const node of graph.nodes) for (const name of namesNeeded(node)) names.add(name)
  for (const { name } of graph.outputs) names.add(name)
  for (const node of graph.nodes) for (const name of node.outputs) names.delete(name)
  for (const { name } of graph.inputs) names.delete(name)
  for (const name of graph.initializers.keys()) names.delete(name)
  for (const name of graph.sparseInitializers) names.delete(name)
  return names
}

/** Which node computes each value. A branch may use the names of its sibling, but not those that it can see. */
function producersOf(graph: Graph, scope: Scope): Map<string, number> {
  const producers = new Map<string, number>()
  for (const [index, node] of graph.nodes.entries()) {
    for (const output of node.outputs) {
      if (output === '') continue
      const other = producers.get(output)
      if (other !== undefined)
        throw usedTwice(output, `the outputs of ${describeNode(graph.nodes[other] as Node)} and ${describeNode(node)}`)
      if (sees(scope, output))
        throw usedTwice(output, `an output of ${describeNode(node)} and another value that is seen there`)
      producers.set(output, index)
    }
  }
  return producers
}

function usedTwice(name: string, by: string): ModelError {
  return new ModelError(`the name ${quoted(name)} is used twice, by ${by}; the file is damaged`)
}

/** The nodes' indices in topological order. With a stack of its own: a chain of nodes may be longer than the engine's stack. */
function orderOf(
  graph: Graph,
  producers: ReadonlyMap<string, number>,
  needs: readonly (readonly string[])[],
  scope: Scope,
): number[] {
  const before = needs.map((names, index) => {
    const indices: number[] = []
    for (const name of names) {
      const producer = producers.get(name)
      if (producer !== undefined) indices.push(producer)
      else if (name !== '' && !sees(scope, name))
        throw new ModelError(
          `${describeNode(graph.nodes[index] as Node)}: its input ${quoted(name)} is computed by no node; the file is damaged`,
        )
    }
    return indices
  })
  const order: number[] = []
  const state = new Uint8Array(before.length)
  const next = new Uint32Array(before.length)
  for (let start = 0; start < before.length; start++) {
    const stack = state[start] === DONE ? [] : [start]
    while (stack.length > 0) {
      const index = stack.at(-1) as number
      state[index] = WAITING
      const needed = before[index]?.[next[index] as number]
      if (needed === undefined) {
        state[index] = DONE
        order.push(index)
        stack.pop()
        continue
      }
      next[index] = (next[index] as number) + 1
      if (state[needed] === WAITING)
        throw new ModelError(
          `${describeNode(graph.nodes[needed] as Node)} needs its own result: the graph has a cycle; the file is damaged`,
        )
      if (state[needed] !== DONE) stack.push(needed)
    }
  }
  return order
}

const WAITING = 1
const DONE = 2

function checkShape(info: ValueInfo): void {
  let elements = 1
  // A zero does not make the other sizes any better.
  for (const dim of info.shape ?? []) if (typeof dim === 'number') elements *= Math.max(1, dim)
  if (info.shape !== undefined && !(elements <= MAX_ELEMENTS))
    throw new ModelError(
      `value ${quoted(info.name)}: its declared shape ${shapeText(info.shape)} holds more than 2^40 elements; the file is damaged`,
    )
}

function describeNode(node: Node): string {
  const name =
    node.name !== ''
      ? `node ${quoted(node.name)}`
      : `the node that computes ${quoted(node.outputs.find((output) => output !== '') ?? '')}`
  return node.opType === '' ? name : `${name} (${quoted(node.opType).slice(1, -1)})`
}

function usesStandardDomain(graph: Graph): boolean {
  return graph.nodes.some(
    (node) => node.domain === '' || subgraphsOf(node).some((inner) => usesStandardDomain(inner.graph)),
  )
}
