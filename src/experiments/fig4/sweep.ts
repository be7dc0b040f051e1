import type { FinishedRun } from '../../sweeps/finished-run.js'
import type { Sweep } from '../../sweeps/sweep.js'
import type { Fig4Settings } from './settings.js'

/** Minima A and B, of every seed. */
export function sweepOf(settings: Fig4Settings): Sweep {
  const { hiddenLayers, epochs, trainingImages, testImages, learningRate, momentum, weightDecay } = settings
  const [small = 8, large = 1024] = settings.batchSizes
  return {
    base: {
      data: { name: 'cifar10', training: trainingImages, validation: testImages },
      model: { name: 'mlp', hidden: hiddenLayers },
      training: { epochs, optimizer: { name: 'sgd', lr: learningRate, momentum, weightDecay } },
    },
    axes: { minimum: { A: { training: { batchSize: small } }, B: { training: { batchSize: large } } } },
    seeds: settings.seeds,
  }
}

/** Two minima between which a line is drawn; of one that failed, why. */
export interface Pair {
  /** The seed of A. */
  readonly seed: number
  readonly a: FinishedRun | undefined
  readonly b: FinishedRun | undefined
}

/**
 * A of each seed with B of the next (of the last with the first): every network is in one pair, and the two of a pair begin at different weights.
 * Pairs of which a run has not ended are left out.
 */
export function pairsOf({ seeds }: Fig4Settings, runs: readonly FinishedRun[]): Pair[] {
  const found = (minimum: string, seed: number | undefined) =>
    runs.find(({ labels }) => labels.minimum === minimum && labels.seed === seed)
  return seeds
    .map((seed, i) => ({ seed, a: found('A', seed), b: found('B', seeds[(i + 1) % seeds.length]) }))
    .filter(({ a, b }) => a !== undefined && b !== undefined)
}
