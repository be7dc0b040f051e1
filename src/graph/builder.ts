import { type Dim, isNumber } from './dims.js'
import { type DType, isFloat } from './dtype.js'
import { type Attribute, type Graph, ModelError, type Node, type Tensor, type ValueInfo } from './model.js'
import { RANDOM } from './random-operators.js'
import { sizeOf, tensorOf } from './tensor.js'
import { quoted } from './text.js'
import { Value } from './value.js'

/** What is known of a value that a node computes. */
export interface Known {
  readonly dtype?: DType
  readonly shape?: readonly Dim[]
}

/** Says what is known of a node's outputs. It is told of each node once, in order, before the node's outputs are used. */
export type Infer = (node: Node) => readonly Known[]

/** An attribute as it is written down: whole numbers are integers; for a float that may be whole, `{ type: 'float', value }`. */
export type AttributeValue = number | string | readonly number[] | Attribute

export type AttributeValues = Readonly<Record<string, AttributeValue>>

export function attributeOf(value: AttributeValue): Attribute {
  if (typeof value === 'number') return Number.isInteger(value) ? { type: 'int', value } : { type: 'float', value }
  if (typeof value === 'string') return { type: 'string', value }
  if ('type' in value) return value
  return value.every(Number.isInteger) ? { type: 'ints', value } : { type: 'floats', value }
}

/** A float attribute, also where the number is whole. */
export function float(value: number): Attribute {
  return { type: 'float', value }
}

/**
 * A graph that grows, node by node. The nodes are those of ONNX's operators in their form of opset 18 and later. A node that is
 * written twice, with the same inputs and attributes, is the same node: formulas need not care what another formula has computed.
 */
export class GraphBuilder {
  readonly nodes: Node[] = []
  readonly inputs: ValueInfo[] = []
  readonly outputs: ValueInfo[] = []
  readonly initializers = new Map<string, Tensor>()
  readonly #infer: Infer
  readonly #prefix: string
  readonly #known = new Map<string, Known>()
  readonly #taken: Set<string>
  readonly #emitted = new Map<string, readonly Value[]>()
  readonly #constants = new Map<string, Value>()
  #next = 0

  /**
   * @param infer shape inference, see shapes/build.ts
   * @param options.prefix begins the names of all that is emitted (default: none)
   * @param options.taken names that are used already
   */
  constructor(infer: Infer, options: { readonly prefix?: string; readonly taken?: Iterable<string> } = {}) {
    this.#infer = infer
    this.#prefix = options.prefix ?? ''
    this.#taken = new Set(options.taken)
  }

  /** A name that nothing has yet: the stem itself, or with a number. */
  freshName(stem: string): string {
    let name = `${this.#prefix}${stem}`
    while (this.#taken.has(name)) name = `${this.#prefix}${stem}_${this.#next++}`
    this.#taken.add(name)
    return name
  }

  /** A value that exists already: of the graph that this one continues. */
  existing(name: string, known: Known): Value {
    this.#taken.add(name)
    this.#known.set(name, known)
    return new Value(this, name, known)
  }

  /** A new input of the graph. @throws ModelError if the name is taken */
  input(name: string, dtype: DType, shape: readonly (number | string)[]): Value {
    this.#take(name)
    const info = { name, dtype, shape }
    this.inputs.push(info)
    return new Value(this, name, {
      dtype,
      shape: shape.map((dim) => (typeof dim === 'number' ? dim : { coefficient: 1, symbols: [dim] })),
    })
  }

  /** A new input, under a name that nothing has yet (see `freshName`). */
  freshInput(stem: string, dtype: DType, shape: readonly (number | string)[]): Value {
    const name = this.freshName(stem)
    this.#taken.delete(name)
    return this.input(name, dtype, shape)
  }

  /** A new initializer. @throws ModelError if its name is taken */
  initializer(tensor: Tensor): Value {
    this.#take(tensor.name)
    this.initializers.set(tensor.name, tensor)
    return new Value(this, tensor.name, { dtype: tensor.dtype, shape: tensor.dims })
  }

  #take(name: string): void {
    if (this.#taken.has(name)) throw new ModelError(`the name ${quoted(name)} is used twice in one graph`)
    this.#taken.add(name)
  }

  /** Makes a value an output of the graph, under this name (default: its own). @throws ModelError if the name is taken */
  output(value: Value, name = value.name): Value {
    if (name !== value.name) this.#take(name)
    return this.#output(value, name)
  }

  /** Makes a value an output of the graph, under a name that nothing has yet (see `freshName`). */
  freshOutput(value: Value, stem: string): Value {
    return this.#output(value, this.freshName(stem))
  }

  #output(value: Value, name: string): Value {
    const given = name === value.name ? value : (this.#emit('Identity', [value], {}, [name], '')[0] as Value)
    const shape = value.shape?.map((dim) =>
      isNumber(dim) ? dim : dim.coefficient === 1 ? dim.symbols.join('*') : null,
    )
    this.outputs.push({ name, ...(value.dtype && { dtype: value.dtype }), ...(shape && { shape }) })
    return given
  }

  /** The only output of a new node. `undefined` inputs are left out. */
  op(opType: string, inputs: readonly (Value | undefined)[], attributes: AttributeValues = {}, domain = ''): Value {
    return this.ops(opType, inputs, attributes, 1, domain)[0] as Value
  }

  /** A new node with several outputs. `name`: what messages call it; default its first output's. */
  ops(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: AttributeValues,
    outputs: number,
    domain = '',
    name = '',
  ): readonly Value[] {
    // A Dropout in training draws its mask.
    const key =
      RANDOM.has(opType) || opType === 'Dropout' ? undefined : keyOf(opType, inputs, attributes, outputs, domain)
    const found = key === undefined ? undefined : this.#emitted.get(key)
    if (found !== undefined) return found
    const names = Array.from({ length: outputs }, () => this.freshName(`${opType}_${this.#next++}`))
    const values = this.#emit(opType, inputs, attributes, names, domain, name)
    if (key !== undefined) this.#emitted.set(key, values)
    return values
  }

  #emit(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: AttributeValues,
    outputs: readonly string[],
    domain: string,
    name = '',
  ): readonly Value[] {
    const names = inputs.map((input) => input?.name ?? '')
    while (names.at(-1) === '') names.pop()
    const node: Node = {
      name: name || (outputs[0] ?? ''),
      opType,
      domain,
      inputs: names,
      outputs,
      attributes: new Map(Object.entries(attributes).map(([name, value]) => [name, attributeOf(value)])),
    }
    this.nodes.push(node)
    const known = this.#infer(node)
    return outputs.map((name, i) => new Value(this, name, known[i] ?? {}))
  }

  /** A constant tensor; equal ones are one initializer. */
  constant(dtype: DType, dims: readonly number[], values: ArrayLike<number>): Value {
    // Hashing large constants would cost more than they do.
    const key = sizeOf(dims) <= 4096 ? `${dtype} ${dims.join(',')} ${Array.from(values, exactly).join(',')}` : undefined
    const found = key === undefined ? undefined : this.#constants.get(key)
    if (found !== undefined) return found
    const tensor = tensorOf(this.freshName(`constant_${this.#next++}`), dtype, dims, values)
    this.initializers.set(tensor.name, tensor)
    const value = new Value(this, tensor.name, { dtype, shape: dims })
    if (key !== undefined) this.#constants.set(key, value)
    return value
  }

  /** A list of integers, as axes and shapes are given. */
  ints(values: readonly number[]): Value {
    return this.constant('int64', [values.length], values)
  }

  /** The sizes of a value, int64 [rank]: a constant where they are known. */
  shapeOf(value: Value): Value {
    const { shape } = value
    return shape?.every(isNumber) === true ? this.ints(shape) : this.op('Shape', [value])
  }

  /** What is needed to build the model's graph. */
  graph(name: string): Graph {
    return {
      name,
      nodes: this.nodes,
      inputs: this.inputs,
      outputs: this.outputs,
      initializers: this.initializers,
      sparseInitializers: [],
      valueInfo: new Map(),
    }
  }
}

/** −0 and 0 are different constants. */
function exactly(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

/** Nodes with the same key compute the same. Undefined where attributes are too large to compare. */
function keyOf(
  opType: string,
  inputs: readonly (Value | undefined)[],
  attributes: AttributeValues,
  outputs: number,
  domain: string,
): string | undefined {
  const values = Object.entries(attributes).map(([name, value]) => [name, attributeOf(value)] as const)
  if (values.some(([, { type }]) => type === 'tensor' || type === 'graph' || type === 'graphs' || type === 'other'))
    return undefined
  const sorted = values.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { type, value }]) => [name, type, value])
  return JSON.stringify([domain, opType, outputs, inputs.map((input) => input?.name ?? ''), sorted])
}

/** True if a value may carry a gradient: floats, and what is of unknown type. */
export function isDifferentiable(known: Known): boolean {
  return known.dtype === undefined || isFloat(known.dtype)
}
