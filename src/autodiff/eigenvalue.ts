import { ModelError } from '../graph/model.js'
import type { SymmetricOperator } from './hessian.js'
import { eigenpairs } from './symmetric.js'
import { addScaled, dot, norm, randomDirection, scaled } from './vectors.js'

export interface EigenvalueOptions {
  /**
   * `lanczos` (default): Lanczos' method with full orthogonalization, begun anew from the best vector so far after `basis` products.
   * `power`: power iteration, which needs more products and the memory of two vectors only, and finds the eigenvalue of greatest magnitude.
   */
  readonly method?: 'lanczos' | 'power'
  /** The greatest eigenvalue (default), the least, or the one of greatest magnitude. For `power` only the last, which is its default. */
  readonly which?: 'greatest' | 'least' | 'magnitude'
  /** Converged when ‖H·v − λ·v‖ is at most this part of |λ|; default 1e-3. The eigenvalue's own error is then about its square. */
  readonly tolerance?: number
  /** Products at most, 2 or more; default 200. */
  readonly maxProducts?: number
  /** Vectors that Lanczos keeps (at 8 bytes for each element); default 20. */
  readonly basis?: number
  /** Of the vector to begin with; default 0. */
  readonly seed?: number
}

/** What was found of an eigenvalue. */
export interface Eigenvalue {
  readonly value: number
  /** Of length 1. */
  readonly vector: Float64Array
  /** ‖H·v − λ·v‖ of these two: there is an eigenvalue within this distance of `value`. */
  readonly residual: number
  /** Matrix products that it took. */
  readonly products: number
  /** False: `maxProducts` came first. */
  readonly converged: boolean
}

type Which = NonNullable<EigenvalueOptions['which']>

/**
 * An extreme eigenvalue of a symmetric operator, e.g. of a loss's `Hessian`.
 * @throws ModelError for settings that make no sense, and where a product is not finite
 */
export async function largestEigenvalue(
  operator: SymmetricOperator,
  options: EigenvalueOptions = {},
): Promise<Eigenvalue> {
  const { method = 'lanczos', tolerance = 1e-3, maxProducts = 200, basis = 20, seed = 0 } = options
  const which = options.which ?? (method === 'power' ? 'magnitude' : 'greatest')
  if (method === 'power' && which !== 'magnitude')
    throw new ModelError(`power iteration finds the eigenvalue of greatest magnitude; for the ${which} one use lanczos`)
  for (const [name, value, least] of [
    ['maxProducts', maxProducts, 2],
    ['basis', basis, 2],
  ] as const)
    if (!Number.isInteger(value) || value < least)
      throw new ModelError(`${name} is ${value}; expected a whole number from ${least} on`)
  if (!(tolerance > 0)) throw new ModelError(`tolerance is ${tolerance}; expected a number above 0`)
  if (operator.size === 0) throw new ModelError('an operator of size 0 has no eigenvalue')
  const start = randomDirection(operator.size, seed)
  const counted = counting(operator)
  if (method === 'power') return await powerIteration(counted, start, tolerance, maxProducts)
  return await lanczos(counted, start, { which, tolerance, maxProducts, basis })
}

interface Counting extends SymmetricOperator {
  readonly products: number
}

function counting(operator: SymmetricOperator): Counting {
  let products = 0
  return {
    size: operator.size,
    get products() {
      return products
    },
    async apply(vector) {
      products++
      const product = await operator.apply(vector)
      if (!product.every(Number.isFinite))
        throw new ModelError(
          `product ${products} with the Hessian is not finite: the loss or its derivatives overflow at this point`,
        )
      return product
    },
  }
}

/** How well a vector of length 1 is an eigenvector: λ = vᵀAv is the value that makes ‖Av − λv‖ least. */
function rayleigh(vector: Float64Array, product: Float64Array): { readonly value: number; readonly residual: number } {
  const value = dot(vector, product)
  const rest = product.slice()
  addScaled(rest, vector, -value)
  return { value, residual: norm(rest) }
}

async function powerIteration(
  operator: Counting,
  start: Float64Array,
  tolerance: number,
  maxProducts: number,
): Promise<Eigenvalue> {
  let vector = start
  for (;;) {
    const product = await operator.apply(vector)
    const { value, residual } = rayleigh(vector, product)
    const converged = residual <= tolerance * Math.abs(value)
    if (converged || operator.products >= maxProducts)
      return { value, vector, residual, products: operator.products, converged }
    vector = scaled(product, 1 / norm(product))
  }
}

async function lanczos(
  operator: Counting,
  start: Float64Array,
  settings: Required<Pick<EigenvalueOptions, 'tolerance' | 'maxProducts' | 'basis'>> & { readonly which: Which },
): Promise<Eigenvalue> {
  const { tolerance, maxProducts } = settings
  let vector = start
  for (;;) {
    vector = await ritzVector(operator, vector, settings)
    // The residual itself, not Lanczos' estimate of it.
    const { value, residual } = rayleigh(vector, await operator.apply(vector))
    const converged = residual <= tolerance * Math.abs(value)
    if (converged || operator.products >= maxProducts)
      return { value, vector, residual, products: operator.products, converged }
  }
}

/** The best approximation to an eigenvector in the Krylov space of `start`, once it is good enough or the space is large enough. */
async function ritzVector(
  operator: Counting,
  start: Float64Array,
  {
    which,
    tolerance,
    maxProducts,
    basis,
  }: Required<Pick<EigenvalueOptions, 'tolerance' | 'maxProducts' | 'basis'>> & { readonly which: Which },
): Promise<Float64Array> {
  const vectors = [start]
  /** A, in the space of `vectors`: tridiagonal. */
  const rows: Float64Array[] = []
  const limit = Math.min(basis, operator.size)
  for (;;) {
    const k = rows.length
    const current = vectors[k] as Float64Array
    const next = await operator.apply(current)
    const row = new Float64Array(limit)
    row[k] = dot(current, next)
    // Twice is enough (Parlett): rounding would otherwise let converged directions in again.
    for (let pass = 0; pass < 2; pass++) for (const other of vectors) addScaled(next, other, -dot(other, next))
    const beta = norm(next)
    if (k + 1 < limit) row[k + 1] = beta
    rows.push(row)
    const { value, vector } = chosen(eigenpairs(rows.map((each) => each.subarray(0, k + 1))), which)
    const estimate = beta * Math.abs(vector[k] as number)
    // One product is left for the residual.
    const last = k + 1 === limit || operator.products + 1 >= maxProducts
    if (last || estimate <= tolerance * Math.abs(value) || beta <= Number.EPSILON * Math.abs(value)) {
      const found = new Float64Array(operator.size)
      vectors.forEach((each, i) => addScaled(found, each, vector[i] as number))
      return scaled(found, 1 / norm(found))
    }
    vectors.push(scaled(next, 1 / beta))
  }
}

function chosen<T extends { readonly value: number }>(pairs: readonly T[], which: Which): T {
  const better = (a: T, b: T): T => {
    if (which === 'least') return b.value < a.value ? b : a
    if (which === 'greatest') return b.value > a.value ? b : a
    return Math.abs(b.value) > Math.abs(a.value) ? b : a
  }
  return pairs.reduce(better)
}
