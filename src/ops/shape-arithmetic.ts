import { intsOf } from '../graph/attributes.js'
import { broadcast, type Dim, divide, floorDivide, isNumber, multiply, symbol } from '../graph/dims.js'
import type { DType } from '../graph/dtype.js'
import { sizeOf } from '../graph/tensor.js'
import { facts, NUMBERS_LIMIT } from './facts.js'
import type { Facts, NodeContext } from './rule.js'

/**
 * The axes given by an attribute or, in later opsets, by an input; as they are written, negative ones too. `unknown` where an
 * input gives them that is not known before the model runs, undefined where they are not given.
 */
export function axesOf(
  context: NodeContext,
  input: number,
  attribute = 'axes',
): readonly number[] | 'unknown' | undefined {
  const given = intsOf(context.node, attribute)
  if (given !== undefined) return given
  if (!context.has(input)) return undefined
  return context.integers(input) ?? 'unknown'
}

/** The elements of an input as far as they are followed: shape arithmetic, or a small constant of any numeric type. */
export function numbersAt(context: NodeContext, input: number): readonly Dim[] | undefined {
  const { numbers } = context.input(input)
  if (numbers !== undefined) return numbers
  const constant = context.constant(input, NUMBERS_LIMIT)
  return constant === undefined ? undefined : Array.from(constant)
}

/** The sizes, if all of them are numbers and there are few enough elements to follow. */
export function smallShape(shape: readonly Dim[] | undefined): readonly number[] | undefined {
  if (shape === undefined || !shape.every((dim): dim is number => isNumber(dim) && dim >= 0)) return undefined
  return sizeOf(shape) <= NUMBERS_LIMIT ? shape : undefined
}

/** Elements written out over a larger shape, by numpy's broadcasting. */
export function spread<T>(values: readonly T[], from: readonly number[], to: readonly number[]): T[] {
  const size = sizeOf(to)
  if (values.length === 1) return new Array<T>(size).fill(values[0] as T)
  const written = new Array<T>(size)
  for (let k = 0; k < size; k++) {
    let rest = k
    let offset = 0
    let stride = 1
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const size = to[axis] as number
      const own = from[axis - to.length + from.length] ?? 1
      if (own !== 1) offset += (rest % size) * stride
      rest = Math.floor(rest / size)
      stride *= own
    }
    written[k] = values[offset] as T
  }
  return written
}

/** Elements at `indices` along an axis of a row-major tensor. */
export function pick<T>(values: readonly T[], dims: readonly number[], axis: number, indices: readonly number[]): T[] {
  const size = dims[axis] as number
  const inner = sizeOf(dims.slice(axis + 1))
  const outer = sizeOf(dims.slice(0, axis))
  const picked: T[] = []
  for (let o = 0; o < outer; o++)
    for (const index of indices)
      for (let i = 0; i < inner; i++) picked.push(values[(o * size + index) * inner + i] as T)
  return picked
}

/** Elements of a transposed row-major tensor. */
export function transposed<T>(values: readonly T[], dims: readonly number[], permutation: readonly number[]): T[] {
  const strides = dims.map((_, axis) => sizeOf(dims.slice(axis + 1)))
  const target = permutation.map((axis) => dims[axis] as number)
  return values.map((_, k) => {
    let rest = k
    let offset = 0
    for (let axis = target.length - 1; axis >= 0; axis--) {
      offset += (rest % (target[axis] as number)) * (strides[permutation[axis] as number] as number)
      rest = Math.floor(rest / (target[axis] as number))
    }
    return values[offset] as T
  })
}

/** The first input's type that is known. */
function typeOf(context: NodeContext, inputs: readonly number[]): DType | undefined {
  for (const input of inputs) {
    const { dtype } = context.input(input)
    if (dtype !== undefined) return dtype
  }
  return undefined
}

/**
 * Facts of an elementwise result of these inputs: broadcast shape, and the elements as far as `operation` can tell them.
 * `dtype`: of the result; default the first input's whose type is known.
 */
export function elementwiseFacts(
  context: NodeContext,
  inputs: readonly number[],
  operation?: (operands: readonly Dim[]) => Dim | undefined,
  dtype: DType | undefined = typeOf(context, inputs),
): Facts {
  let shape: readonly Dim[] | undefined
  for (const input of inputs) {
    const own = context.input(input).shape
    if (own === undefined) return facts(dtype)
    shape = shape === undefined ? own : broadcast(shape, own)
  }
  const to = smallShape(shape)
  if (operation === undefined || to === undefined) return facts(dtype, shape ?? [])
  const operands: (readonly Dim[])[] = []
  for (const input of inputs) {
    const values = numbersAt(context, input)
    const from = smallShape(context.input(input).shape)
    if (values === undefined || from === undefined) return facts(dtype, shape)
    operands.push(spread(values, from, to))
  }
  const size = sizeOf(to)
  const numbers = new Array<Dim>(size)
  const row = new Array<Dim>(operands.length)
  for (let k = 0; k < size; k++) {
    for (let i = 0; i < operands.length; i++) row[i] = operands[i]?.[k] as Dim
    const value = operation(row)
    if (value === undefined) return facts(dtype, shape)
    numbers[k] = value
  }
  return facts(dtype, shape, numbers)
}

/** The integer below a followed element; symbols stand for integers, so only the factor before them may need rounding. */
export function floorOf(dim: Dim): Dim {
  if (isNumber(dim)) return Math.floor(dim)
  if (Number.isInteger(dim.coefficient)) return dim
  const divisor = 1 / dim.coefficient
  const whole: Dim = { coefficient: 1, symbols: dim.symbols }
  return Number.isInteger(divisor) && divisor > 0
    ? floorDivide(whole, divisor)
    : symbol(`floor(${dim.coefficient}*${dim.symbols.join('*')})`)
}

/** Towards zero, as integer Div and Cast to an integer do. */
export function truncated(dim: Dim): Dim {
  return isNumber(dim) ? Math.trunc(dim) : floorOf(dim)
}

/** Division as ONNX's Div has it for the type: towards zero for integers. Undefined where symbols leave it open. */
export function quotient(a: Dim, b: Dim, isInteger: boolean): Dim | undefined {
  if (b === 0) return undefined
  if (isNumber(a) && isNumber(b)) return isInteger ? Math.trunc(a / b) : a / b
  const exact = divide(a, b)
  if (exact !== undefined) return exact
  if (!isInteger) return isNumber(b) ? multiply(a, 1 / b) : undefined
  return isNumber(b) && b > 0 ? floorDivide(a, b) : undefined
}
