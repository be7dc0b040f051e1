import { bitsOf, isFloat } from '../graph/dtype.js'
import type { Graph, Model, Tensor } from '../graph/model.js'
import { numbersOf, sizeOf } from '../graph/tensor.js'

/** How far the weights V of one model lie from the weights W of another. */
export interface Distance {
  /** ‖V − W‖ (L2), over weights that have the same name and shape in both. */
  readonly absolute: number
  /** ‖V − W‖ ÷ ‖W‖; 0 where W is all zeros and V is too, null where only W is. */
  readonly relative: number | null
  /** Elements compared. */
  readonly weights: number
  /** Of them, those that differ. */
  readonly changed: number
}

/** Elements that are read at a time. */
const PIECE = 2 ** 18

/** The distance between the weights of `from` (W) and `to` (V). Reads each tensor once, in pieces. */
export function distanceBetween(from: Model, to: Model): Distance {
  const sums = { norm: 0, distance: 0, weights: 0, changed: 0 }
  const others = weightsOf(to)
  for (const [name, tensor] of weightsOf(from)) {
    const other = others.get(name)
    if (other === undefined || other.dtype !== tensor.dtype || other.dims.join() !== tensor.dims.join()) continue
    add(sums, tensor, other)
  }
  const absolute = Math.sqrt(sums.distance)
  const norm = Math.sqrt(sums.norm)
  const relative = norm > 0 ? absolute / norm : absolute === 0 ? 0 : null
  return { absolute, relative, weights: sums.weights, changed: sums.changed }
}

/**
 * The weights of a model by name: its float constants, whether they are initializers or values of Constant nodes, those of
 * subgraphs included. The running mean and variance of a BatchNormalization are statistics, not weights; `statistics` (default
 * false) says whether they are wanted too.
 */
export function weightsOf(model: Model, options: { readonly statistics?: boolean } = {}): Map<string, Tensor> {
  const found = new Map<string, Tensor>()
  collect(model.graph, '', found, options.statistics === true)
  return found
}

function collect(graph: Graph, path: string, found: Map<string, Tensor>, all: boolean): void {
  const statistics = new Set<string>()
  for (const { opType, domain, inputs } of graph.nodes)
    if (!all && opType === 'BatchNormalization' && domain === '')
      for (const name of inputs.slice(3, 5)) statistics.add(name)
  for (const [name, tensor] of graph.initializers)
    if (isFloat(tensor.dtype) && !statistics.has(name)) found.set(path + name, tensor)
  for (const node of graph.nodes) {
    const output = node.outputs[0] ?? ''
    for (const [key, attribute] of node.attributes) {
      const place = `${path}${output}/${key}`
      if (attribute.type === 'tensor' && isFloat(attribute.value.dtype) && !statistics.has(output))
        found.set(place, attribute.value)
      if (attribute.type === 'graph') collect(attribute.value, `${place}/`, found, all)
      if (attribute.type === 'graphs')
        attribute.value.forEach((inner, i) => collect(inner, `${place}/${i}/`, found, all))
    }
  }
}

interface Sums {
  norm: number
  distance: number
  weights: number
  changed: number
}

function add(sums: Sums, from: Tensor, to: Tensor): void {
  const count = sizeOf(from.dims)
  sums.weights += count
  const same = from.data === to.data
  for (let start = 0; start < count; start += PIECE) {
    const length = Math.min(PIECE, count - start)
    const w = elements(from, start, length)
    const v = same ? w : elements(to, start, length)
    for (let i = 0; i < length; i++) {
      const difference = (v[i] as number) - (w[i] as number)
      sums.norm += (w[i] as number) ** 2
      if (difference === 0) continue
      sums.distance += difference ** 2
      sums.changed++
    }
  }
}

function elements(tensor: Tensor, start: number, length: number): Float32Array | Float64Array {
  const step = bitsOf(tensor.dtype) / 8
  const bytes = tensor.data.read(start * step, length * step)
  if (tensor.dtype === 'float32') {
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
    return new Float32Array(aligned.buffer, aligned.byteOffset, length)
  }
  const piece = { byteLength: bytes.length, read: (at: number, size: number) => bytes.subarray(at, at + size) }
  return numbersOf({ name: tensor.name, dtype: tensor.dtype, dims: [length], data: piece })
}
