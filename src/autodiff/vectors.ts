import { type Stream, streamOf } from '../cob/stream.js'

/* Vectors of doubles, for methods that know a matrix by its products. */

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

export function norm(a: Float64Array): number {
  return Math.sqrt(dot(a, a))
}

/** a += factor·b */
export function addScaled(a: Float64Array, b: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) (a[i] as number) += factor * (b[i] as number)
}

export function scaled(a: Float64Array, factor: number): Float64Array {
  return a.map((x) => factor * x)
}

/** Signs, each −1 or 1 with probability ½ (Rademacher). */
export function randomSigns(size: number, stream: Stream): Float64Array {
  return Float64Array.from({ length: size }, () => (stream() < 0.5 ? -1 : 1))
}

/** A vector of length 1 in a direction that is drawn: with probability 1 it has a part in the direction of every eigenvector. */
export function randomDirection(size: number, seed: number): Float64Array {
  const stream = streamOf(seed, 'direction')
  const vector = Float64Array.from({ length: size }, () => 2 * stream() - 1)
  return scaled(vector, 1 / norm(vector))
}
