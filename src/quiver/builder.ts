import { describe, hasSubgraphs, subgraphsOf } from '../graph/attributes.js'
import { same, symbol } from '../graph/dims.js'
import { isFloat } from '../graph/dtype.js'
import type { Graph, Model, Node, ValueInfo } from '../graph/model.js'
import { CannotScale, type Field, RESCALE_PREFIX, uniform } from '../ops/field.js'
import { operatorOf } from '../ops/index.js'
import { isUnscaled } from '../ops/merge.js'
import type { Facts, Scope } from '../ops/rule.js'
import { constantDims, scaledThrough, tensorOfConstant } from '../shapes/constants.js'
import { isConstantExpression, isConstantNode, refusing, shapeOf } from '../shapes/infer.js'
import { completeFacts, factsOfDeclared, factsOfTensor, Values, type Value } from '../shapes/values.js'
import { NodeView } from '../shapes/view.js'
import { ScaleView } from './context.js'
import type { AttributeScaling, ComputedConstant, ConstantScaling, GraphPlan, Rescale, Restore } from './plan.js'
import { ScaleClasses } from './scales.js'
import type { Vertex } from './vertex.js'

/** The widest networks have some millions; a file that was made to exhaust memory could ask for any number. */
const ELEMENTS_LIMIT = 1 << 26

/** Builds a quiver: walks over the graphs and applies the operators' rules. */
export class QuiverBuilder {
  readonly model: Model
  readonly scope: Scope
  readonly classes = new ScaleClasses()
  readonly vertices: Vertex[] = []
  readonly #names = new Set<string>()
  /** Elements of all scale fields so far. */
  #elements = 0

  constructor(model: Model, scope: Scope) {
    this.model = model
    this.scope = scope
  }

  /** Walk a graph in topological order. `values` may hold values of graphs around it; `path` names where the graph stands. */
  graph(graph: Graph, values: Values, path: string): GraphPlan {
    const plan = {
      graph,
      constants: [] as ConstantScaling[],
      rescales: [] as Rescale[],
      restores: [] as Restore[],
      attributes: [] as AttributeScaling[],
      computed: new Map<string, ComputedConstant>(),
      subgraphs: new Map<Graph, GraphPlan>(),
    }
    for (const input of graph.inputs) {
      if (graph.initializers.has(input.name)) continue
      const facts = factsOfDeclared(input)
      values.set({ name: input.name, facts, field: uniform(facts.shape?.length ?? 0), constant: false, producedAt: -1 })
    }
    for (const [name, tensor] of graph.initializers)
      values.set({ name, facts: factsOfTensor(tensor), constant: true, tensor, producedAt: -1 })
    for (const name of graph.sparseInitializers) values.set({ name, facts: {}, constant: true, producedAt: -1 })

    const outputs = new Map(graph.outputs.map((info) => [info.name, info]))
    graph.nodes.forEach((node, position) => {
      const tensor = isConstantNode(node) ? tensorOfConstant(node) : undefined
      if (tensor === undefined) refusing(node, () => this.#node(node, position, values, plan, path, outputs))
      else
        values.set({
          name: tensor.name,
          facts: factsOfTensor(tensor),
          field: undefined,
          constant: true,
          tensor,
          producer: node,
          producedAt: position,
        })
    })
    return plan
  }

  /** A node that is no Constant. `outputs`: the declared types of what the graph gives. */
  #node(
    node: Node,
    position: number,
    values: Values,
    plan: Mutable<GraphPlan>,
    path: string,
    outputs: ReadonlyMap<string, ValueInfo>,
  ): void {
    const opset = this.model.opsets.get(node.domain) ?? 0
    const subgraphs = hasSubgraphs(node)
    const constant = !subgraphs && isConstantExpression(node, values)
    const inner = subgraphs ? this.#descend(node, values, plan, path) : []
    const facts = new Array<Facts>(node.outputs.length)
    const derived = node.opType === 'If' ? commonFacts(node, inner) : shapeOf(new NodeView(node, opset, values))
    for (let i = 0; i < node.outputs.length; i++) {
      const name = node.outputs[i] as string
      facts[i] = completeFacts(derived[i] ?? {}, plan.graph.valueInfo.get(name) ?? outputs.get(name))
    }
    const unscaled = constant || isShapeArithmetic(node, facts, values)
    const fields = unscaled ? undefined : this.#scale(node, opset, values, facts, plan, path)
    const producedAt = isInserted(node) ? (values.own(node.inputs[0] ?? '')?.producedAt ?? -1) : position
    for (let i = 0; i < node.outputs.length; i++) {
      const name = node.outputs[i] as string
      if (name === '') continue
      const known = facts[i] as Facts
      const field = constant ? undefined : (fields?.[i] ?? uniform(known.shape?.length ?? 0))
      const value: Value = { name, facts: known, field, constant, tensor: undefined, producer: node, producedAt }
      values.set(value)
      const computed = constant ? computedConstant(value, values) : undefined
      if (computed !== undefined) plan.computed.set(name, computed)
    }
  }

  /** Apply the scale rule of a node. Returns the fields of its outputs; those not mentioned are unscaled. */
  #scale(
    node: Node,
    opset: number,
    values: Values,
    facts: readonly Facts[],
    plan: Mutable<GraphPlan>,
    path: string,
  ): readonly (Field | undefined)[] {
    const view = new ScaleView(node, opset, values, this.scope, this.classes, facts)
    const rule = operatorOf(node)?.scale ?? { pinned: `${operatorName(node)} has no scale rule` }
    try {
      if (this.#elements > ELEMENTS_LIMIT)
        throw new CannotScale('the scale fields of the network grow beyond all bounds')
      if (typeof rule !== 'function') throw new CannotScale(rule.pinned)
      rule(view)
    } catch (error) {
      if (!(error instanceof CannotScale)) throw error
      this.#pinVertex(view, error.message, path)
      const rest = new ScaleView(node, opset, values, this.scope, this.classes, facts)
      // An operator that is known, but not in this form, is still a function of its inputs: a division before it will do.
      const known = typeof rule === 'function'
      node.inputs.forEach((_, input) => {
        if (known) rest.unscale(input, error.message)
        else rest.pin(input, error.message)
      })
      plan.rescales.push(...rest.actions.rescales)
      return []
    }
    const { actions } = view
    for (const field of actions.outputs) this.#elements += field?.ids.length ?? 0
    plan.constants.push(...actions.constants)
    plan.rescales.push(...actions.rescales)
    plan.restores.push(...actions.restores)
    plan.attributes.push(...actions.attributes)
    this.#addVertex(view, path)
    return actions.outputs
  }

  /** A rule gave up after it had found neurons. */
  #pinVertex(view: ScaleView, reason: string, path: string): void {
    const vertex = view.actions.vertex
    if (vertex === undefined) return
    for (let i = 0; i < vertex.size; i++) this.classes.pin(vertex.first + i + 1, reason)
    this.#addVertex(view, path)
  }

  #addVertex(view: ScaleView, path: string): void {
    const vertex = view.actions.vertex
    if (vertex === undefined) return
    const own = `${path}${view.node.outputs[vertex.output] ?? ''}`
    let name = own
    for (let copy = 2; this.#names.has(name); copy++) name = `${own}#${copy}`
    this.#names.add(name)
    const { first, size } = vertex
    this.vertices.push({ name, node: describe(view.node), opType: view.node.opType, size, first })
  }

  /**
   * Inside a subgraph neurons move as anywhere. What crosses its border does not; only in scope `full` a value that is read from
   * the graph around keeps its scale, which the subgraph's own nodes then absorb or divide out. Returns the inner values.
   */
  #descend(node: Node, values: Values, plan: Mutable<GraphPlan>, path: string): readonly Values[] {
    const reason = `the border of ${operatorName(node)}`
    return subgraphsOf(node).map(({ attribute, index, graph }) => {
      const place = `${path}${node.name || (node.outputs[0] ?? '')}/${attribute}${index === 0 ? '' : index}/`
      const inner = new Values(graph, values)
      if (this.scope === 'weights') this.#pinCaptured(graph, values, reason)
      plan.subgraphs.set(graph, this.graph(graph, inner, place))
      this.#leave(graph, inner, plan.subgraphs.get(graph) as Mutable<GraphPlan>, reason)
      return inner
    })
  }

  /** What leaves a subgraph is unscaled: pinned, or in scope `full` divided. */
  #leave(graph: Graph, inner: Values, plan: Mutable<GraphPlan>, reason: string): void {
    graph.outputs.forEach((output, input) => {
      const value = inner.find(output.name)
      const from = value?.field
      if (from === undefined || from.ids.every((id) => this.classes.isOne(id))) return
      const dtype = value?.facts.dtype
      if (this.scope === 'full' && isFloat(dtype))
        plan.rescales.push({ input, from, to: uniform(from.dims.length), part: 'ratio', dtype })
      else for (const id of from.ids) this.classes.pin(id, reason)
    })
  }

  /** Values of the graphs around that a subgraph reads by name. */
  #pinCaptured(graph: Graph, outer: Values, reason: string): void {
    const own = new Set<string>([...graph.inputs.map((input) => input.name), ...graph.initializers.keys()])
    const capture = (name: string) => {
      if (name === '' || own.has(name)) return
      for (const id of outer.find(name)?.field?.ids ?? []) this.classes.pin(id, reason)
    }
    for (const node of graph.nodes) {
      node.inputs.forEach(capture)
      for (const { graph: deeper } of subgraphsOf(node)) this.#pinCaptured(deeper, outer, reason)
      for (const name of node.outputs) own.add(name)
    }
    for (const output of graph.outputs) capture(output.name)
  }
}

type Mutable<T> = {
  -readonly [K in keyof T]: T[K] extends readonly (infer U)[]
    ? U[]
    : T[K] extends ReadonlyMap<infer A, infer B>
      ? Map<A, B>
      : T[K]
}

function computedConstant(value: Value, values: Values): ComputedConstant | undefined {
  const through = scaledThrough(value, values)
  if (!through) return undefined
  const inputDims = through.inputs.map((input) => {
    const from = values.find(value.producer?.inputs[input] ?? '')
    return from && constantDims(from)
  })
  return inputDims.every((dims) => dims !== undefined) ? { through, inputDims } : undefined
}

/** What the branches of an If have in common; a size that differs is unknown. */
function commonFacts(node: Node, branches: readonly Values[]): readonly Facts[] {
  return node.outputs.map((name, i): Facts => {
    const [first, ...others] = branches.map((branch) => branch.find(branch.graph.outputs[i]?.name ?? '')?.facts ?? {})
    const { dtype, shape } = first ?? {}
    const alike = others.every((other) => other.shape?.length === shape?.length)
    return {
      ...(dtype !== undefined && { dtype }),
      ...(shape !== undefined &&
        alike && {
          shape: shape.map((dim, axis) =>
            others.every((other) => same(other.shape?.[axis] ?? -1, dim)) ? dim : symbol(`?${name}.${axis}`),
          ),
        }),
    }
  })
}

/** A value and what an earlier teleportation made of it on its way to a merge are computed at one place: no other operand comes first. */
function isInserted(node: Node): boolean {
  return node.opType === 'Mul' && node.name.startsWith(RESCALE_PREFIX)
}

function operatorName(node: Node): string {
  return node.domain === '' ? node.opType : `${node.domain}.${node.opType}`
}

/**
 * True of a node that gives integers or truth values and reads nothing that is scaled: whatever its rule, there is nothing that it
 * could scale. Exporters write thousands of them.
 */
function isShapeArithmetic(node: Node, facts: readonly Facts[], values: Values): boolean {
  for (const { dtype } of facts) if (dtype !== 'int64' && dtype !== 'bool') return false
  for (const name of node.inputs) {
    const field = values.find(name)?.field
    if (field !== undefined && !isUnscaled(field)) return false
  }
  return true
}
