import { describe, expect, it } from 'vitest'
import {
  differences,
  overEpochs,
  pairsOf,
  timedDifferences,
  tunedOf,
  tunedPairs,
} from '../../../src/experiments/training/compare.js'
import { conditionsOf, trainedRuns } from '../../../src/experiments/training/runs.js'
import { CONDITION, rowsOfRun } from './rows-of-runs.js'

const CONTRAST = { arm: 'teleportation', range: 0.9 } as const

describe('pairs', () => {
  it('are runs of one seed, condition and range; a missing one leaves its difference out', () => {
    const runs = trainedRuns([
      ...rowsOfRun({ seed: 1, accuracies: [10, 20] }),
      ...rowsOfRun({ seed: 2, accuracies: [10, 30] }),
      ...rowsOfRun({ seed: 1, arm: 'teleportation', accuracies: [12, 30] }),
      ...rowsOfRun({ seed: 1, arm: 'teleportation', range: 0.5, accuracies: [90, 90] }),
      ...rowsOfRun({ seed: 2, arm: 'teleportation', accuracies: [90, 90], momentum: 0 }),
    ])
    const pairs = pairsOf(runs, CONDITION, CONTRAST)
    expect(pairs.map(({ seed }) => seed)).toEqual([1, 2])
    expect(differences(pairs, overEpochs(2))).toEqual([6, null])
  })

  it('count a run that diverged as 0 from there on, and leave out one that failed for another reason', () => {
    const runs = trainedRuns([
      ...rowsOfRun({ seed: 1, accuracies: [10, 20] }),
      ...rowsOfRun({ seed: 1, arm: 'teleportation', accuracies: [12], failed: 'the loss is not finite' }),
      ...rowsOfRun({ seed: 2, accuracies: [10, 20] }),
      ...rowsOfRun({ seed: 2, arm: 'teleportation', accuracies: [12], failed: 'out of memory' }),
    ])
    expect(differences(pairsOf(runs, CONDITION, CONTRAST), overEpochs(2))).toEqual([-9, null])
  })

  it('are compared over the time that both took', () => {
    // Slower by half: after 2 s of 3 it is where the other is at the end, on straight lines from chance.
    const runs = trainedRuns([
      ...rowsOfRun({ accuracies: [20, 30], pace: 1 }),
      ...rowsOfRun({ arm: 'teleportation', accuracies: [25, 40], pace: 1.5 }),
    ])
    const pairs = pairsOf(runs, CONDITION, CONTRAST)
    const plain = (15 + 25) / 2
    const teleported = (1.5 * 17.5 + 0.5 * ((25 + 30) / 2)) / 2
    expect(timedDifferences(pairs, 10)[0]).toBeCloseTo(teleported - plain, 9)
    const alike = trainedRuns([
      ...rowsOfRun({ accuracies: [20, 30], pace: 2 }),
      ...rowsOfRun({ arm: 'teleportation', accuracies: [20, 30], pace: 2 }),
    ])
    expect(timedDifferences(pairsOf(alike, CONDITION, CONTRAST), 10)).toEqual([0])
  })
})

describe('a tuned learning rate', () => {
  const at = (learningRate: number, seed: number, plain: number, teleported: number) => [
    ...rowsOfRun({ learningRate, seed, accuracies: [plain] }),
    ...rowsOfRun({ learningRate, seed, arm: 'teleportation', accuracies: [teleported] }),
  ]

  it('is chosen for each arm on the other seeds', () => {
    // Seed 3 alone would choose otherwise: it has no say in what is reported of it.
    const runs = trainedRuns([
      ...at(0.01, 1, 20, 40),
      ...at(0.001, 1, 30, 10),
      ...at(0.01, 2, 20, 40),
      ...at(0.001, 2, 30, 10),
      ...at(0.01, 3, 35, 5),
      ...at(0.001, 3, 25, 45),
    ])
    const [tuned] = tunedOf(conditionsOf(runs))
    expect(tuned?.candidates.map(({ learningRate }) => learningRate)).toEqual([0.01, 0.001])
    const pairs = tuned && tunedPairs(runs, tuned, CONTRAST, overEpochs(1))
    expect(pairs?.[2]?.twin?.condition.learningRate).toBe(0.001)
    expect(pairs?.[2]?.run?.condition.learningRate).toBe(0.01)
    expect(pairs && differences(pairs, overEpochs(1))[2]).toBe(5 - 25)
  })

  it('is none where there is one learning rate, or one seed', () => {
    expect(tunedOf([CONDITION])).toEqual([])
    const runs = trainedRuns([...at(0.01, 1, 20, 40), ...at(0.001, 1, 30, 10)])
    const [tuned] = tunedOf(conditionsOf(runs))
    expect(tuned && differences(tunedPairs(runs, tuned, CONTRAST, overEpochs(1)), overEpochs(1))).toEqual([null])
  })
})
