import { GraphBuilder, type Known } from '../graph/builder.js'
import { type Model, ModelError, type Node } from '../graph/model.js'
import { pruned } from '../graph/prune.js'
import { namesIn } from '../graph/reads.js'
import { quoted } from '../graph/text.js'
import type { Value } from '../graph/value.js'
import { inferNode, refusing, valuesOf } from './infer.js'
import { factsOfDeclared, factsOfTensor, Values } from './values.js'

/** The opset whose forms a builder emits. ONNX Runtime's WebGPU provider covers it best. */
export const BUILT_OPSET = 18

/** A builder of a new graph, which infers the shapes of what it emits. `prefix` begins the names of its values. */
export function newBuilder(prefix = ''): GraphBuilder {
  const builder: GraphBuilder = new GraphBuilder((node) => knownOf(node, builder, values, BUILT_OPSET), { prefix })
  const values = new Values(builder.graph(''))
  return builder
}

/** A model of one graph that a builder has built. */
export function modelOfBuilder(builder: GraphBuilder, name: string): Model {
  return { irVersion: 8, opsets: new Map([['', BUILT_OPSET]]), graph: builder.graph(name), functions: [] }
}

/** A graph that goes on from a model's: its builder holds what is new, and knows what the model's values are. */
export class Continuation {
  readonly model: Model
  readonly builder: GraphBuilder
  readonly values: Values
  /** The outputs of nodes that have been given more of them, by a node's first output. */
  readonly #extended = new Map<string, readonly string[]>()

  /** @param prefix begins the names of the new values */
  constructor(model: Model, prefix: string) {
    this.model = model
    this.values = valuesOf(model)
    const builder: GraphBuilder = new GraphBuilder((node) => knownOf(node, builder, this.values, this.opsetOf(node)), {
      prefix,
      taken: namesIn(model.graph),
    })
    this.builder = builder
  }

  /** The version of a node's domain. */
  opsetOf(node: Node): number {
    return this.model.opsets.get(node.domain) ?? BUILT_OPSET
  }

  /** The model's nodes and the new ones, in order. */
  nodes(): readonly Node[] {
    return [...this.model.graph.nodes, ...this.builder.nodes].map((node) => this.#current(node))
  }

  #current(node: Node): Node {
    const outputs = this.#extended.get(firstOutput(node))
    return outputs === undefined ? node : { ...node, outputs }
  }

  /** A value of the graph so far. @throws ModelError if there is none of that name */
  value(name: string): Value {
    const value = this.values.find(name)
    if (value === undefined)
      throw new ModelError(
        `there is no value named ${quoted(name)}: expected an initializer, an input or a node's output`,
      )
    return this.builder.existing(name, value.facts)
  }

  /** The name of a node's output. An optional one that it does not have yet is added to it. */
  output(node: Node, output: number): string {
    const outputs = [...(this.#extended.get(firstOutput(node)) ?? node.outputs)]
    const found = outputs[output] ?? ''
    if (found !== '') return found
    while (outputs.length <= output) outputs.push('')
    const name = this.builder.freshName(`${node.outputs[0] ?? node.opType}.${output}`)
    outputs[output] = name
    this.#extended.set(firstOutput(node), outputs)
    const before = node.outputs.map((own) => this.values.find(own))
    inferNode({ ...node, outputs }, before[0]?.producedAt ?? 0, this.opsetOf(node), this.values)
    // What was declared of the others may be more than the rule knows.
    for (const value of before) if (value !== undefined) this.values.set(value)
    return name
  }

  /** The model with what has been added. */
  finish(): Model {
    const { storage: _storage, ...rest } = this.model
    const { graph } = this.model
    const { builder } = this
    return {
      ...rest,
      graph: {
        ...graph,
        nodes: this.nodes(),
        inputs: [...graph.inputs, ...builder.inputs],
        outputs: [...graph.outputs, ...builder.outputs],
        initializers: new Map([...graph.initializers, ...builder.initializers]),
      },
    }
  }

  /** The new outputs alone, and what they need. */
  finishNew(): Model {
    const model = this.finish()
    return pruned({ ...model, graph: { ...model.graph, outputs: this.builder.outputs } })
  }
}

function firstOutput(node: Node): string {
  return node.outputs.find((name) => name !== '') ?? ''
}

/** Enters a new node's inputs and outputs among the values. */
function knownOf(node: Node, builder: GraphBuilder, values: Values, opset: number): readonly Known[] {
  for (const name of node.inputs) {
    if (name === '' || values.find(name) !== undefined) continue
    const tensor = builder.initializers.get(name)
    const info = builder.inputs.find((input) => input.name === name)
    if (tensor !== undefined) values.set({ name, facts: factsOfTensor(tensor), constant: true, tensor, producedAt: -1 })
    else if (info !== undefined) values.set({ name, facts: factsOfDeclared(info), constant: false, producedAt: -1 })
  }
  refusing(node, () => inferNode(node, 0, opset, values))
  return node.outputs.map((name) => values.find(name)?.facts ?? {})
}
