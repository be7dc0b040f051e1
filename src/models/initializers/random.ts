import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'

/** Fills with U(−bound, bound): 2²⁴ equally likely numbers, symmetric around 0. One draw of 32 bits each. */
export function fillUniform(generator: RandomGenerator, target: Float32Array, bound: number): void {
  const step = bound * 2 ** -23
  for (let i = 0; i < target.length; i++) target[i] = ((generator.next() >>> 8) - 0x7fffff - 0.5) * step
}

/** Fills with N(0, std²). */
export function fillNormal(generator: RandomGenerator, target: Float32Array | Float64Array, std: number): void {
  for (let i = 0; i < target.length; i++) {
    // The common case of `standardNormal`, here without a call.
    const bits = generator.next()
    const layer = bits >>> 25
    const x = (((bits & 0x1ffffff) + 0.5) * 2 ** -24 - 1) * (EDGES[layer] as number)
    target[i] = std * (Math.abs(x) < (EDGES[layer + 1] as number) ? x : atTheEdge(generator, layer, x))
  }
}

function standardNormal(generator: RandomGenerator): number {
  const bits = generator.next()
  // The generator's upper bits are its best ones, so they choose the layer.
  const layer = bits >>> 25
  const x = (((bits & 0x1ffffff) + 0.5) * 2 ** -24 - 1) * (EDGES[layer] as number)
  return Math.abs(x) < (EDGES[layer + 1] as number) ? x : atTheEdge(generator, layer, x)
}

/*
 * The ziggurat of Marsaglia and Tsang (2000), with 128 layers of equal area, in Doornik's form (2005), where the layer and the
 * place within it come from different bits.
 */
const LAYERS = 128
/** Where the tail begins. */
const TAIL = 3.442619855899
/** The area of a layer under exp(−x²/2). */
const AREA = 9.91256303526217e-3

/** The layers' right edges, from the lowest layer (as wide as if its tail were a rectangle too) up. */
const EDGES = edges()

function edges(): Float64Array {
  const x = new Float64Array(LAYERS + 1)
  x[0] = AREA / density(TAIL)
  x[1] = TAIL
  for (let i = 2; i < LAYERS; i++) {
    const below = x[i - 1] as number
    x[i] = Math.sqrt(-2 * Math.log(AREA / below + density(below)))
  }
  return x
}

function density(x: number): number {
  return Math.exp(-0.5 * x * x)
}

/** A point of a layer that may lie outside the bell: it is kept, drawn from the tail, or drawn again. */
function atTheEdge(generator: RandomGenerator, layer: number, x: number): number {
  if (layer === 0) return x < 0 ? -beyondTail(generator) : beyondTail(generator)
  const low = density(EDGES[layer] as number)
  const high = density(EDGES[layer + 1] as number)
  return low + unit(generator) * (high - low) < density(x) ? x : standardNormal(generator)
}

/** Marsaglia's tail (1964). */
function beyondTail(generator: RandomGenerator): number {
  for (;;) {
    const x = -Math.log(unit(generator)) / TAIL
    const y = -Math.log(unit(generator))
    if (2 * y >= x * x) return TAIL + x
  }
}

/** Of (0, 1). */
function unit(generator: RandomGenerator): number {
  return ((generator.next() >>> 0) + 0.5) * 2 ** -32
}
