import { sizeOf } from '../graph/tensor.js'
import { numberReader } from '../runtime/host.js'
import type { HostTensor } from '../runtime/session.js'
import type { NumberErrors } from './verify-compare.js'

/** Compares x' with s ⊙ x, for a field s that is broadcast to x from the last axis on. */
export function scaledErrors(
  x: HostTensor,
  scaled: HostTensor,
  field: { readonly dims: readonly number[]; readonly values: Float64Array },
): NumberErrors {
  const at = broadcastIndex(x.dims, field.dims)
  return errorsOf(x, scaled, (i) => field.values[at(i)] ?? 1)
}

/** With fewer elements per factor, a factor fits anything. */
const ELEMENTS_PER_FACTOR = 2

/**
 * Compares x' with s ⊙ x for the s that fits best (least squares): what is left is no change of basis. The factors are one per
 * position of an axis, or of two axes (heads and their features); the first choice whose error is at most `threshold` of the
 * largest element is taken, or else the best. Undefined where there are too few elements to say.
 */
export function fittedErrors(x: HostTensor, scaled: HostTensor, threshold: number): NumberErrors | undefined {
  let undecided = false
  let best = errorsOf(x, scaled, () => 1)
  for (const axes of axisChoices(x.dims.length)) {
    if (best.finite && best.error <= threshold * best.scale) return best
    const dims = x.dims.map((dim, axis) => (axes.includes(axis) ? dim : 1))
    const factors = sizeOf(dims)
    if (factors * ELEMENTS_PER_FACTOR > x.data.length) {
      undecided ||= axes.length === 1
      continue
    }
    const at = broadcastIndex(x.dims, dims)
    const values = fit(x, scaled, at, factors)
    const errors = errorsOf(x, scaled, (i) => values[at(i)] ?? 1)
    if (errors.finite && (!best.finite || errors.error * best.scale < best.error * errors.scale)) best = errors
  }
  return undecided && !(best.finite && best.error <= threshold * best.scale) ? undefined : best
}

/** Every axis but the batch's, channels first, then every two. */
function axisChoices(rank: number): number[][] {
  const axes = Array.from({ length: Math.max(0, rank - 1) }, (_, i) => i + 1)
  return [...axes.map((axis) => [axis]), ...axes.flatMap((a) => axes.filter((b) => b > a).map((b) => [a, b]))]
}

function fit(x: HostTensor, scaled: HostTensor, at: (i: number) => number, factors: number): Float64Array {
  const [read, readScaled] = [numberReader(x), numberReader(scaled)]
  const products = new Float64Array(factors)
  const squares = new Float64Array(factors)
  if (read === undefined || readScaled === undefined) return products.fill(1)
  for (let i = 0; i < x.data.length; i++) {
    const [a, b, factor] = [read(i), readScaled(i), at(i)]
    if (!Number.isFinite(a) || !Number.isFinite(b)) continue
    products[factor] = (products[factor] ?? 0) + a * b
    squares[factor] = (squares[factor] ?? 0) + a * a
  }
  return products.map((product, factor) => (squares[factor] === 0 ? 1 : product / (squares[factor] ?? 1)))
}

function errorsOf(x: HostTensor, scaled: HostTensor, factor: (i: number) => number): NumberErrors {
  const [read, readScaled] = [numberReader(x), numberReader(scaled)]
  let [error, scale, mismatches, finite] = [0, 0, 0, true]
  if (read === undefined || readScaled === undefined) return { error, scale, mismatches: x.data.length, finite: false }
  for (let i = 0; i < x.data.length; i++) {
    const expected = factor(i) * read(i)
    const actual = readScaled(i)
    if (Math.abs(expected) > scale && Math.abs(expected) !== Infinity) scale = Math.abs(expected)
    if (Object.is(expected, actual)) continue
    mismatches++
    const distance = Math.abs(expected - actual)
    if (!(distance < Infinity)) finite = false
    else if (distance > error) error = distance
  }
  return { error, scale, mismatches, finite }
}

/** From the position of an element to that of the field's element which is broadcast to it. */
function broadcastIndex(dims: readonly number[], field: readonly number[]): (i: number) => number {
  const offset = dims.length - field.length
  const steps: { readonly stride: number; readonly size: number; readonly step: number }[] = []
  let stride = 1
  let step = 1
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    const size = dims[axis] ?? 1
    const own = field[axis - offset] ?? 1
    if (own > 1) steps.push({ stride, size, step })
    stride *= size
    step *= own
  }
  return (i) => {
    let at = 0
    for (const { stride, size, step } of steps) at += (Math.floor(i / stride) % size) * step
    return at
  }
}
