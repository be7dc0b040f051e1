import { describe, subgraphsOf } from '../graph/attributes.js'
import type { Dim } from '../graph/dims.js'
import { type Graph, type Model, ModelError, type Node } from '../graph/model.js'
import { CannotScale, type Field, uniform } from '../ops/field.js'
import { operatorOf } from '../ops/index.js'
import type { Facts, Scope } from '../ops/rule.js'
import { NodeView, ScaleView } from './context.js'
import type { AttributeScaling, ConstantScaling, GraphPlan, Rescale, Restore } from './plan.js'
import { roundedValues } from './rounding.js'
import { ScaleClasses } from './scales.js'
import {
  completeFacts,
  constantDims,
  factsOfDeclared,
  factsOfTensor,
  tensorOfConstant,
  Values,
  type Value,
} from './values.js'

/** One layer of neurons: the units of a Gemm or MatMul, the output channels of a Conv or a normalisation. */
export interface Vertex {
  /** The name of its output value; inside a subgraph preceded by where that stands. Unique in the quiver. */
  readonly name: string
  /** Operator and node name, for messages. */
  readonly node: string
  readonly opType: string
  /** Neurons. */
  readonly size: number
  /** Its neurons' scales are `first + 1` … `first + size`. */
  readonly first: number
}

/** A network as a quiver: its vertices, what τ each neuron may take, and what a change of basis will do to which weight. */
export interface Quiver {
  readonly model: Model
  readonly scope: Scope
  readonly vertices: readonly Vertex[]
  readonly classes: ScaleClasses
  readonly plan: GraphPlan
  /**
   * Variables of neurons that lie before an operator that rounds (a quantiser, say). τ that is not a power of two would change
   * their values by rounding noise, which such an operator can magnify to a whole step.
   */
  readonly rounded: ReadonlySet<number>
  /** Scale fields of the values of the outermost graph. */
  readonly fields: ReadonlyMap<string, Field>
}

export interface QuiverOptions {
  /** Default `weights`: no node is added. `full`: every vertex is free, and what cannot be absorbed becomes a node. */
  readonly scope?: Scope
  /** Only these vertices move: names, or patterns in which `*` stands for anything. Default: all. */
  readonly include?: readonly string[]
  /** These vertices keep τ = 1. */
  readonly exclude?: readonly string[]
}

/**
 * The quiver of a model.
 * @throws ModelError if an include or exclude pattern names no vertex
 */
export function quiverOf(model: Model, options: QuiverOptions = {}): Quiver {
  const builder = new Builder(model, options.scope ?? 'weights')
  const values = new Values(model.graph)
  const plan = builder.graph(model.graph, values, '')
  for (const output of model.graph.outputs) {
    const value = values.own(output.name)
    for (const id of value?.field?.ids ?? []) builder.classes.pinOutput(id)
  }
  restrictTo(builder.vertices, builder.classes, options)
  const fields = new Map<string, Field>()
  for (const value of values.all()) if (value.field !== undefined) fields.set(value.name, value.field)
  return {
    model,
    scope: builder.scope,
    vertices: builder.vertices,
    classes: builder.classes,
    plan,
    rounded: roundedVariables(builder, plan),
    fields,
  }
}

function roundedVariables(builder: Builder, plan: GraphPlan): ReadonlySet<number> {
  const variables = new Set<number>()
  const values = roundedValues(plan)
  if (values.size === 0) return variables
  for (const vertex of builder.vertices) {
    // A vertex inside a subgraph has a path for a name; the graph around may round what it gives.
    if (!values.has(vertex.name) && plan.subgraphs.size === 0) continue
    for (let i = 0; i < vertex.size; i++)
      for (const [variable] of builder.classes.powersOf(vertex.first + i + 1)) variables.add(variable)
  }
  return variables
}

class Builder {
  readonly model: Model
  readonly scope: Scope
  readonly classes = new ScaleClasses()
  readonly vertices: Vertex[] = []
  readonly #names = new Set<string>()

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
      constantDims: new Map<string, readonly number[]>(),
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
      const opset = this.model.opsets.get(node.domain) ?? 0
      const derived = shapeOf(new NodeView(node, opset, values))
      const facts = node.outputs.map((name, i) =>
        completeFacts(derived[i] ?? {}, graph.valueInfo.get(name) ?? outputs.get(name)),
      )
      const fields = this.#scale(node, opset, values, facts, plan, path)
      const constant = isConstantExpression(node, values)
      const tensor = node.opType === 'Constant' && node.domain === '' ? tensorOfConstant(node) : undefined
      node.outputs.forEach((name, i) => {
        if (name === '') return
        const known = facts[i] ?? {}
        const value: Value = {
          name,
          facts: tensor === undefined ? known : factsOfTensor(tensor),
          constant,
          ...(!constant && { field: fields.get(i) ?? uniform(known.shape?.length ?? 0) }),
          ...(tensor !== undefined && { tensor }),
          producer: node,
          producedAt: position,
        }
        values.set(value)
        const dims = constant ? constantDims(value) : undefined
        if (dims !== undefined) plan.constantDims.set(name, dims)
      })
    })
    return plan
  }

  /** Apply the scale rule of a node. Returns the fields of its outputs; those not mentioned are unscaled. */
  #scale(
    node: Node,
    opset: number,
    values: Values,
    facts: readonly Facts[],
    plan: Mutable<GraphPlan>,
    path: string,
  ): ReadonlyMap<number, Field> {
    const subgraphs = subgraphsOf(node)
    if (isConstantExpression(node, values)) return new Map()
    const view = new ScaleView(node, opset, values, this.scope, this.classes, facts)
    const rule = operatorOf(node)?.scale ?? { pinned: `${operatorName(node)} has no scale rule` }
    try {
      if (typeof rule === 'function' && subgraphs.length === 0) rule(view)
      else throw new CannotScale(typeof rule === 'function' ? `${operatorName(node)} has subgraphs` : rule.pinned)
    } catch (error) {
      if (!(error instanceof CannotScale)) throw error
      this.#pin(view, error.message, path)
      this.#descend(node, subgraphs, values, plan, path)
      return new Map()
    }
    const { actions } = view
    plan.constants.push(...actions.constants)
    plan.rescales.push(...actions.rescales)
    plan.restores.push(...actions.restores)
    plan.attributes.push(...actions.attributes)
    this.#addVertex(view, path)
    return actions.outputs
  }

  /** A rule gave up, or there is none: nothing that goes in or comes out is scaled. */
  #pin(view: ScaleView, reason: string, path: string): void {
    view.node.inputs.forEach((_, input) => view.pin(input, reason))
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

  /** Inside a subgraph neurons move as anywhere; whatever crosses its border does not. */
  #descend(
    node: Node,
    subgraphs: ReturnType<typeof subgraphsOf>,
    values: Values,
    plan: Mutable<GraphPlan>,
    path: string,
  ): void {
    const reason = `the border of ${operatorName(node)}`
    for (const { attribute, index, graph } of subgraphs) {
      const place = `${path}${node.name || (node.outputs[0] ?? '')}/${attribute}${index === 0 ? '' : index}/`
      const inner = new Values(graph, values)
      this.#pinCaptured(graph, values, reason)
      plan.subgraphs.set(graph, this.graph(graph, inner, place))
      for (const output of graph.outputs)
        for (const id of inner.find(output.name)?.value.field?.ids ?? []) this.classes.pin(id, reason)
    }
  }

  /** Values of the graphs around that a subgraph reads by name. */
  #pinCaptured(graph: Graph, outer: Values, reason: string): void {
    const own = new Set<string>([...graph.inputs.map((input) => input.name), ...graph.initializers.keys()])
    const capture = (name: string) => {
      if (name === '' || own.has(name)) return
      for (const id of outer.find(name)?.value.field?.ids ?? []) this.classes.pin(id, reason)
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

function operatorName(node: Node): string {
  return node.domain === '' ? node.opType : `${node.domain}.${node.opType}`
}

function shapeOf(view: NodeView): readonly Facts[] {
  const rule = operatorOf(view.node)?.shape
  if (rule === undefined) return []
  return rule(view).map((facts) => ({
    ...facts,
    ...(facts.shape && { shape: facts.shape.map((dim): Dim => (typeof dim === 'number' && !(dim >= 0) ? 0 : dim)) }),
  }))
}

/** Operators whose result is not a function of their inputs. */
const RANDOM = /^(Random|Bernoulli|Multinomial)/

/** True if a node's outputs depend on constants alone. */
function isConstantExpression(node: Node, values: Values): boolean {
  if (node.opType === 'Constant' && node.domain === '') return true
  if (node.domain !== '' || RANDOM.test(node.opType) || subgraphsOf(node).length > 0) return false
  const inputs = node.inputs.filter((name) => name !== '')
  return inputs.length > 0 && inputs.every((name) => values.find(name)?.value.constant === true)
}

function matcher(patterns: readonly string[], vertices: readonly Vertex[]): (name: string) => boolean {
  const expressions = patterns.map((pattern) => {
    const source = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    const expression = new RegExp(`^${source.join('.*')}$`, 's')
    if (!vertices.some((vertex) => expression.test(vertex.name)))
      throw new ModelError(
        `no vertex is named '${pattern}': expected a vertex's name, or a pattern with *, such as '${vertices[0]?.name ?? ''}'`,
      )
    return expression
  })
  return (name) => expressions.some((expression) => expression.test(name))
}

function restrictTo(vertices: readonly Vertex[], classes: ScaleClasses, options: QuiverOptions): void {
  const included = options.include === undefined ? () => true : matcher(options.include, vertices)
  const excluded = options.exclude === undefined ? () => false : matcher(options.exclude, vertices)
  for (const vertex of vertices) {
    if (included(vertex.name) && !excluded(vertex.name)) continue
    for (let i = 0; i < vertex.size; i++) classes.pin(vertex.first + i + 1, 'excluded by the user')
  }
}
