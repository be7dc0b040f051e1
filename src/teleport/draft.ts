import type { Attribute, Graph, Model, Node, Tensor, ValueInfo } from '../graph/model.js'
import { RESCALE_PREFIX } from '../ops/field.js'
import type { GraphPlan } from '../quiver/plan.js'

/** A node that is being rewritten. */
export interface DraftNode {
  readonly node: Node
  readonly inputs: string[]
  readonly outputs: string[]
  readonly attributes: Map<string, Attribute>
  /** New nodes to stand right before and right after it. */
  readonly before: Node[]
  readonly after: Node[]
  removed: boolean
}

/** Where a value is read: input `input` of a node, or, without a node, as an output of the graph. */
export interface Use {
  readonly draft: Draft
  readonly node?: DraftNode
  readonly input: number
}

/** A graph that is being rewritten. */
export class Draft {
  readonly plan: GraphPlan
  readonly parent: Draft | undefined
  readonly children: Draft[] = []
  readonly nodes: DraftNode[]
  readonly byNode = new Map<Node, DraftNode>()
  /** Stands behind the last node and reads what the graph gives. */
  readonly sink: DraftNode
  readonly initializers: Map<string, Tensor>
  readonly inputs: ValueInfo[]
  readonly valueInfo: Map<string, ValueInfo>
  /** The node that computes a value. */
  readonly producers = new Map<string, DraftNode>()
  readonly uses = new Map<string, Use[]>()
  readonly #names: Set<string>
  /** How many names were made from a hint. */
  readonly #made: Map<string, number>
  readonly #inputNames: Set<string>
  readonly #subgraphs = new Map<Graph, Draft>()

  constructor(plan: GraphPlan, parent?: Draft) {
    const { graph } = plan
    this.plan = plan
    this.parent = parent
    this.initializers = new Map(graph.initializers)
    this.inputs = [...graph.inputs]
    this.#inputNames = new Set(graph.inputs.map((input) => input.name))
    this.valueInfo = new Map(graph.valueInfo)
    this.#names = parent === undefined ? new Set() : parent.#names
    this.#made = parent === undefined ? new Map<string, number>() : parent.#made
    this.nodes = graph.nodes.map((node) => this.#adopt(node))
    this.sink = draftOf({ ...SINK, inputs: graph.outputs.map((output) => output.name) })
    for (const name of [...graph.initializers.keys(), ...graph.sparseInitializers]) this.#names.add(name)
    for (const input of graph.inputs) this.#names.add(input.name)
    for (const draft of this.nodes)
      draft.inputs.forEach((name, input) => {
        if (name !== '') this.owner(name)?.use(name, { draft: this, node: draft, input })
      })
    for (const output of graph.outputs) this.owner(output.name)?.use(output.name, { draft: this, input: -1 })
    for (const [subgraph, inner] of plan.subgraphs) {
      const child = new Draft(inner, this)
      this.children.push(child)
      this.#subgraphs.set(subgraph, child)
    }
  }

  #adopt(node: Node): DraftNode {
    const draft = draftOf(node)
    this.byNode.set(node, draft)
    // Not only values: two nodes of one name are refused by some readers.
    if (node.name !== '') this.#names.add(node.name)
    for (const name of node.outputs) {
      if (name === '') continue
      this.producers.set(name, draft)
      this.#names.add(name)
    }
    return draft
  }

  use(name: string, use: Use): void {
    const uses = this.uses.get(name)
    if (uses === undefined) this.uses.set(name, [use])
    else uses.push(use)
  }

  /** The graph, this one or one around it, in which a name is defined. */
  owner(name: string): Draft | undefined {
    for (let draft: Draft | undefined = this; draft !== undefined; draft = draft.parent)
      if (draft.producers.has(name) || draft.initializers.has(name) || draft.#inputNames.has(name)) return draft
    return undefined
  }

  /** A name that neither a value nor a node of the model bears, made from a hint. */
  fresh(hint: string): string {
    let copy = this.#made.get(hint) ?? 0
    let name: string
    do name = ++copy === 1 ? hint : `${hint}#${copy}`
    while (this.#names.has(name))
    this.#made.set(hint, copy)
    this.#names.add(name)
    return name
  }

  /**
   * Replace or add an initializer. Models before IR version 4 list their initializers among the inputs, which those of a subgraph
   * are not free to add to: there the graph around gets it.
   */
  setInitializer(tensor: Tensor, irVersion: number): void {
    if (irVersion < 4 && this.parent !== undefined && !this.initializers.has(tensor.name))
      return this.parent.setInitializer(tensor, irVersion)
    const at = this.inputs.findIndex((input) => input.name === tensor.name)
    const info = { name: tensor.name, dtype: tensor.dtype, shape: tensor.dims }
    if (at >= 0 && !declares(this.inputs[at], tensor.dims)) this.inputs[at] = info
    if (at < 0 && irVersion < 4 && !this.initializers.has(tensor.name)) this.inputs.push(info)
    this.reshape(tensor.name, tensor.dims)
    this.initializers.set(tensor.name, tensor)
  }

  /** Forget the declared type of a value whose shape is now another. */
  reshape(name: string, dims: readonly number[]): void {
    if (!declares(this.valueInfo.get(name), dims)) this.valueInfo.delete(name)
  }

  /** The rewritten graph. */
  finish(): Graph {
    const { graph } = this.plan
    const nodes = this.nodes.flatMap((draft) => [
      ...draft.before,
      ...(draft.removed ? [] : [this.#node(draft)]),
      ...draft.after,
    ])
    nodes.push(...this.sink.before)
    const outputs = graph.outputs.map((output, i) => {
      const name = this.sink.inputs[i] as string
      return name === output.name ? output : { ...output, name }
    })
    return { ...graph, nodes, outputs, inputs: this.inputs, initializers: this.initializers, valueInfo: this.valueInfo }
  }

  #node(draft: DraftNode): Node {
    const attributes = new Map(draft.attributes)
    for (const [name, attribute] of draft.attributes) {
      if (attribute.type === 'graph') attributes.set(name, { ...attribute, value: this.#subgraph(attribute.value) })
      if (attribute.type === 'graphs')
        attributes.set(name, { ...attribute, value: attribute.value.map((graph) => this.#subgraph(graph)) })
    }
    return { ...draft.node, inputs: draft.inputs, outputs: draft.outputs, attributes }
  }

  #subgraph(graph: Graph): Graph {
    return this.#subgraphs.get(graph)?.finish() ?? graph
  }
}

function declares(info: ValueInfo | undefined, dims: readonly number[]): boolean {
  return info?.shape?.length === dims.length && info.shape.every((dim, axis) => dim === dims[axis])
}

const SINK: Node = { name: '', opType: '', domain: '', inputs: [], outputs: [], attributes: new Map() }

function draftOf(node: Node): DraftNode {
  return {
    node,
    inputs: [...node.inputs],
    outputs: [...node.outputs],
    attributes: new Map(node.attributes),
    before: [],
    after: [],
    removed: false,
  }
}

/** The name of something that teleportation inserts. */
export function insertedName(what: string, name: string): string {
  return `${RESCALE_PREFIX}${what}/${name}`
}

/** A model with a new graph. What belongs to the file that it came from is no longer true. */
export function withGraph(model: Model, graph: Graph): Model {
  const { storage: _storage, ...rest } = model
  return { ...rest, graph }
}
