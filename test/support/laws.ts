import type { Attribute, Graph, Model, Tensor } from '../../src/graph/model.js'
import { isFloat } from '../../src/graph/dtype.js'
import { numbersOf, sizeOf, tensorOf } from '../../src/graph/tensor.js'
import { RESCALE_PREFIX } from '../../src/ops/field.js'
import type { HostTensors } from '../../src/runtime/session.js'
import { normalAt, seedOf } from './draw.js'
import { broadcastIndex } from './reference/basics.js'
import { distance, run } from './survey.js'

/** Copies of a constant, made since its users disagreed, bear its name and this. */
const COPY = /#scaled(#\d+)?/g

/** Nodes as text, without attributes; copies of constants as the constants. */
export function nodesOf(graph: Graph): string[] {
  const lines = graph.nodes.flatMap((node) => [
    `${node.outputs.join(', ')} = ${node.opType}(${node.inputs.join(', ')})`.replace(COPY, ''),
    ...[...node.attributes.values()].flatMap((attribute) =>
      attribute.type === 'graph' ? nodesOf(attribute.value) : [],
    ),
  ])
  // A computed constant that was copied was copied with the nodes that compute it; they stand in any order.
  return [...new Set(lines)].sort()
}

interface Placed {
  readonly tensor: Tensor
  readonly values: Float64Array
}

type Numbers = Map<string, Placed>

/** Every number of a graph that teleportation may change: float constants and attributes, under a name. */
function numbersIn(graph: Graph, into: Numbers = new Map()): Numbers {
  const add = (name: string, tensor: Tensor) => {
    if (isFloat(tensor.dtype)) into.set(name, { tensor, values: numbersOf(tensor) })
  }
  for (const [name, tensor] of graph.initializers) add(name, tensor)
  for (const node of graph.nodes)
    for (const [name, attribute] of node.attributes) {
      const place = `${node.outputs[0] ?? ''} ${name}`
      if (attribute.type === 'tensor') add(place, attribute.value)
      if (attribute.type === 'float') add(place, attributeTensor(attribute))
      if (attribute.type === 'graph') numbersIn(attribute.value, into)
    }
  return into
}

function attributeTensor({ value }: Attribute & { type: 'float' }): Tensor {
  return tensorOf('', 'float32', [], [value])
}

const ROUNDING = { float64: 1e-14, float32: 1e-6, float16: 4e-3, bfloat16: 3e-2 }

/**
 * The names of constants and attributes of `actual` that are not those of `expected`, as far as roundings there and back allow;
 * copies must be as the constants that they are copies of, and constants may have been broadcast to a larger shape. What
 * was inserted is not looked at. `exact` allows no rounding.
 */
export function differences(expected: Model, actual: Model, rounding: 'rounded' | 'exact' = 'rounded'): string[] {
  const known = new Map<string, Placed[]>()
  for (const [name, numbers] of numbersIn(expected.graph)) {
    const own = name.replace(COPY, '')
    const copies = known.get(own)
    if (copies === undefined) known.set(own, [numbers])
    else copies.push(numbers)
  }
  const wrong: string[] = []
  for (const [name, numbers] of numbersIn(actual.graph)) {
    if (name.startsWith(RESCALE_PREFIX)) continue
    // Which user keeps the constant and which gets the copy may change.
    const copies = known.get(name.replace(COPY, ''))
    // An attribute that was left out has its default; that it is the default is seen by running the network.
    if (copies === undefined && name.includes(' ')) continue
    if (copies?.some((copy) => alike(copy, numbers, rounding)) !== true) wrong.push(name)
  }
  return wrong
}

function alike(expected: Placed, actual: Placed, rounding: 'rounded' | 'exact'): boolean {
  const { dtype, dims } = expected.tensor
  if (!isFloat(dtype) || actual.tensor.dtype !== dtype) return false
  const finite = expected.values.filter(Number.isFinite)
  const largest = finite.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
  const allowed = rounding === 'exact' ? 0 : ROUNDING[dtype] * largest
  const at = broadcast(dims, actual.tensor.dims)
  return actual.values.every((value, i) => {
    const original = expected.values[at(i)] as number
    // A mask's infinities, too.
    return value === original || Math.abs(value - original) <= allowed
  })
}

/** The offset in an array of shape `own` of element `i` of `dims`, to which it is broadcast. */
function broadcast(own: readonly number[], dims: readonly number[]): (i: number) => number {
  if (sizeOf(own) === sizeOf(dims)) return (i) => i
  return (i) => broadcastIndex(i, own, dims)
}

/**
 * What the last bit of every weight does to the outputs: an error of that order is the network's own, whoever makes it (a
 * difference of two values that are nearly the same, a choice between two that are nearly equal).
 */
export async function sensitivity(model: Model, feeds: HostTensors, before: HostTensors): Promise<number> {
  let worst = 0
  for (let attempt = 0; attempt < 4; attempt++) {
    const after = await run(nudged(model, attempt), feeds, { optimization: 'none' })
    worst = Math.max(worst, distance(before, after).error)
  }
  return worst
}

function nudged(model: Model, attempt: number): Model {
  const nudge = (tensor: Tensor, place: string): Tensor => {
    if (!isFloat(tensor.dtype)) return tensor
    const stream = seedOf(`${place} ${attempt}`)
    const unit = ROUNDING[tensor.dtype] / 8
    const values = numbersOf(tensor).map((value, i) => value * (1 + unit * normalAt(stream, i)))
    return tensorOf(tensor.name, tensor.dtype, tensor.dims, values)
  }
  const initializers = new Map([...model.graph.initializers].map(([name, tensor]) => [name, nudge(tensor, name)]))
  const nodes = model.graph.nodes.map((node) => {
    const value = node.attributes.get('value')
    if (node.opType !== 'Constant' || value?.type !== 'tensor') return node
    const attribute: Attribute = { type: 'tensor', value: nudge(value.value, node.outputs[0] ?? '') }
    return { ...node, attributes: new Map(node.attributes).set('value', attribute) }
  })
  return { ...model, graph: { ...model.graph, nodes, initializers } }
}
