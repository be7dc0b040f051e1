import { type Model, ModelError } from '../graph/model.js'
import { patternOf } from '../graph/pattern.js'
import { quoted } from '../graph/text.js'
import type { Field } from '../ops/field.js'
import type { Scope } from '../ops/rule.js'
import { QuiverBuilder } from './builder.js'
import type { GraphPlan } from './plan.js'
import { roundedValues } from './rounding.js'
import type { ScaleClasses } from './scales.js'
import { Values } from '../shapes/values.js'
import type { Vertex } from './vertex.js'

export type { Vertex } from './vertex.js'

/** A network as a quiver: its vertices, what τ each neuron may take, and what a change of basis will do to which weight. */
export interface Quiver {
  readonly model: Model
  readonly scope: Scope
  readonly vertices: readonly Vertex[]
  readonly classes: ScaleClasses
  readonly plan: GraphPlan
  /**
   * Variables whose |τ| is a power of two whatever the sampling. Of neurons that lie before an operator that rounds (a quantiser,
   * say): another τ would change their values by rounding noise, which such an operator can magnify to a whole step. And of those
   * that an attribute of float32 absorbs in a network of float64.
   */
  readonly rounded: ReadonlySet<number>
  /** Scale fields of the values of the outermost graph. */
  readonly fields: ReadonlyMap<string, Field>
}

/** How a network is to be read. */
export interface QuiverOptions {
  /** Default `weights`: no node is added. `full`: every vertex is free, and what cannot be absorbed becomes a node. */
  readonly scope?: Scope
  /** Only these vertices move: names, or patterns in which `*` stands for anything. Default: all. */
  readonly include?: readonly string[]
  /** These vertices keep τ = 1. */
  readonly exclude?: readonly string[]
}

/**
 * The quiver of a model: its operators' scale rules, applied in topological order. Weights are not read, but for small constants that
 * decide something (sizes, bounds, exponents).
 * @throws ModelError if an include or exclude pattern names no vertex
 */
export function quiverOf(model: Model, options: QuiverOptions = {}): Quiver {
  const builder = new QuiverBuilder(model, options.scope ?? 'weights')
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

function roundedVariables(builder: QuiverBuilder, plan: GraphPlan): ReadonlySet<number> {
  const variables = new Set<number>()
  addNarrow(plan, builder.classes, variables)
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

function addNarrow(plan: GraphPlan, classes: ScaleClasses, variables: Set<number>): void {
  for (const { scale, narrow } of plan.attributes)
    if (narrow) for (const [variable] of classes.powersOf(scale)) variables.add(variable)
  for (const inner of plan.subgraphs.values()) addNarrow(inner, classes, variables)
}

function matcher(patterns: readonly string[], vertices: readonly Vertex[]): (name: string) => boolean {
  const expressions = patterns.map((pattern) => {
    const expression = patternOf(pattern)
    if (!vertices.some((vertex) => expression.test(vertex.name)))
      throw new ModelError(
        `no vertex is named ${quoted(pattern)}: expected a vertex's name, or a pattern with *, such as ${quoted(vertices[0]?.name ?? '')}`,
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
