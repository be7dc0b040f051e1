import { describe, expect, it } from 'vitest'
import type { Model } from '../../src/graph/model.js'
import { TOLERANCES, toleranceOf } from '../../src/teleport/verify-tolerance.js'
import { SKELETONS, type Skeleton, feedsOf, loadSkeleton } from '../support/skeleton.js'
import { type Survey, type Trial, type TrialResult, survey } from '../support/survey.js'

/** All four combinations of scope and sampling are in docs/tables.md. */
const TRIALS: readonly Trial[] = [
  { scope: 'weights', sample: { sampling: 'inter', range: 0.9, seed: 1 } },
  { scope: 'full', sample: { sampling: 'intra', range: 0.9, seed: 2 } },
]

const EXACT: readonly Trial[] = [
  { scope: 'weights', sample: { sampling: 'inter', range: 0.9, seed: 3, exact: true } },
  { scope: 'full', sample: { sampling: 'inter', range: 0.9, seed: 4, exact: true } },
]

/** The coverage that is demanded, by scope. */
function demanded({ name, family }: Skeleton): { weights: number; full: number } {
  return {
    weights: family === 'relu-cnn' ? 1 : 0,
    full: family === 'transformer' || name.startsWith('convnext') ? 0.9 : family === 'other' ? 0 : 0.95,
  }
}

describe.each(SKELETONS.map((skeleton) => [skeleton.name, skeleton] as const))('%s', (_, skeleton) => {
  const samples = [feedsOf(skeleton)]

  it('moves as far as it must, and its function stays', async () => {
    const model = loadSkeleton(skeleton.name)
    const tolerance = toleranceOf(model)
    const { optimization } = skeleton
    const result = await survey(model, samples, TRIALS, optimization === undefined ? {} : { optimization })
    const { weights, full } = demanded(skeleton)
    expect(result.reports.weights.coverage, 'coverage in weights').toBeGreaterThanOrEqual(weights)
    expect(result.reports.full.coverage, 'coverage in full').toBeGreaterThanOrEqual(full)
    for (const trial of result.trials) {
      expect(trial.error, title(trial)).toBeLessThanOrEqual(tolerance)
      // A quantiser makes steps of noise, so before it no noise may arise.
      if (isQuantised(model)) expect(trial.identical, title(trial)).toBe(true)
      movesWhatItMay(result, trial)
    }
  })

  it('stays the same bit for bit if moved by powers of two', async () => {
    const model = loadSkeleton(skeleton.name)
    const tolerance = toleranceOf(model)
    // Every node as it is written: with inserted nodes in the way the runtime merges others, and sums in another order.
    const result = await survey(model, samples, EXACT, { optimization: 'none' })
    for (const trial of result.trials) {
      expect(trial.error, title(trial)).toBeLessThanOrEqual(tolerance)
      // Half precision has subnormals within reach, of which powers of two lose digits.
      if (isQuantised(model) || tolerance <= TOLERANCES.float32) expect(trial.identical, title(trial)).toBe(true)
      movesWhatItMay(result, trial)
    }
  })
})

function isQuantised(model: Model): boolean {
  return model.graph.nodes.some(({ opType }) => /Quantize|Integer|QLinear/.test(opType))
}

function title({ trial: { scope, sample } }: TrialResult): string {
  return `${scope} ${sample.sampling ?? ''}`
}

function movesWhatItMay({ reports }: Survey, { trial, moved: { changes } }: TrialResult): void {
  const { neurons, pinned } = reports[trial.scope]
  expect(changes.weightsChanged > 0).toBe(neurons > pinned)
  if (trial.scope === 'weights') expect(changes.nodesAdded).toBe(0)
}
