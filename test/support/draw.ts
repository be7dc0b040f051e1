/** What a skeleton keeps of a tensor: its elements are drawn from the normal distribution, cut off at `min` and `max`. */
export interface Facts {
  readonly mean: number
  readonly std: number
  readonly min: number
  readonly max: number
}

/** A number for a name: FNV-1a, 32 bits. */
export function seedOf(name: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** Spreads 32 bits over 32 bits (Murmur3's finaliser). */
function mix(x: number): number {
  let bits = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return bits ^ (bits >>> 16)
}

// Four uniform 16-bit numbers: their sum's mean, and its standard deviation.
const MEAN = 4 * 32767.5
const DEVIATION = Math.sqrt((4 * (65536 ** 2 - 1)) / 12)

/**
 * Element `index` of the stream that `seed` names, about normal with mean 0 and standard deviation 1, within ±3.47. It depends
 * on nothing else, so any part of a tensor can be drawn alone.
 */
export function normalAt(seed: number, index: number): number {
  const a = mix(seed ^ Math.imul(index, 0x9e3779b1))
  const b = mix(a + 0x6a09e667)
  return ((a & 0xffff) + (a >>> 16) + (b & 0xffff) + (b >>> 16) - MEAN) / DEVIATION
}

/** `count` elements of a tensor with these facts, in the order of its elements. */
export function drawn(facts: Facts, seed: number, count: number): Float64Array {
  const values = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    const value = facts.mean + facts.std * normalAt(seed, i)
    values[i] = value < facts.min ? facts.min : value > facts.max ? facts.max : value
  }
  return values
}
