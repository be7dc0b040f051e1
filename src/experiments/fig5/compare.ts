import type { Tensor } from '../../graph/model.js'
import { sizeOf } from '../../graph/tensor.js'

/** Elements that are read at a time: weights of a VGG need not be in memory once more. */
const PIECE = 2 ** 18

/** A float32 tensor's elements, piece by piece, in the same memory. */
function* pieces({ data, dims }: Tensor): Generator<readonly [start: number, elements: Float32Array]> {
  const count = sizeOf(dims)
  const memory = new Float32Array(Math.min(PIECE, count))
  for (let start = 0; start < count; start += PIECE) {
    const elements = memory.subarray(0, Math.min(PIECE, count - start))
    const bytes = new Uint8Array(elements.buffer, 0, elements.byteLength)
    if (data.readInto === undefined) bytes.set(data.read(4 * start, bytes.length))
    else data.readInto(4 * start, bytes)
    yield [start, elements]
  }
}

/** Σ x² of a float32 tensor, in double. */
export function squareSum(tensor: Tensor): number {
  let sum = 0
  for (const [, elements] of pieces(tensor)) for (const x of elements) sum += x * x
  return sum
}

export interface Deviation {
  /** max|found − expected| */
  readonly difference: number
  /** max|expected| */
  readonly largest: number
}

/** How far two float32 tensors of one shape lie apart. */
export function deviation(found: Tensor, expected: Tensor): Deviation {
  let difference = 0
  let largest = 0
  const others = pieces(found)
  for (const [, elements] of pieces(expected)) {
    const other = (others.next().value as readonly [number, Float32Array])[1]
    for (let i = 0; i < elements.length; i++) {
      const x = elements[i] as number
      largest = Math.max(largest, Math.abs(x))
      difference = Math.max(difference, Math.abs((other[i] as number) - x))
    }
  }
  return { difference, largest }
}

/**
 * A gradient below this share of the network's largest counts as if it were as large. A bias before a BatchNormalization has, with batch
 * statistics, gradient 0, of which rounding leaves noise that obeys no theorem.
 */
const NEGLIGIBLE = 1e-4

/** max|difference| ÷ max|expected|, of the worst tensor. */
export function worstError(deviations: readonly Deviation[]): number {
  const least = NEGLIGIBLE * Math.max(...deviations.map(({ largest }) => largest))
  return Math.max(...deviations.map(({ difference, largest }) => difference / Math.max(largest, least)))
}
