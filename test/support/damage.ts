import type { Model, Tensor } from '../../src/graph/model.js'
import { numbersOf, tensorOf } from '../../src/graph/tensor.js'

/** The float weights of a model, whether they are initializers or Constant nodes, by name. */
export function weightsOf(model: Model): Map<string, Tensor> {
  const weights = new Map(model.graph.initializers)
  for (const node of model.graph.nodes) {
    const value = node.attributes.get('value')
    if (node.opType === 'Constant' && value?.type === 'tensor') weights.set(node.outputs[0] ?? '', value.value)
  }
  for (const [name, tensor] of weights)
    if (!tensor.dtype.startsWith('float') || tensor.data.byteLength < 8) weights.delete(name)
  return weights
}

/** The model with one element of one weight changed. `which` gets the elements; `change` the one that it chose. */
export function damaged(
  model: Model,
  name: string,
  change: (value: number) => number,
  which: (values: Float64Array) => number = largest,
): Model {
  const { storage: _, ...rest } = model
  const alter = (tensor: Tensor): Tensor => {
    const values = numbersOf(tensor)
    const at = which(values)
    values[at] = change(values[at] ?? 0)
    return tensorOf(tensor.name, tensor.dtype, tensor.dims, values)
  }
  const initializers = new Map(model.graph.initializers)
  const initializer = initializers.get(name)
  if (initializer !== undefined) initializers.set(name, alter(initializer))
  const nodes = model.graph.nodes.map((node) => {
    const value = node.attributes.get('value')
    if (node.opType !== 'Constant' || node.outputs[0] !== name || value?.type !== 'tensor') return node
    const attributes = new Map(node.attributes)
    attributes.set('value', { type: 'tensor', value: alter(value.value) })
    return { ...node, attributes }
  })
  return { ...rest, graph: { ...model.graph, nodes, initializers } }
}

/** The position of the element of largest magnitude. */
export function largest(values: Float64Array): number {
  return values.reduce((best, value, i) => (Math.abs(value) > Math.abs(values[best] ?? 0) ? i : best), 0)
}

/** The position of the element of median magnitude. */
export function median(values: Float64Array): number {
  const order = [...values.keys()].sort((a, b) => Math.abs(values[a] ?? 0) - Math.abs(values[b] ?? 0))
  return order[Math.floor(order.length / 2)] ?? 0
}
