import { sizeOf } from '../graph/tensor.js'
import type { Value } from '../graph/value.js'

/** Rows up to which one float32 sum is exact enough; longer ones are summed in two stages, which also rounds less. */
const ONE_STAGE = 512

/**
 * `factor` times the sum over all axes but the last: [1, C] for [.., C]. A product with a row of ones: ONNX Runtime's ReduceSum over
 * the first axis of a long matrix takes ten times as long.
 */
export function columnSum(value: Value, factor = 1): Value {
  const sizes = value.sizes()
  const columns = sizes.at(-1) as number
  const rows = sizeOf(sizes.slice(0, -1))
  const inner = rows <= ONE_STAGE ? rows : stage(rows)
  let sums = value
  if (inner < rows) sums = row(value, rows / inner, 1).matmul(value.reshape([rows / inner, inner * columns]))
  return row(value, inner, factor).matmul(sums.reshape([inner, columns]))
}

/** Of how many rows the second stage is: the divisor closest to the square root from below. */
function stage(rows: number): number {
  for (let inner = Math.floor(Math.sqrt(rows)); inner > 1; inner--) if (rows % inner === 0) return inner
  return rows
}

function row(like: Value, size: number, value: number): Value {
  return like.builder.constant(like.dtype ?? 'float32', [1, size], new Float64Array(size).fill(value))
}
