import { generatorOf } from '../cob/stream.js'

/**
 * Fills a mask: 1 with probability 1 − ratio, else 0; the same for the same seed and name, on every machine.
 * @param ratio from 0 to 1, taken to the next multiple of 2⁻¹⁶
 */
export function drawMask(mask: Uint8Array, ratio: number, seed: number, name: string): void {
  const generator = generatorOf(seed, name)
  const threshold = Math.round(ratio * 65536)
  // Two draws of 16 bits from each number.
  for (let i = 0; i < mask.length; i += 2) {
    const bits = generator.next()
    mask[i] = (bits & 0xffff) >= threshold ? 1 : 0
    if (i + 1 < mask.length) mask[i + 1] = bits >>> 16 >= threshold ? 1 : 0
  }
}
