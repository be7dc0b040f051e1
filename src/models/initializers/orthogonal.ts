import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'
import { fillNormal } from './random.js'

/** Rows that are made orthogonal to all earlier ones together, so that each of those is read from memory once for all of them. */
const BLOCK = 16

/**
 * Fills a matrix [rows, columns], row by row, with orthogonal rows (columns, where there are fewer of them) of length `gain`, drawn
 * uniformly from all such matrices (Haar measure; Saxe et al. 2014). Takes rows²·columns multiplications and as many additions (with
 * the roles exchanged where there are fewer columns): a second or two for 1000 × 1000, many minutes for VGG's 4096 × 25,088.
 */
export function fillOrthogonal(
  generator: RandomGenerator,
  target: Float32Array,
  rows: number,
  columns: number,
  gain: number,
): void {
  const wide = rows <= columns
  const count = wide ? rows : columns
  const length = wide ? columns : rows
  const vectors = Array.from({ length: count }, () => new Float64Array(length))
  for (const vector of vectors) fillNormal(generator, vector, 1)
  orthonormalise(vectors)
  vectors.forEach((vector, i) => {
    for (let j = 0; j < length; j++) target[wide ? i * columns + j : j * columns + i] = gain * (vector[j] as number)
  })
}

/** Gram and Schmidt. The factor R of vectors = R·Q has a positive diagonal, which is what makes Q of normal numbers uniform. */
function orthonormalise(vectors: readonly Float64Array[]): void {
  for (let start = 0; start < vectors.length; start += BLOCK) {
    const block = vectors.slice(start, start + BLOCK)
    const before = block.map((vector) => dot(vector, vector))
    for (const unit of vectors.slice(0, start)) for (const vector of block) removePart(vector, unit)
    block.forEach((vector, i) => {
      for (const unit of block.slice(0, i)) removePart(vector, unit)
      // Where most of a vector went away, what is left is mostly rounding error of that: once more is enough (Kahan, Parlett).
      if (dot(vector, vector) < 1e-4 * (before[i] as number))
        for (const unit of vectors.slice(0, start + i)) removePart(vector, unit)
      const norm = Math.sqrt(dot(vector, vector))
      for (let j = 0; j < vector.length; j++) vector[j] = (vector[j] as number) / norm
    })
  }
}

function removePart(vector: Float64Array, unit: Float64Array): void {
  const part = dot(vector, unit)
  for (let j = 0; j < vector.length; j++) vector[j] = (vector[j] as number) - part * (unit[j] as number)
}

function dot(a: Float64Array, b: Float64Array): number {
  // Four sums, since one would wait for each addition to end.
  let [s0, s1, s2, s3] = [0, 0, 0, 0]
  const whole = a.length - (a.length % 4)
  for (let i = 0; i < whole; i += 4) {
    s0 += (a[i] as number) * (b[i] as number)
    s1 += (a[i + 1] as number) * (b[i + 1] as number)
    s2 += (a[i + 2] as number) * (b[i + 2] as number)
    s3 += (a[i + 3] as number) * (b[i + 3] as number)
  }
  for (let i = whole; i < a.length; i++) s0 += (a[i] as number) * (b[i] as number)
  return s0 + s1 + (s2 + s3)
}
