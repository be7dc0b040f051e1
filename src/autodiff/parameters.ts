import { hasSubgraphs } from '../graph/attributes.js'
import { isFloat } from '../graph/dtype.js'
import { type Graph, type Model, ModelError, type Node, type Tensor, type ValueInfo } from '../graph/model.js'
import { patternOf } from '../graph/pattern.js'
import { sizeOf } from '../graph/tensor.js'
import { quoted } from '../graph/text.js'
import { operatorOf } from '../ops/index.js'
import { isHostDType } from '../runtime/host.js'
import { tensorOfConstant } from '../shapes/constants.js'

/** Inputs that say how an operator works, and are no weights though they are floats. */
const SETTINGS: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [3, 4],
  Clip: [1, 2],
  DequantizeLinear: [1, 2],
  Dropout: [1],
  Pad: [2],
  Pow: [1],
  Resize: [1, 2],
  RoiAlign: [1],
  Upsample: [1],
}

/** Which input of a layer is a weight. */
const WEIGHTS: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [1, 2],
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [0, 1, 2],
  GroupNormalization: [1, 2],
  InstanceNormalization: [1, 2],
  LayerNormalization: [1, 2],
  MatMul: [0, 1],
  PRelu: [1],
  RMSNormalization: [1],
}

const LAYERS = new Set(['Conv', 'ConvTranspose', 'MatMul'])
const PASSING = new Set(['Cast', 'Flatten', 'Identity', 'Reshape', 'Squeeze', 'Transpose', 'Unsqueeze'])

/**
 * The model with those weights as initializers that are Constant nodes: floats of several elements that a layer reads as its weight or
 * that are added to its output, perhaps behind a Transpose or Reshape. Other constants stay what they are.
 */
export function withWeightsAsInitializers(model: Model): Model {
  const { graph } = model
  const constants = new Map<string, Tensor>()
  for (const node of graph.nodes) {
    const tensor = node.opType === 'Constant' && node.domain === '' ? tensorOfConstant(node) : undefined
    if (tensor !== undefined && isFloat(tensor.dtype) && sizeOf(tensor.dims) > 1) constants.set(tensor.name, tensor)
  }
  if (constants.size === 0) return model
  const weights = weightInputs(graph)
  const lifted = new Map([...constants].filter(([name]) => weights.has(name)))
  if (lifted.size === 0) return model
  const nodes = graph.nodes.filter((node) => node.opType !== 'Constant' || !lifted.has(node.outputs[0] ?? ''))
  const { storage: _storage, ...rest } = model
  return { ...rest, graph: { ...graph, nodes, initializers: new Map([...graph.initializers, ...lifted]) } }
}

/** The values that layers read as weights, and what those come from. */
function weightInputs(graph: Graph): Set<string> {
  const found = new Set<string>()
  const ofLayers = new Set(
    graph.nodes.flatMap(({ opType, domain, outputs }) => (domain === '' && LAYERS.has(opType) ? outputs : [])),
  )
  for (const { opType, domain, inputs, outputs } of [...graph.nodes].reverse()) {
    if (domain !== '') continue
    for (const input of WEIGHTS[opType] ?? []) found.add(inputs[input] ?? '')
    if (opType === 'Add' && inputs.some((name) => ofLayers.has(name))) for (const name of inputs) found.add(name)
    if (PASSING.has(opType) && outputs.some((name) => found.has(name))) found.add(inputs[0] ?? '')
  }
  found.delete('')
  return found
}

/**
 * The initializers of which the value is a differentiable function: floats that reach it through operators with a gradient. Not among
 * them are settings of operators, scalars (constants of formulas as a rule) unless `trained` names them, and what `frozen` names.
 * @throws ModelError if there are none, or one is of a type that cannot be fed
 */
export function trainable(
  model: Model,
  of: string,
  { trained, frozen = [] }: { readonly trained?: readonly string[]; readonly frozen?: readonly string[] },
): Tensor[] {
  const reaching = reachingValues(model.graph, of)
  const isTrained = trained === undefined ? undefined : matcher(trained)
  const isFrozen = matcher(frozen)
  const found: Tensor[] = []
  for (const [name, tensor] of model.graph.initializers) {
    if (!isFloat(tensor.dtype) || !reaching.has(name) || isFrozen(name)) continue
    if (isTrained === undefined ? tensor.dims.length === 0 : !isTrained(name)) continue
    if (!isHostDType(tensor.dtype))
      throw new ModelError(
        `initializer ${quoted(name)}: parameters of type ${tensor.dtype} cannot be trained; convert the model to float32, or freeze it (frozen)`,
      )
    found.push(tensor)
  }
  if (found.length === 0)
    throw new ModelError(
      `the model has no parameter to train: no float initializer${trained || frozen.length > 0 ? ', of those that trained and frozen leave,' : ''} reaches ${quoted(of)} through operators that have a gradient`,
    )
  return found
}

function reachingValues(graph: Graph, of: string): Set<string> {
  const reaching = new Set([of])
  for (const node of [...graph.nodes].reverse())
    if (node.outputs.some((name) => reaching.has(name)) && !stops(node))
      node.inputs.forEach((name, i) => {
        if (name !== '' && !(SETTINGS[node.opType]?.includes(i) === true)) reaching.add(name)
      })
  return reaching
}

/** Nothing that depends on weights comes out of a node whose gradient is zero; one without rule is refused when it is differentiated. */
function stops(node: Node): boolean {
  return operatorOf(node)?.gradient === 'zero' && !hasSubgraphs(node)
}

/** True for names that one of the patterns matches; `*` stands for any characters. */
function matcher(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map(patternOf)
  return (name) => expressions.some((expression) => expression.test(name))
}

/** The model with initializers as inputs instead, which ONNX Runtime does not take to be constant; other initializers are no inputs. */
export function withInputs(model: Model, names: ReadonlySet<string>): Model {
  const { graph } = model
  const freed: ValueInfo[] = []
  const kept = new Map<string, Tensor>()
  for (const [name, tensor] of graph.initializers)
    if (names.has(name)) freed.push({ name, dtype: tensor.dtype, shape: tensor.dims })
    else kept.set(name, tensor)
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name))
  const { storage: _storage, ...rest } = model
  return { ...rest, graph: { ...graph, inputs: [...inputs, ...freed], initializers: kept } }
}
