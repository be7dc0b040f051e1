import { type Dim, isNumber, symbol } from '../graph/dims.js'
import type { Graph, Node, Tensor, ValueInfo } from '../graph/model.js'
import { numbersOf, sizeOf } from '../graph/tensor.js'
import type { Field } from '../ops/field.js'
import type { Facts } from '../ops/rule.js'

/** What is known of a value of a graph while the quiver is built. */
export interface Value {
  readonly name: string
  readonly facts: Facts
  /** Absent for constants: they carry whatever scale is asked of them. */
  readonly field?: Field
  /** Depends on constants alone. */
  readonly constant: boolean
  /** An initializer's or Constant node's tensor. */
  readonly tensor?: Tensor
  readonly producer?: Node
  /** Position of the producer in its graph; −1 for inputs and initializers. */
  readonly producedAt: number
}

/** The values of a graph, and of the graphs around it. */
export class Values {
  readonly #values = new Map<string, Value>()
  readonly graph: Graph
  readonly parent: Values | undefined
  constructor(graph: Graph, parent?: Values) {
    this.graph = graph
    this.parent = parent
  }

  set(value: Value): void {
    this.#values.set(value.name, value)
  }

  own(name: string): Value | undefined {
    return this.#values.get(name)
  }

  /** Where the value is defined: in this graph or in one around it. */
  find(name: string): { readonly value: Value; readonly owner: Values } | undefined {
    for (let scope: Values | undefined = this; scope !== undefined; scope = scope.parent) {
      const value = scope.own(name)
      if (value !== undefined) return { value, owner: scope }
    }
    return undefined
  }

  all(): Iterable<Value> {
    return this.#values.values()
  }
}

/** Integers are followed through shape arithmetic in tensors of at most this many elements. */
const NUMBERS_LIMIT = 1024

export function factsOfTensor(tensor: Tensor): Facts {
  const facts = { dtype: tensor.dtype, shape: tensor.dims }
  const integral = tensor.dtype.startsWith('int') || tensor.dtype.startsWith('uint') || tensor.dtype === 'bool'
  if (!integral || sizeOf(tensor.dims) > NUMBERS_LIMIT || /int[24]$/.test(tensor.dtype)) return facts
  return { ...facts, numbers: [...numbersOf(tensor)] }
}

export function factsOfDeclared(info: ValueInfo): Facts {
  return {
    ...(info.dtype && { dtype: info.dtype }),
    ...(info.shape && {
      shape: info.shape.map((dim, axis) =>
        typeof dim === 'number' ? dim : symbol(dim === null || dim === '' ? `${info.name}:${axis}` : dim),
      ),
    }),
  }
}

/** What a rule derived, completed by what the file declares. Where they disagree the rule is right. */
export function completeFacts(derived: Facts, declared: ValueInfo | undefined): Facts {
  if (declared === undefined) return derived
  const stated = factsOfDeclared(declared)
  const dtype = derived.dtype ?? stated.dtype
  let shape = derived.shape ?? stated.shape
  if (derived.shape !== undefined && derived.shape.length === stated.shape?.length)
    shape = derived.shape.map((dim, axis): Dim => {
      const other = stated.shape?.[axis]
      return !isNumber(dim) && isNumber(other) ? other : dim
    })
  return { ...(dtype && { dtype }), ...(shape && { shape }), ...(derived.numbers && { numbers: derived.numbers }) }
}
