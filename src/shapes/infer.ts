import { describe, hasSubgraphs } from '../graph/attributes.js'
import type { Dim } from '../graph/dims.js'
import { type Graph, type Model, ModelError, type Node, type ValueInfo } from '../graph/model.js'
import { RANDOM } from '../graph/random-operators.js'
import { CannotScale } from '../ops/field.js'
import { operatorOf } from '../ops/index.js'
import type { Facts } from '../ops/rule.js'
import { tensorOfConstant } from './constants.js'
import { completeFacts, factsOfDeclared, factsOfTensor, Values } from './values.js'
import { NodeView } from './view.js'

/** What is known of every value of a model's outermost graph before it runs: shape inference. */
export function valuesOf(model: Model): Values {
  const { graph } = model
  const values = new Values(graph)
  for (const input of graph.inputs)
    if (!graph.initializers.has(input.name))
      values.set({ name: input.name, facts: factsOfDeclared(input), constant: false, producedAt: -1 })
  for (const [name, tensor] of graph.initializers)
    values.set({ name, facts: factsOfTensor(tensor), constant: true, tensor, producedAt: -1 })
  for (const name of graph.sparseInitializers) values.set({ name, facts: {}, constant: true, producedAt: -1 })
  const declared = declaredIn(graph)
  graph.nodes.forEach((node, position) =>
    refusing(node, () => inferNode(node, position, model.opsets.get(node.domain) ?? 0, values, declared)),
  )
  return values
}

/** The declared types of a graph's inner values and outputs, by name. */
function declaredIn(graph: Graph): (name: string) => ValueInfo | undefined {
  const outputs = new Map(graph.outputs.map((info) => [info.name, info]))
  return (name) => graph.valueInfo.get(name) ?? outputs.get(name)
}

/** Enters what is known of a node's outputs. */
export function inferNode(
  node: Node,
  position: number,
  opset: number,
  values: Values,
  declared: (name: string) => ValueInfo | undefined = () => undefined,
): void {
  const tensor = isConstantNode(node) ? tensorOfConstant(node) : undefined
  if (tensor !== undefined) {
    const facts = factsOfTensor(tensor)
    values.set({ name: tensor.name, facts, constant: true, tensor, producer: node, producedAt: position })
    return
  }
  const constant = !hasSubgraphs(node) && isConstantExpression(node, values)
  const derived = shapeOf(new NodeView(node, opset, values))
  node.outputs.forEach((name, i) => {
    if (name === '') return
    const facts = completeFacts(derived[i] ?? {}, declared(name))
    values.set({ name, facts, constant, producer: node, producedAt: position })
  })
}

/**
 * Rules take a node to be what its operator's definition says. A file may hold anything: axes that are not there, inputs of other
 * ranks. Whatever a rule stumbles over then is the file's fault, and is said to be.
 */
export function refusing(node: Node, action: () => void): void {
  try {
    action()
  } catch (error) {
    if (error instanceof ModelError || error instanceof CannotScale) throw error
    throw new ModelError(
      `${describe(node)}: its inputs and attributes do not fit the operator; check the model with onnx.checker`,
      { cause: error },
    )
  }
}

/** What a node's shape rule says of its outputs. */
export function shapeOf(view: NodeView): readonly Facts[] {
  const rule = operatorOf(view.node)?.shape
  if (rule === undefined) return []
  const facts = rule(view)
  return facts.some((fact) => fact.shape?.some(isImpossible) === true) ? facts.map(withPossibleShape) : facts
}

function withPossibleShape(facts: Facts): Facts {
  if (facts.shape === undefined) return facts
  return { ...facts, shape: facts.shape.map((dim) => (isImpossible(dim) ? 0 : dim)) }
}

function isImpossible(dim: Dim): boolean {
  return typeof dim === 'number' && !(dim >= 0)
}

export function isConstantNode(node: Node): boolean {
  return node.opType === 'Constant' && node.domain === ''
}

/** True if the outputs of a node without subgraphs depend on constants alone. */
export function isConstantExpression(node: Node, values: Values): boolean {
  let inputs = 0
  for (const name of node.inputs) {
    if (name === '') continue
    if (values.find(name)?.constant !== true) return false
    inputs++
  }
  return (inputs > 0 || isConstantNode(node)) && node.domain === '' && !RANDOM.has(node.opType)
}
