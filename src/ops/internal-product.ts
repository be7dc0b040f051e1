import { intOf } from '../graph/attributes.js'
import { type Dim, isNumber } from '../graph/dims.js'
import { numbersOf } from '../graph/tensor.js'
import type { Value } from '../graph/value.js'
import { facts } from './facts.js'
import type { ExpansionContext, InternalOperator } from './internal.js'
import type { GradientRule, ShapeRule } from './rule.js'

/** Matrices to be transposed before they are multiplied. */
export interface Transposed {
  readonly transA?: boolean
  readonly transB?: boolean
}

/** A·B of stacks of matrices (leading axes broadcast as numpy's), each matrix transposed first where it says so. */
export function product(a: Value, b: Value, { transA = false, transB = false }: Transposed = {}): Value {
  return a.builder.op(
    'MatrixProduct',
    [a, b],
    { ...(transA && { transA: 1 }), ...(transB && { transB: 1 }) },
    'teleport',
  )
}

const shape: ShapeRule = (context) => {
  const { dtype, shape: a } = context.input(0)
  const { shape: b } = context.input(1)
  if (a === undefined || b === undefined) return [facts(dtype)]
  const rank = Math.max(a.length, b.length)
  const stack: Dim[] = []
  for (let axis = rank; axis > 2; axis--) {
    const left = a.at(-axis) ?? 1
    const right = b.at(-axis) ?? 1
    stack.push(isNumber(left) && left === 1 ? right : left)
  }
  const rows = a.at(intOf(context.node, 'transA', 0) === 0 ? -2 : -1) as Dim
  const columns = b.at(intOf(context.node, 'transB', 0) === 0 ? -1 : -2) as Dim
  return [facts(dtype, [...stack, rows, columns])]
}

/** As Gemm's: no matrix is ever transposed in memory. */
const gradient: GradientRule = ({ node, x, dy, give }) => {
  const transA = intOf(node, 'transA', 0) !== 0
  const transB = intOf(node, 'transB', 0) !== 0
  give(0, () => (transA ? product(x(1), dy, { transA: transB, transB: true }) : product(dy, x(1), { transB: !transB })))
  give(1, () => (transB ? product(dy, x(0), { transA: true, transB: transA }) : product(x(0), dy, { transA: !transA })))
}

function expand({ node, x }: ExpansionContext): readonly Value[] {
  const a = x(0)
  const b = x(1)
  const transA = intOf(node, 'transA', 0)
  const transB = intOf(node, 'transB', 0)
  if (transA === 0 && transB === 0) return [a.matmul(b)]
  const transposed = transA === 0 ? undefined : transposedConstant(a)
  if (transposed !== undefined) return [expandedProduct(transposed, b, 0, transB)]
  return [expandedProduct(a, b, transA, transB)]
}

/** A·B in ONNX Runtime's operators; 1 where a matrix is to be transposed first. */
export function expandedProduct(a: Value, b: Value, transA: number, transB: number): Value {
  if (transA === 0 && transB === 0) return a.matmul(b)
  if (a.rank === 2 && b.rank === 2) return a.op('Gemm', [b], { transA, transB })
  // FusedMatMul takes what Transpose and MatMul together give, and ONNX Runtime has it on the CPU.
  return a.builder.op('FusedMatMul', [a, b], { transA, transB }, 'com.microsoft')
}

/** A constant is transposed here, once: products with a transposed left side take ONNX Runtime several times as long if there are few rows. */
function transposedConstant(value: Value): Value | undefined {
  const tensor = value.builder.initializers.get(value.name)
  if (tensor === undefined || tensor.dims.length !== 2 || tensor.dtype !== 'float32') return undefined
  const [rows, columns] = tensor.dims as [number, number]
  const numbers = numbersOf(tensor)
  const transposed = numbers.map((_, i) => numbers[(i % rows) * columns + Math.floor(i / rows)] as number)
  return value.builder.constant('float32', [columns, rows], transposed)
}

export const matrixProduct: InternalOperator = {
  shape,
  scale: { pinned: 'an internal operator' },
  gradient,
  expand,
  summary: 'stacked matrix product',
}
