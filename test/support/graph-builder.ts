import { type DType, isFloat } from '../../src/graph/dtype.js'
import type { Graph, Model, Node, Tensor, ValueInfo } from '../../src/graph/model.js'
import { bytesOf, sizeOf, tensorOf } from '../../src/graph/tensor.js'
import { hostTensorOf, isHostDType } from '../../src/runtime/host.js'
import type { HostTensor } from '../../src/runtime/session.js'
import { normalAt, seedOf } from './draw.js'
import { type AttributeValue, attributeOf, graphOf } from './plain-graph.js'

/** A float value of a graph, with its shape when the batch is 2. */
export interface Value {
  readonly name: string
  readonly shape: readonly number[]
}

/** The step cannot be taken from this value; the graph stays as it was. */
export class Inapplicable extends Error {}

/** A row of numbers from which choices are made, the first of each list for zeros. */
export class Picks {
  readonly #numbers: readonly number[]
  #at = 0
  constructor(numbers: readonly number[]) {
    this.#numbers = numbers
  }

  below(bound: number): number {
    const at = this.#at++
    // Past the end the numbers come again, shifted, so that two choices that share one differ.
    const number = (this.#numbers[at % this.#numbers.length] ?? 0) * (1 + Math.floor(at / this.#numbers.length))
    return number % bound
  }

  of<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Inapplicable()
    return list[this.below(list.length)] as T
  }

  oneIn(n: number): boolean {
    return this.below(n) === n - 1
  }
}

/** Operators for which ONNX Runtime has a kernel in double precision. */
const DOUBLE = new Set(
  `Abs Add ArgMax BatchNormalization Cast Clip Concat Constant CumSum Div Dropout Exp Expand Flatten Gather Gemm Greater Identity If
  LayerNormalization MatMul Max MaxPool Min Mul Neg Pow ReduceMax ReduceMean ReduceSum Reciprocal Relu Reshape Sigmoid
  Slice Softmax Split Sqrt Squeeze Sub Sum Tanh Tile TopK Transpose Unsqueeze Where`.split(/\s+/),
)

export interface BuilderOptions {
  readonly dtype: 'float32' | 'float64'
  readonly opset: number
  /** The batch is declared as `N`. */
  readonly symbolic: boolean
  /** IR version 3 lists initializers among the inputs. */
  readonly irVersion: number
  readonly seed: number
}

export const BATCH = 2

/** A graph that grows. */
export class GraphBuilder {
  readonly options: BuilderOptions
  readonly inputs: ValueInfo[] = []
  nodes: Node[] = []
  initializers = new Map<string, Tensor>()
  /** What a next step may start from. */
  values: Value[] = []
  /** Outputs that no step may start from: indices. */
  indices: string[] = []
  /** The coarser type in which some weights are stored. */
  stored: DType | undefined
  #next = 0

  constructor(options: BuilderOptions) {
    this.options = options
  }

  name(stem: string): string {
    return `${stem}${this.#next++}`
  }

  input(shape: readonly number[]): Value {
    const name = this.name('x')
    const { dtype, symbolic } = this.options
    this.inputs.push({ name, dtype, shape: shape.map((dim, axis) => (axis === 0 && symbolic ? 'N' : dim)) })
    return this.value(name, shape)
  }

  value(name: string, shape: readonly number[]): Value {
    // Larger ones take time and show nothing new.
    if (sizeOf(shape) > 4096 || shape.includes(0)) throw new Inapplicable()
    const value = { name, shape }
    this.values.push(value)
    return value
  }

  /** Several outputs; their names. */
  node(
    opType: string,
    inputs: readonly string[],
    attributes: Record<string, AttributeValue>,
    outputs: number,
  ): string[] {
    if (this.options.dtype === 'float64' && !DOUBLE.has(opType)) throw new Inapplicable()
    const names = Array.from({ length: outputs }, () => this.name(opType))
    const entries = Object.entries(attributes).map(([name, value]) => [name, attributeOf(value)] as const)
    this.nodes.push({
      name: `${names[0] ?? ''}_node`,
      opType,
      domain: '',
      inputs,
      outputs: names,
      attributes: new Map(entries),
    })
    return names
  }

  op(opType: string, inputs: readonly (Value | string)[], attributes: Record<string, AttributeValue> = {}): string {
    const names = inputs.map((input) => (typeof input === 'string' ? input : input.name))
    return this.node(opType, names, attributes, 1)[0] as string
  }

  /** An operator that keeps the shape. */
  same(opType: string, x: Value, more: readonly string[] = [], attributes: Record<string, AttributeValue> = {}): Value {
    return this.value(this.op(opType, [x, ...more], attributes), x.shape)
  }

  /** A constant as it is. */
  constant(dims: readonly number[], values: readonly number[], dtype: DType = this.options.dtype): string {
    const name = this.name('c')
    this.initializers.set(name, tensorOf(name, dtype, dims, values))
    return name
  }

  ints(...values: number[]): string {
    return this.constant([values.length], values, 'int64')
  }

  scalar(value: number): string {
    return this.constant([], [value])
  }

  /** Numbers about normal with deviation `spread` around `center`. */
  drawn(count: number, spread = 1, center = 0): number[] {
    const stream = seedOf(`${this.options.seed} ${this.#next}`)
    return Array.from({ length: count }, (_, i) => center + spread * normalAt(stream, i))
  }

  random(dims: readonly number[], spread: number, center = 0): string {
    return this.constant(dims, this.drawn(sizeOf(dims), spread, center))
  }

  /** 1 from this opset on, where what used to be an attribute is an input. */
  since(opset: number): boolean {
    if (this.options.opset < opset) throw new Inapplicable()
    return true
  }

  axes(
    opType: string,
    x: Value | string,
    axes: readonly number[],
    since: number,
    attributes: Record<string, number> = {},
  ): string {
    if (this.options.opset >= since) return this.op(opType, [x, this.ints(...axes)], attributes)
    return this.op(opType, [x], { axes, ...attributes })
  }

  reduce(opType: string, x: Value | string, axes: readonly number[], keepdims: number): string {
    return this.axes(opType, x, axes, opType === 'ReduceSum' ? 13 : 18, { keepdims })
  }

  reshape(x: Value | string, shape: readonly number[]): string {
    return this.op('Reshape', [x, this.ints(...shape)])
  }

  /** Runs a step; if it turns out not to be possible the graph is as before. */
  attempt(step: () => void): boolean {
    const before = {
      nodes: [...this.nodes],
      initializers: new Map(this.initializers),
      values: [...this.values],
      indices: [...this.indices],
      stored: this.stored,
    }
    try {
      step()
      return true
    } catch (error) {
      if (!(error instanceof Inapplicable)) throw error
      Object.assign(this, before)
      return false
    }
  }

  /** A graph of some of the nodes, for a branch of an If. */
  branch(build: () => string): Graph {
    const outer = this.nodes
    this.nodes = []
    try {
      const output = build()
      const outputs = [{ name: output, dtype: this.options.dtype }]
      return graphOf({ name: this.name('branch'), nodes: this.nodes, outputs })
    } finally {
      this.nodes = outer
    }
  }

  model(outputs: readonly { readonly name: string; readonly dtype: DType }[]): Model {
    const { irVersion, opset } = this.options
    const listed = [...this.initializers.values()].map(({ name, dtype, dims }) => ({ name, dtype, shape: dims }))
    const graph = graphOf({
      name: 'random',
      nodes: this.nodes,
      inputs: irVersion < 4 ? [...this.inputs, ...listed] : this.inputs,
      outputs,
      initializers: this.initializers,
    })
    return { irVersion, opsets: new Map([['', opset]]), graph, functions: [] }
  }
}

/** Normal numbers for the inputs that are not initializers too; a batch of 2. */
export function feedsFor(model: Model): Map<string, HostTensor> {
  const feeds = new Map<string, HostTensor>()
  for (const { name, dtype = 'float32', shape = [] } of model.graph.inputs) {
    if (model.graph.initializers.has(name)) continue
    const dims = shape.map((dim) => (typeof dim === 'number' ? dim : BATCH))
    if (!isHostDType(dtype) || !isFloat(dtype)) throw new Error(`an input of type ${dtype}`)
    const stream = seedOf(name)
    const values = Array.from({ length: sizeOf(dims) }, (_, i) => normalAt(stream, i))
    feeds.set(name, hostTensorOf(dtype, dims, bytesOf(tensorOf(name, dtype, dims, values))))
  }
  return feeds
}
