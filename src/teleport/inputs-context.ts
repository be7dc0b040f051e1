import type { DType } from '../graph/dtype.js'
import type { DeclaredDim, Graph, Model, Node, Tensor, ValueInfo } from '../graph/model.js'

/** Operators after which an integer still names the same row of a table, or a channel is still the same channel. */
const PASSING = new Set([
  'Cast',
  'Clip',
  'Concat',
  'DequantizeLinear',
  'Dropout',
  'Expand',
  'Flatten',
  'Identity',
  'QuantizeLinear',
  'Reshape',
  'Slice',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
  'Where',
])

/** Those of them that leave every axis where it is. */
const AXIS_KEEPING = new Set(['Cast', 'Clip', 'DequantizeLinear', 'Dropout', 'Identity', 'QuantizeLinear'])

/** The inputs that must be fed: below IR version 4 the declared inputs include the initializers, which need not be. */
export function fedInputs(model: Model): ValueInfo[] {
  return model.graph.inputs.filter((input) => !model.graph.initializers.has(input.name))
}

/** What a graph tells about its inputs by what reads them. */
export class InputContext {
  readonly #graph: Graph
  readonly #readers = new Map<string, Node[]>()
  readonly #producers = new Map<string, Node>()

  constructor(model: Model) {
    this.#graph = model.graph
    for (const node of model.graph.nodes) {
      for (const name of new Set(node.inputs)) {
        const readers = this.#readers.get(name)
        if (readers === undefined) this.#readers.set(name, [node])
        else readers.push(node)
      }
      for (const name of node.outputs) this.#producers.set(name, node)
    }
  }

  /** How many rows the smallest constant table has that the values of `input` look up; absent if they look up none. */
  vocabulary(input: string): number | undefined {
    const sizes: number[] = []
    for (const [value, node] of this.#reached(input, PASSING)) {
      if (node.opType === 'Gather' && node.inputs[1] === value) {
        const dims = this.#constantDims(node.inputs[0])
        const axis = integer(node, 'axis', 0)
        const size = dims?.at(axis)
        if (size !== undefined) sizes.push(size)
      } else if (node.opType === 'EmbedLayerNormalization') {
        const at = node.inputs.indexOf(value)
        const size = this.#constantDims(node.inputs[at + 2])?.[0]
        if (at < 2 && size !== undefined) sizes.push(size)
      }
    }
    return sizes.length === 0 ? undefined : Math.min(...sizes)
  }

  /** The size that the first layer's weights demand of an axis of `input`; absent if none does. */
  demanded(input: string, axis: number, rank: number): number | undefined {
    for (const [value, node] of this.#reached(input, AXIS_KEEPING)) {
      if (node.inputs[0] !== value) continue
      const weight = this.#constantDims(node.inputs[1])
      if (weight === undefined) continue
      const last = axis === rank - 1
      let size: number | undefined
      if (node.opType === 'Conv' && axis === 1) size = (weight[1] ?? 0) * integer(node, 'group', 1)
      else if (node.opType === 'ConvTranspose' && axis === 1) size = weight[0]
      else if (node.opType === 'BatchNormalization' && axis === 1) size = weight[0]
      else if (node.opType === 'Gemm' && axis === 1) size = weight[integer(node, 'transB', 0) === 1 ? 1 : 0]
      else if (node.opType === 'MatMul' && last) size = weight.at(-2)
      else if (['LSTM', 'GRU', 'RNN'].includes(node.opType) && axis === 2) size = weight[2]
      if (size !== undefined && size > 0) return size
    }
    return undefined
  }

  /** Every reader of `input`, with the name under which it reads it, also through operators of `passing`. */
  *#reached(input: string, passing: ReadonlySet<string>): Generator<[string, Node]> {
    const seen = new Set([input])
    // The set grows while it is walked, which is what makes it a worklist.
    for (const value of seen)
      for (const node of this.#readers.get(value) ?? []) {
        yield [value, node]
        if (passing.has(node.opType) && node.outputs[0] !== undefined) seen.add(node.outputs[0])
      }
  }

  #constantDims(name: string | undefined): readonly number[] | undefined {
    let current = name
    for (let hops = 0; current !== undefined && hops < 8; hops++) {
      const tensor: Tensor | undefined = this.#graph.initializers.get(current)
      if (tensor !== undefined) return tensor.dims
      const producer = this.#producers.get(current)
      if (producer === undefined) return undefined
      const value = producer.attributes.get('value')
      if (producer.opType === 'Constant') return value?.type === 'tensor' ? value.value.dims : undefined
      if (!AXIS_KEEPING.has(producer.opType)) return undefined
      current = producer.inputs[0]
    }
    return undefined
  }
}

function integer(node: Node, name: string, otherwise: number): number {
  const attribute = node.attributes.get(name)
  return attribute?.type === 'int' ? attribute.value : otherwise
}

/** What an input seems to mean, which decides how it is drawn. */
export type Meaning =
  | 'image'
  | 'features'
  | 'tokens'
  | 'positions'
  | 'types'
  | 'mask'
  | 'length'
  | 'rate'
  | 'time'
  | 'imageSize'
  | 'state'
  | 'factor'
  | 'flag'
  | 'text'

export function meaningOf(name: string, dtype: DType, shape: readonly DeclaredDim[]): Meaning {
  const rank = shape.length
  const scalar = rank === 0 || (rank === 1 && shape[0] === 1)
  const small = rank <= 1 || (rank === 2 && shape[1] === 1)
  const float = dtype.startsWith('float')
  if (dtype === 'string') return 'text'
  if (/mask/i.test(name)) return 'mask'
  if (dtype === 'bool') return 'flag'
  if (/(^|[_.])(sr|rate|sample_?rate|sampling_?rate)$/i.test(name)) return 'rate'
  if (/im_?shape|im(age)?_?size|(orig|target).*(size|shape)/i.test(name) && rank <= 2) return 'imageSize'
  if (/len/i.test(name) && !float && small) return 'length'
  if (/time_?step|^t$/i.test(name) && small) return 'time'
  if (!float && /position|pos_?id/i.test(name)) return 'positions'
  if (!float && /type|segment/i.test(name)) return 'types'
  if (
    /(^|[_./])(h|c|hn|cn|h0|c0|hx|cx|state|hidden|cell|cache|past|mem|memory|rnn)([_./\d]|$)|state|^past/i.test(name) &&
    rank >= 2
  )
    return 'state'
  if (rank >= 4 && (float || dtype === 'uint8' || dtype === 'int8')) return 'image'
  if (rank === 3 && dtype === 'uint8') return 'image'
  if (!float) return 'tokens'
  return scalar || (rank === 1 && /scale|factor|speed|temp/i.test(name)) ? 'factor' : 'features'
}
