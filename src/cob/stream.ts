import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'

/** Numbers of [0, 1), multiples of 2⁻⁵³; the same on every machine. */
export type Stream = () => number

/**
 * The stream of random numbers that belongs to a seed and a name. Streams of other names do not change it, so that a layer more
 * or less leaves the draws of the others alone.
 */
export function streamOf(seed: number, name: string): Stream {
  const generator = generatorOf(seed, name)
  return () => uniformFloat64(generator)
}

/** The stream's generator of 32 random bits (signed integers), for whoever draws millions of numbers. */
export function generatorOf(seed: number, name: string): RandomGenerator {
  return xoroshiro128plusFromState(stateOf(`${seed}\n${name}`))
}

/** 128 bits of FNV-1a (prime 2⁸⁸ + 0x13b) over UTF-16 code units, then one multiplication more to spread the last of them. */
function stateOf(text: string): number[] {
  const mask = (1n << 128n) - 1n
  const prime = 0x1000000000000000000013bn
  let hash = 0x6c62272e07bb014262b821756295c58dn
  for (let i = 0; i < text.length; i++) hash = ((hash ^ BigInt(text.charCodeAt(i))) * prime) & mask
  hash = ((hash ^ (hash >> 67n)) * prime) & mask
  hash ^= hash >> 59n
  const words = [96n, 64n, 32n, 0n].map((shift) => Number((hash >> shift) & 0xffffffffn) | 0)
  return words.every((word) => word === 0) ? [1, 0, 0, 0] : words
}
