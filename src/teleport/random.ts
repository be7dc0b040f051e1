import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** Random numbers that are the same on every machine: integer arithmetic and exactly rounded operations only. */
export interface Random {
  /** A whole number of [0, bound). */
  below(bound: number): number
  /** A number of [0, 1), a multiple of 2^-32. */
  uniform(): number
  /** About normal, mean 0 and deviation 1: the sum of eight uniform numbers, hence within ±4.9. */
  normal(): number
}

/** The stream of a name: other names, or more draws from them, do not change it. */
export function randomStream(name: string): Random {
  const generator = xoroshiro128plus(hash(name))
  // The first numbers of nearby seeds resemble each other.
  for (let i = 0; i < 32; i++) generator.next()
  const uniform = () => (generator.next() >>> 0) / 2 ** 32
  return {
    uniform,
    below: (bound) => Math.floor(uniform() * bound),
    normal() {
      let sum = 0
      for (let i = 0; i < 4; i++) {
        const bits = generator.next() >>> 0
        sum += (bits >>> 16) + (bits & 0xffff)
      }
      // Eight uniform numbers of 16 bits: mean 8·(2^16 − 1)/2, variance 8/12.
      return (sum / 2 ** 16 - 4 * (1 - 2 ** -16)) * 1.224744871391589
    },
  }
}

/** FNV-1a over UTF-16 code units. */
function hash(text: string): number {
  let state = 0x811c9dc5
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  return state
}
