import { streamOf } from '../cob/stream.js'

/** Random numbers that are the same on every machine: integer arithmetic and exactly rounded operations only. */
export interface Random {
  /** A whole number of [0, bound). */
  below(bound: number): number
  /** A number of [0, 1). */
  uniform(): number
  /** About normal, mean 0 and deviation 1: the sum of eight uniform numbers, hence within ±4.9. */
  normal(): number
}

const HALF = 2 ** 26

/** The stream of a seed and a name: other names, or more draws from them, do not change it. */
export function randomStream(seed: number, name: string): Random {
  const uniform = streamOf(seed, name)
  return {
    uniform,
    below: (bound) => Math.floor(uniform() * bound),
    normal() {
      let sum = 0
      for (let i = 0; i < 4; i++) {
        // The upper and the lower 26 bits of one number are two.
        const scaled = uniform() * HALF
        const upper = Math.floor(scaled)
        sum += upper / HALF + (scaled - upper)
      }
      // Mean 8/2, variance 8/12.
      return (sum - 4) * 1.224744871391589
    },
  }
}
