import { intOf, intsOf, floatOf, floatsOf, tensorAttribute } from '../graph/attributes.js'
import { isNumber } from '../graph/dims.js'
import { isFloat } from '../graph/dtype.js'
import { ModelError, type Node, type Tensor } from '../graph/model.js'
import { numbersOf, sizeOf, tensorOf } from '../graph/tensor.js'
import type { Facts } from '../ops/rule.js'
import type { Value, Values } from './values.js'

/** The tensor of a Constant node, in whichever attribute it is; undefined for sparse tensors and strings. */
export function tensorOfConstant(node: Node): Tensor | undefined {
  const name = node.outputs[0] ?? ''
  const tensor = tensorAttribute(node, 'value')
  if (tensor !== undefined) return tensor.name === name ? tensor : { ...tensor, name }
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

/** How a constant expression lets itself be multiplied by way of some of its node's inputs. */
export type Through =
  /** The same elements in the same order. */
  | { readonly kind: 'order'; readonly inputs: readonly number[]; readonly reshapes: boolean }
  | { readonly kind: 'transpose'; readonly inputs: readonly number[]; readonly permutation: readonly number[] }
  /** The scale of a DequantizeLinear: one for everything (axis undefined), or one for each slice along an axis. */
  | { readonly kind: 'quantised'; readonly inputs: readonly number[]; readonly axis: number | undefined }
  | { readonly kind: 'product'; readonly inputs: readonly number[] }
  | { readonly kind: 'concatenation'; readonly inputs: readonly number[]; readonly axis: number }
  | { readonly kind: 'slice'; readonly inputs: readonly number[]; readonly axes: readonly number[] }
  /** Broadcast along axes; the input may have fewer. */
  | { readonly kind: 'expansion'; readonly inputs: readonly number[]; readonly axes: readonly number[] }

/**
 * How a value lets itself be multiplied; null where it is a tensor that can be multiplied itself; undefined where it cannot be, or
 * is no constant.
 */
export function scaledThrough(value: Value, values: Values): Through | null | undefined {
  if (value.tensor !== undefined) return isFloat(value.tensor.dtype) ? null : undefined
  const node = value.producer
  const rank = value.facts.shape?.length
  if (node === undefined || node.domain !== '' || rank === undefined || !value.constant) return undefined
  const input = (at: number): Facts => factsOf(values, node.inputs[at])
  switch (node.opType) {
    case 'Cast':
      if (!isFloat(input(0).dtype)) return undefined
      return { kind: 'order', inputs: [0], reshapes: false }
    case 'Identity':
    case 'Dropout':
      return { kind: 'order', inputs: [0], reshapes: false }
    case 'Reshape':
    case 'Flatten':
    case 'Squeeze':
    case 'Unsqueeze':
      return { kind: 'order', inputs: [0], reshapes: true }
    case 'Transpose':
      return {
        kind: 'transpose',
        inputs: [0],
        permutation: intsOf(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i),
      }
    case 'DequantizeLinear': {
      const scale = input(1).shape
      const single = scale?.length === 0 || (scale?.length === 1 && scale[0] === 1)
      const sliced = scale?.length === 1 && intOf(node, 'block_size', 0) === 0
      if (!single && !sliced) return undefined
      return { kind: 'quantised', inputs: [1], axis: single ? undefined : (intOf(node, 'axis', 1) + rank) % rank }
    }
    case 'Mul':
    case 'Div': {
      const size = sizeOfFacts(value.facts)
      const at = [0, 1].find((i) => size !== undefined && sizeOfFacts(input(i)) === size)
      if (at === undefined || (node.opType === 'Div' && at === 1)) return undefined
      return { kind: 'product', inputs: [at] }
    }
    case 'Expand': {
      const own = input(0).shape
      const missing = rank - (own?.length ?? rank)
      const axes = Array.from({ length: rank }, (_, axis) => axis).filter(
        (axis) => axis < missing || own?.[axis - missing] === 1,
      )
      return own && { kind: 'expansion', inputs: [0], axes }
    }
    case 'Concat':
      return {
        kind: 'concatenation',
        inputs: node.inputs.map((_, i) => i),
        axis: (intOf(node, 'axis', 0) + rank) % rank,
      }
    case 'Slice': {
      const numbers = (at: number) => {
        const found = values.find(node.inputs[at] ?? '')
        return found && constantNumbers(found, values, 64)
      }
      const starts = intsOf(node, 'starts') ?? numbers(1)
      const axes = intsOf(node, 'axes') ?? (node.inputs[3] ? numbers(3) : starts && [...starts.keys()])
      return axes && { kind: 'slice', inputs: [0], axes: [...axes].map((axis) => (axis + rank) % rank) }
    }
    default:
      return undefined
  }
}

function factsOf(values: Values, name: string | undefined): Facts {
  return values.find(name ?? '')?.facts ?? {}
}

function sizeOfFacts(facts: Facts): number | undefined {
  return facts.shape?.every(isNumber) === true ? sizeOf(facts.shape) : undefined
}

/** The shape of a constant; undefined where an operator on the way to it has no shape rule. */
export function constantDims(value: Value): readonly number[] | undefined {
  return value.facts.shape?.every(isNumber) === true ? value.facts.shape : undefined
}

/**
 * Along which axes a constant expression can be multiplied by a scale that varies: 'all', a list, or undefined where it cannot
 * be multiplied at all.
 */
export function scalableAxes(value: Value, values: Values, depth = 0): 'all' | readonly number[] | undefined {
  return (value.axes ??= { found: findScalableAxes(value, values, depth) }).found
}

function findScalableAxes(value: Value, values: Values, depth: number): 'all' | readonly number[] | undefined {
  const through = scaledThrough(value, values)
  if (through === null) return 'all'
  if (through === undefined || depth > 64) return undefined
  const node = value.producer as Node
  const rank = value.facts.shape?.length ?? 0
  const inner: (readonly number[])[] = []
  for (const input of through.inputs) {
    const from = currentInput(node, input, values)
    const axes = from && scalableAxes(from, values, depth + 1)
    if (axes === undefined) return undefined
    // Axes change their numbers in a reshape: beyond one, only what can be scaled in every way is told apart.
    if (axes !== 'all') inner.push(axes)
  }
  const all = Array.from({ length: rank }, (_, axis) => axis)
  switch (through.kind) {
    case 'order':
      return inner[0] === undefined ? 'all' : through.reshapes ? [] : inner[0]
    case 'transpose':
      return inner[0] === undefined
        ? 'all'
        : all.filter((axis) => inner[0]?.includes(through.permutation[axis] as number))
    case 'quantised':
      return through.axis === undefined ? [] : [through.axis]
    case 'product':
      return inner[0] === undefined ? 'all' : []
    case 'concatenation':
      return inner.length === 0 ? 'all' : all.filter((axis) => inner.every((axes) => axes.includes(axis)))
    case 'slice':
      return all.filter((axis) => !through.axes.includes(axis) && (inner[0]?.includes(axis) ?? true))
    case 'expansion': {
      const missing = rank - (factsOf(values, node.inputs[0]).shape?.length ?? rank)
      return all.filter((axis) => !through.axes.includes(axis) && (inner[0]?.includes(axis - missing) ?? true))
    }
  }
}

/** True if a constant is multiplied by way of a quantisation scale, which has to stay positive. */
export function isQuantised(value: Value, values: Values, depth = 0): boolean {
  return (value.quantised ??= findQuantised(value, values, depth))
}

function findQuantised(value: Value, values: Values, depth: number): boolean {
  const through = scaledThrough(value, values)
  const inner = (input: number): boolean => {
    const from = currentInput(value.producer as Node, input, values)
    return from !== undefined && isQuantised(from, values, depth + 1)
  }
  return !!through && depth <= 64 && (through.kind === 'quantised' || through.inputs.some(inner))
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
  return values.find(node.inputs[input] ?? '')
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
