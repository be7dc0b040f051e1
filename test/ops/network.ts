import { type DType, isFloat } from '../../src/graph/dtype.js'
import type { Graph, Model, Node, Tensor, ValueInfo } from '../../src/graph/model.js'
import { bytesOf, sizeOf, tensorOf } from '../../src/graph/tensor.js'
import { modelBytes } from '../../src/onnx/write.js'
import type { Facts } from '../../src/ops/rule.js'
import { valuesOf } from '../../src/shapes/infer.js'
import { hostTensorOf, isHostDType, numberReader } from '../../src/runtime/host.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import type { HostTensor } from '../../src/runtime/session.js'
import { normalAt, seedOf } from '../support/draw.js'
import { type AttributeValue, attributeOf, graphOf } from '../support/plain-graph.js'

export { float } from '../../src/graph/builder.js'

/** A small network, built node by node: values are their names. */
export class Network {
  readonly opset: number
  readonly nodes: Node[] = []
  readonly inputs: ValueInfo[] = []
  readonly outputs: string[] = []
  readonly initializers = new Map<string, Tensor>()
  readonly declared = new Map<string, ValueInfo>()
  #next = 0

  constructor(opset = 18) {
    this.opset = opset
  }

  #name(stem: string): string {
    return `${stem}_${this.#next++}`
  }

  input(shape: readonly number[], dtype: DType = 'float32'): string {
    const name = this.#name('input')
    this.inputs.push({ name, dtype, shape })
    return name
  }

  /** Elements about normal; `center` is added. */
  weight(dims: readonly number[], center = 0, dtype: DType = 'float32'): string {
    const seed = seedOf(`weight ${this.#next}`)
    return this.constant(
      dims,
      Array.from({ length: sizeOf(dims) }, (_, i) => center + normalAt(seed, i) * 0.5),
      dtype,
    )
  }

  constant(dims: readonly number[], values: readonly number[], dtype: DType = 'float32'): string {
    const name = this.#name('constant')
    this.initializers.set(name, tensorOf(name, dtype, dims, values))
    return name
  }

  /** One number. */
  scalar(value: number): string {
    return this.constant([], [value])
  }

  /** One integer, as an axis or a count is given. */
  integer(value: number): string {
    return this.constant([], [value], 'int64')
  }

  /** A list of integers, as shapes, axes and indices are given. */
  integers(values: readonly number[]): string {
    return this.constant([values.length], values, 'int64')
  }

  /** A node with several outputs. */
  node(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>>,
    outputs: number,
  ): string[] {
    const names = Array.from({ length: outputs }, () => this.#name(opType))
    this.nodes.push({
      name: `${opType} node ${this.nodes.length}`,
      opType,
      domain: '',
      inputs,
      outputs: names,
      attributes: new Map(Object.entries(attributes).map(([name, value]) => [name, attributeOf(value)])),
    })
    return names
  }

  op(opType: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeValue>> = {}): string {
    return this.node(opType, inputs, attributes, 1)[0] as string
  }

  output(...names: string[]): this {
    this.outputs.push(...names)
    return this
  }

  /** Say the type of an inner value, as exporters do where it cannot be derived. */
  declare(name: string, dtype: DType = 'float32', shape?: readonly number[]): string {
    this.declared.set(name, { name, dtype, ...(shape && { shape }) })
    return name
  }

  graph(): Graph {
    return graphOf({
      name: 'network',
      nodes: this.nodes,
      inputs: this.inputs,
      outputs: this.outputs.map((name) => ({ name, dtype: 'float32' })),
      initializers: this.initializers,
      valueInfo: this.declared,
    })
  }

  model(): Model {
    return { irVersion: 10, opsets: new Map([['', this.opset]]), graph: this.graph(), functions: [] }
  }
}

/** Inputs about normal; integers zero. The same each time. */
export function feedsOf(model: Model): Map<string, HostTensor> {
  return new Map(
    model.graph.inputs.map(({ name, dtype = 'float32', shape = [] }) => {
      const dims = shape.map(Number)
      const seed = seedOf(name)
      const values = Array.from({ length: sizeOf(dims) }, (_, i) => (isFloat(dtype) ? normalAt(seed, i) : 0))
      if (!isHostDType(dtype)) throw new Error(`inputs of type ${dtype} cannot be fed`)
      return [name, hostTensorOf(dtype, dims, bytesOf(tensorOf(name, dtype, dims, values)))]
    }),
  )
}

/** Runs a model in ONNX Runtime, every node as it is written. */
export async function run(model: Model): Promise<Map<string, HostTensor>> {
  const session = await nodeRuntime.open({ bytes: modelBytes(model) }, { threads: 1, optimization: 'none' })
  try {
    return await session.run(feedsOf(model))
  } finally {
    await session.release()
  }
}

export function numbersIn(tensor: HostTensor): number[] {
  const read = numberReader(tensor)
  if (read === undefined) throw new Error('a tensor of strings')
  return Array.from({ length: sizeOf(tensor.dims) }, (_, i) => read(i))
}

/** The same network with every inner value as an output. */
export function exposed(model: Model): Model {
  const names = model.graph.nodes.flatMap((node) => node.outputs).filter((name) => name !== '')
  return { ...model, graph: { ...model.graph, outputs: names.map((name) => ({ name })) } }
}

/** What the shape rules say of every value of a graph, from the declared inputs and the initializers alone. */
export function derivedFacts(model: Model): Map<string, Facts> {
  const inferred = valuesOf(model)
  const computed = new Set(model.graph.nodes.flatMap((node) => node.outputs))
  return new Map([...inferred.all()].flatMap(({ name, facts }) => (computed.has(name) ? [[name, facts] as const] : [])))
}
