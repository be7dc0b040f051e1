import { floatOf, intOf } from '../graph/attributes.js'
import { float } from '../graph/builder.js'
import type { Value } from '../graph/value.js'
import type { GradientRule } from './rule.js'

interface GemmOptions {
  readonly transA?: boolean
  readonly transB?: boolean
  readonly alpha?: number
}

/** α·A·B of matrices, each transposed first where it says so: no transposed copy is made. */
function gemm(a: Value, b: Value, { transA = false, transB = false, alpha = 1 }: GemmOptions): Value {
  return a.op('Gemm', [b], {
    ...(transA && { transA: 1 }),
    ...(transB && { transB: 1 }),
    ...(alpha !== 1 && { alpha: float(alpha) }),
  })
}

/** Y = α·A·B + β·C: ∂L/∂A = α·dY·Bᵀ, ∂L/∂B = α·Aᵀ·dY, ∂L/∂C = β·dY, and the transposes of the first two where A or B is transposed. */
export const gemmGradient: GradientRule = ({ node, x, dy, give }) => {
  const transA = intOf(node, 'transA', 0) !== 0
  const transB = intOf(node, 'transB', 0) !== 0
  const alpha = floatOf(node, 'alpha', 1)
  give(0, () =>
    transA ? gemm(x(1), dy, { transA: transB, transB: true, alpha }) : gemm(dy, x(1), { transB: !transB, alpha }),
  )
  give(1, () =>
    transB ? gemm(dy, x(0), { transA: true, transB: transA, alpha }) : gemm(x(0), dy, { transA: !transA, alpha }),
  )
  give(2, () => dy.sumTo(x(2)).mul(floatOf(node, 'beta', 1)))
}

/** Y = A·B as numpy.matmul has it: a vector is a row on the left and a column on the right. ∂L/∂A = dY·Bᵀ, ∂L/∂B = Aᵀ·dY. */
export const matMulGradient: GradientRule = ({ x, dy, give }) => {
  const left = x(0).rank
  const right = x(1).rank
  const a = left === 1 ? x(0).unsqueeze([0]) : x(0)
  const b = right === 1 ? x(1).unsqueeze([1]) : x(1)
  const grad = dy.unsqueeze([...(left === 1 ? [-2] : []), ...(right === 1 ? [-1] : [])])
  give(0, () => {
    // A product of stacks is summed over the axes along which its other side was broadcast, by `give`.
    const da = b.rank === 2 && grad.rank === 2 ? gemm(grad, b, { transB: true }) : grad.matmul(b.transpose())
    return left === 1 ? da.sumTo(a).squeeze([0]) : da
  })
  give(1, () => {
    const db = b.rank === 2 ? gemm(rows(a), rows(grad), { transA: true }) : a.transpose().matmul(grad)
    return right === 1 ? db.sumTo(b).squeeze([-1]) : db
  })
}

/** A stack of matrices as one matrix of all their rows: the sum over the stack is then part of one product. */
function rows(value: Value): Value {
  return value.rank === 2 ? value : value.op('Flatten', [], { axis: value.rank - 1 })
}
