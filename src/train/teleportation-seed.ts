import { streamOf } from '../cob/stream.js'

/**
 * The seed of a run's teleportation, by its index in their order: of its own, since two teleportations by the same seed would draw the
 * same τ for every neuron.
 */
export function teleportationSeed(seed: number, index: number): number {
  return Math.floor(streamOf(seed, `teleportation ${index}`)() * 2 ** 32)
}
