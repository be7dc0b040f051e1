/** An eigenvalue and its eigenvector of length 1. */
export interface Eigenpair {
  readonly value: number
  readonly vector: Float64Array
}

/** After this many sweeps over all pairs Jacobi's method has long converged: it does so quadratically. */
const SWEEPS = 60

/**
 * All eigenpairs of a small symmetric matrix, from the greatest eigenvalue down, by Jacobi's method: rotations that each bring one pair of elements
 * off the diagonal to zero (Golub and Van Loan, Matrix Computations, 8.5). Its time grows with the cube of the size.
 * @param matrix rows; only the upper triangle is read
 */
export function eigenpairs(matrix: readonly ArrayLike<number>[]): Eigenpair[] {
  const n = matrix.length
  const a = matrix.map((_, i) =>
    Float64Array.from({ length: n }, (_, j) => matrix[Math.min(i, j)]?.[Math.max(i, j)] ?? 0),
  )
  const vectors = matrix.map((_, i) => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)))
  for (let sweep = 0; sweep < SWEEPS && offDiagonal(a) > 0; sweep++)
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, vectors, p, q)
  return a
    .map((row, i) => ({ value: row[i] as number, vector: vectors[i] as Float64Array }))
    .sort((x, y) => y.value - x.value)
}

/** The largest element off the diagonal; 0 where it is lost beside the diagonal's. */
function offDiagonal(a: readonly Float64Array[]): number {
  let largest = 0
  let diagonal = 0
  a.forEach((row, i) =>
    row.forEach((x, j) => {
      if (i === j) diagonal = Math.max(diagonal, Math.abs(x))
      else largest = Math.max(largest, Math.abs(x))
    }),
  )
  return largest <= Number.EPSILON * 1e-2 * diagonal ? 0 : largest
}

/** A ← JᵀAJ with the rotation J of rows and columns p and q that makes A[p, q] zero; the rows of `vectors` are rotated along. */
function rotate(a: readonly Float64Array[], vectors: readonly Float64Array[], p: number, q: number): void {
  const rowP = a[p] as Float64Array
  const rowQ = a[q] as Float64Array
  const apq = rowP[q] as number
  if (apq === 0) return
  const theta = ((rowQ[q] as number) - (rowP[p] as number)) / (2 * apq)
  const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
  const c = 1 / Math.sqrt(t * t + 1)
  const s = t * c
  const turn = (x: Float64Array, i: number, y: Float64Array, j: number): void => {
    const [before, other] = [x[i] as number, y[j] as number]
    x[i] = c * before - s * other
    y[j] = s * before + c * other
  }
  for (const row of a) turn(row, p, row, q)
  for (let k = 0; k < a.length; k++) turn(rowP, k, rowQ, k)
  rowP[q] = rowQ[p] = 0
  const [x, y] = [vectors[p] as Float64Array, vectors[q] as Float64Array]
  for (let k = 0; k < a.length; k++) turn(x, k, y, k)
}
