import { type Dim, isNumber, symbol } from '../graph/dims.js'
import type { Graph, Node, Tensor, ValueInfo } from '../graph/model.js'
import { bytesOf, numbersOf, sizeOf } from '../graph/tensor.js'
import { NUMBERS_LIMIT } from '../ops/facts.js'
import type { Field } from '../ops/field.js'
import type { Facts } from '../ops/rule.js'

/** What is known of a value of a graph while the quiver is built. */
export interface Value {
  readonly name: string
  readonly facts: Facts
  /** Absent for constants: they carry whatever scale is asked of them. */
  readonly field?: Field | undefined
  /** Depends on constants alone. */
  readonly constant: boolean
  /** An initializer's or Constant node's tensor. */
  readonly tensor?: Tensor | undefined
  readonly producer?: Node | undefined
  /** Position of the producer in its graph; −1 for inputs and initializers. */
  readonly producedAt: number
  /** What `scalableAxes` and `isQuantised` found out, kept since they are asked again and again. */
  axes?: { readonly found: 'all' | readonly number[] | undefined } | undefined
  quantised?: boolean | undefined
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

  /** The value of this graph or of one around it. */
  find(name: string): Value | undefined {
    return this.#values.get(name) ?? this.parent?.find(name)
  }

  all(): Iterable<Value> {
    return this.#values.values()
  }
}

const FOLLOWED = new Set(['bool', ...[8, 16, 32, 64].flatMap((bits) => [`int${bits}`, `uint${bits}`])])

export function factsOfTensor(tensor: Tensor): Facts {
  const { dtype, dims: shape } = tensor
  if (!FOLLOWED.has(dtype) || sizeOf(shape) > NUMBERS_LIMIT) return { dtype, shape }
  return { dtype, shape, numbers: dtype === 'int64' ? longsOf(tensor) : Array.from(numbersOf(tensor)) }
}

/** As `numbersOf`, but an exporter's thousands of shapes, axes and indices are not worth a view of memory each. */
function longsOf(tensor: Tensor): number[] {
  const bytes = bytesOf(tensor)
  const numbers = new Array<number>(sizeOf(tensor.dims))
  for (let i = 0; i < numbers.length; i++)
    numbers[i] = wordAt(bytes, 8 * i + 4) * 2 ** 32 + (wordAt(bytes, 8 * i) >>> 0)
  return numbers
}

function wordAt(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
  return low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)
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
