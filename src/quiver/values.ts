import { intOf, intsOf, floatOf, floatsOf, tensorAttribute } from '../graph/attributes.js'
import { type Dim, isNumber, symbol } from '../graph/dims.js'
import { isFloat } from '../graph/dtype.js'
import { type Graph, ModelError, type Node, type Tensor, type ValueInfo } from '../graph/model.js'
import { numbersOf, sizeOf, tensorOf } from '../graph/tensor.js'
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

/** The tensor of a Constant node, in whichever attribute it is; undefined for sparse tensors and strings. */
export function tensorOfConstant(node: Node): Tensor | undefined {
  const name = node.outputs[0] ?? ''
  const tensor = tensorAttribute(node, 'value')
  if (tensor !== undefined) return { ...tensor, name }
  if (node.attributes.has('value_float')) return tensorOf(name, 'float32', [], [floatOf(node, 'value_float', 0)])
  if (node.attributes.has('value_int')) return tensorOf(name, 'int64', [], [intOf(node, 'value_int', 0)])
  const floats = node.attributes.has('value_floats') ? floatsOf(node, 'value_floats') : undefined
  if (floats !== undefined) return tensorOf(name, 'float32', [floats.length], floats)
  const ints = node.attributes.has('value_ints') ? intsOf(node, 'value_ints') : undefined
  if (ints !== undefined) return tensorOf(name, 'int64', [ints.length], ints)
  return undefined
}

/** Operators that hand a constant on as it is, element by element in the same order. */
const SAME_ORDER = new Set(['Identity', 'Cast', 'Dropout', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'])

/** How a constant expression lets itself be multiplied: the input to multiply instead, or null where it is the tensor itself. */
export function scaledThrough(
  value: Value,
  values: Values,
): { readonly input: number; readonly kind: 'order' | 'transpose' | 'quantised' | 'product' } | null | undefined {
  if (value.tensor !== undefined) return isFloat(value.tensor.dtype) ? null : undefined
  const node = value.producer
  if (node === undefined || node.domain !== '') return undefined
  if (node.opType === 'Cast' && !isFloat(dtypeOf(values, node.inputs[0]))) return undefined
  if (SAME_ORDER.has(node.opType)) return { input: 0, kind: 'order' }
  if (node.opType === 'Transpose') return { input: 0, kind: 'transpose' }
  if (node.opType === 'DequantizeLinear') return { input: 1, kind: 'quantised' }
  if (node.opType === 'Mul' || node.opType === 'Div') {
    const size = sizeOfFacts(value.facts)
    const input = [0, 1].find((i) => size !== undefined && sizeOfFacts(factsOf(values, node.inputs[i])) === size)
    if (input === undefined || (node.opType === 'Div' && input === 1)) return undefined
    return { input, kind: 'product' }
  }
  return undefined
}

function factsOf(values: Values, name: string | undefined): Facts {
  return values.find(name ?? '')?.value.facts ?? {}
}

function dtypeOf(values: Values, name: string | undefined) {
  return factsOf(values, name).dtype
}

function sizeOfFacts(facts: Facts): number | undefined {
  return facts.shape?.every(isNumber) === true ? sizeOf(facts.shape) : undefined
}

/** The shape of a constant. @throws ModelError if it is not known, which a constant's always is unless an operator has no shape rule */
export function constantDims(value: Value): readonly number[] | undefined {
  return value.facts.shape?.every(isNumber) === true ? value.facts.shape : undefined
}

/**
 * Along which axes a constant expression can be multiplied by a scale that varies: 'all', a list, or undefined where it cannot
 * be multiplied at all.
 */
export function scalableAxes(value: Value, values: Values): 'all' | readonly number[] | undefined {
  let current: Value = value
  let axes: 'all' | readonly number[] = 'all'
  // Transposes that were passed, from the outermost inwards: axis i outside is axis map[i] inside.
  let map: readonly number[] | undefined
  for (let steps = 0; steps < 64; steps++) {
    const through = scaledThrough(current, values)
    if (through === undefined) return undefined
    if (through === null) return axes
    const node = current.producer as Node
    const rank = current.facts.shape?.length
    if (rank === undefined) return undefined
    if (through.kind === 'quantised') {
      const scale = factsOf(values, node.inputs[1]).shape
      if (scale?.length === 1 && (scale[0] as number) !== 1 && intOf(node, 'block_size', 0) === 0) {
        const axis = (intOf(node, 'axis', 1) + rank) % rank
        const outside = (map ?? Array.from({ length: rank }, (_, i) => i)).indexOf(axis)
        axes = axes === 'all' && outside >= 0 ? [outside] : []
      } else axes = []
      map = undefined
    } else if (through.kind === 'transpose') {
      const perm = intsOf(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i)
      map = map === undefined ? perm : map.map((axis) => perm[axis] as number)
    } else if (
      through.kind === 'order' &&
      node.opType !== 'Identity' &&
      node.opType !== 'Cast' &&
      node.opType !== 'Dropout'
    ) {
      // A reshape keeps the order of elements, so any scale passes it to a tensor, but axes lose their meaning for what follows.
      const rest = scalableAxes(currentInput(node, through.input, values) as Value, values)
      return rest === 'all' ? axes : rest === undefined ? undefined : []
    }
    const next = currentInput(node, through.input, values)
    if (next === undefined) return undefined
    current = next
  }
  return undefined
}

/** True if a constant can be made larger by broadcasting: nothing between it and its tensor depends on its shape. */
export function enlargeable(value: Value, values: Values): boolean {
  let current: Value | undefined = value
  for (let steps = 0; current !== undefined && steps < 64; steps++) {
    if (current.tensor !== undefined) return true
    if (!['Identity', 'Cast', 'Dropout'].includes(current.producer?.opType ?? '')) return false
    current = currentInput(current.producer as Node, 0, values)
  }
  return false
}

function currentInput(node: Node, input: number, values: Values): Value | undefined {
  return values.find(node.inputs[input] ?? '')?.value
}

/** The elements of a constant of at most `limit` elements, also behind Identity, Cast and reshapes. */
export function constantNumbers(value: Value, values: Values, limit: number): Float64Array | undefined {
  let current: Value | undefined = value
  let integral = false
  for (let steps = 0; current !== undefined && steps < 64; steps++) {
    if (current.tensor !== undefined) {
      const { dtype, dims } = current.tensor
      if (dtype === 'string' || sizeOf(dims) > limit) return undefined
      try {
        const numbers = numbersOf(current.tensor)
        return integral ? numbers.map(Math.trunc) : numbers
      } catch (error) {
        if (error instanceof ModelError) return undefined
        throw error
      }
    }
    const node: Node | undefined = current.producer
    if (node === undefined || node.domain !== '' || !SAME_ORDER.has(node.opType) || !current.constant) return undefined
    if (node.opType === 'Cast' && !isFloat(current.facts.dtype)) integral = true
    current = currentInput(node, 0, values)
  }
  return undefined
}
