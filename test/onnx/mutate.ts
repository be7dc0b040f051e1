/** A small generator of our own: the same seed gives the same mutations whatever the libraries do. (mulberry32) */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

type Random = (below: number) => number

/** Values that break what computes with sizes. */
const EVIL_VARINTS = [
  [0x00],
  [0x7f],
  [0xff, 0xff, 0xff, 0xff, 0x07],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x40],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
]

function splice(bytes: Uint8Array, at: number, remove: number, insert: ArrayLike<number>): Uint8Array {
  const result = new Uint8Array(bytes.length - Math.min(remove, bytes.length - at) + insert.length)
  result.set(bytes.subarray(0, at))
  result.set(insert, at)
  result.set(bytes.subarray(at + remove), at + insert.length)
  return result
}

/** A place in the file, most often one that is near a structure's beginning: weights are the larger part, and the duller. */
export type Place = (random: Random) => number

const MUTATIONS: ((bytes: Uint8Array, place: Place, random: Random, other: Uint8Array) => Uint8Array)[] = [
  // A bit flips.
  (bytes, place, random) => {
    const result = bytes.slice()
    const at = place(random)
    result[at] = (result[at] ?? 0) ^ (1 << random(8))
    return result
  },
  // A few bytes become others.
  (bytes, place, random) => {
    const result = bytes.slice()
    const at = place(random)
    for (let i = 0; i < 1 + random(6) && at + i < result.length; i++) result[at + i] = random(256)
    return result
  },
  // The file is cut off.
  (bytes, place, random) => bytes.slice(0, place(random)),
  // Bytes are missing.
  (bytes, place, random) => splice(bytes, place(random), 1 + random(16), []),
  // A number, perhaps a length, becomes an evil one.
  (bytes, place, random) =>
    splice(bytes, place(random), 1 + random(2), EVIL_VARINTS[random(EVIL_VARINTS.length)] as number[]),
  // A piece of the file comes once more elsewhere in it.
  (bytes, place, random) => {
    const from = place(random)
    return splice(bytes, place(random), random(2) * random(64), bytes.slice(from, from + 1 + random(200)))
  },
  // A piece of another file.
  (bytes, place, random, other) => {
    const from = random(other.length)
    return splice(bytes, place(random), random(64), other.slice(from, from + 1 + random(200)))
  },
]

export function mutate(bytes: Uint8Array, place: Place, random: Random, other: Uint8Array): Uint8Array {
  let result = bytes
  for (let rounds = 1 + (random(4) === 0 ? random(4) : 0); rounds > 0; rounds--) {
    const limit = result.length
    if (limit === 0) break
    const mutation = MUTATIONS[random(MUTATIONS.length)] as (typeof MUTATIONS)[number]
    result = mutation(result, (r) => Math.min(place(r), limit - 1), random, other)
  }
  return result
}
