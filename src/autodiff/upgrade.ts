import { describe, subgraphsOf } from '../graph/attributes.js'
import type { DType } from '../graph/dtype.js'
import { type Attribute, type Graph, type Model, ModelError, type Node, type Tensor } from '../graph/model.js'
import { namesIn, readIn } from '../graph/reads.js'
import { tensorOf } from '../graph/tensor.js'
import { quoted } from '../graph/text.js'
import { BUILT_OPSET } from '../shapes/build.js'
import { valuesOf } from '../shapes/infer.js'
import { Values } from '../shapes/values.js'
import { NodeView } from '../shapes/view.js'
import { FORMS, type OldNode } from './old-forms.js'

/** The first opset whose arithmetic broadcasts as numpy does; what was before it went by `axis` and `broadcast`. */
const FIRST_OPSET = 7
/** The first version of the file format that has opset 18. */
const IR_VERSION = 8

/**
 * The same function, with operators in their form of opset 18: where an operator of opset 7 to 17 has changed since, it is written
 * anew, also inside subgraphs. Models of opset 18 and later stay as they are.
 * @throws ModelError where the opset is earlier, or a node has no form in opset 18 that does exactly the same
 */
export function upgraded(model: Model): Model {
  const opset = model.opsets.get('') ?? BUILT_OPSET
  if (opset >= BUILT_OPSET && model.opsets.has('')) return model
  if (opset < FIRST_OPSET)
    throw new ModelError(
      `the model is of opset ${opset}, and what it computes is understood from opset ${FIRST_OPSET} on; convert it first (onnx.version_converter)`,
    )
  if (opset < BUILT_OPSET && model.functions.length > 0)
    throw new ModelError(
      `the model is of opset ${opset} and defines functions of its own (${model.functions.slice(0, 2).map(quoted).join(', ')}${model.functions.length > 2 ? ', …' : ''}), which cannot be brought to opset ${BUILT_OPSET}; inline them first (onnx.inliner)`,
    )
  const { storage: _storage, ...rest } = model
  const upgrade = new Upgrade(opset, namesIn(model.graph))
  return {
    ...rest,
    irVersion: Math.max(model.irVersion, IR_VERSION),
    opsets: new Map([...model.opsets, ['', BUILT_OPSET]]),
    graph: upgrade.graph(model.graph, valuesOf(model)),
  }
}

/** The way of one model from its opset to 18. */
class Upgrade {
  readonly #opset: number
  readonly #taken: Set<string>

  constructor(opset: number, taken: Set<string>) {
    this.#opset = opset
    this.#taken = taken
  }

  graph(graph: Graph, values: Values): Graph {
    const initializers = new Map(graph.initializers)
    const constants = new Map<string, string>()
    const constant = (dtype: DType, dims: readonly number[], numbers: readonly number[]): string => {
      const key = `${dtype} ${dims.join(',')} ${numbers.join(',')}`
      const found = constants.get(key)
      if (found !== undefined) return found
      const tensor: Tensor = tensorOf(this.#fresh('constant'), dtype, dims, numbers)
      initializers.set(tensor.name, tensor)
      constants.set(key, tensor.name)
      return tensor.name
    }
    const used = new Set(readIn(graph))
    const nodes = graph.nodes.flatMap((node) => {
      const forms = node.domain === '' ? FORMS.get(node.opType) : undefined
      const form = forms?.find(({ before }) => this.#opset < before)
      if (form === undefined) return [this.#inside(node)]
      const view = new NodeView(node, this.#opset, values)
      const old: OldNode = {
        node,
        opset: this.#opset,
        view,
        constant,
        fresh: (stem) => this.#fresh(stem),
        isUsed: (output) => used.has(node.outputs[output] ?? ''),
        refuse: (why) => {
          throw new ModelError(`${describe(node)}: ${why}`)
        },
      }
      return form.rewrite(old).map((renewed) => this.#inside(renewed))
    })
    return { ...graph, nodes, initializers }
  }

  /** Nothing is known of the values inside a subgraph; the forms that need no knowledge do there. */
  #inside(node: Node): Node {
    if (subgraphsOf(node).length === 0) return node
    const renewed = (graph: Graph): Graph => this.graph(graph, new Values(graph))
    const attributes = [...node.attributes].map(([name, attribute]): [string, Attribute] => {
      if (attribute.type === 'graph') return [name, { ...attribute, value: renewed(attribute.value) }]
      if (attribute.type === 'graphs') return [name, { ...attribute, value: attribute.value.map(renewed) }]
      return [name, attribute]
    })
    return { ...node, attributes: new Map(attributes) }
  }

  #fresh(stem: string): string {
    let name = `opset18/${stem}`
    for (let i = 1; this.#taken.has(name); i++) name = `opset18/${stem}_${i}`
    this.#taken.add(name)
    return name
  }
}
