import type { Condition } from '../../../src/experiments/training/runs.js'
import type { TrainingRow } from '../../../src/experiments/training/rows.js'
import type { Arm } from '../../../src/experiments/training/settings.js'

export const CONDITION: Condition = {
  network: 'MLP 5×100',
  dataset: 'cifar10',
  activation: 'relu',
  initialization: 'default',
  learningRate: 0.01,
  momentum: 0.9,
}

interface MadeUp extends Partial<Condition> {
  readonly arm?: Arm
  readonly range?: number | null
  readonly seed?: number
  /** Validation accuracies by epoch, in per cent. */
  readonly accuracies: readonly number[]
  /** Seconds of each epoch; default 1. */
  readonly pace?: number
  readonly failed?: string
}

/** The rows of a run that was never trained. */
export function rowsOfRun(madeUp: MadeUp): TrainingRow[] {
  const { arm = 'no teleportation', range = arm === 'no teleportation' ? null : 0.9, seed = 1 } = madeUp
  const { accuracies, pace = 1, failed, ...condition } = madeUp
  const shared = { ...CONDITION, ...condition, arm, range, seed, run: 'none', teleported: null }
  const rows = accuracies.map((accuracy, i): TrainingRow => ({
    ...shared,
    epoch: i + 1,
    loss: 2.3 - accuracy / 100,
    accuracy: accuracy / 100,
    validationLoss: 2.3 - accuracy / 100,
    validationAccuracy: accuracy / 100,
    seconds: (i + 1) * pace,
    lr: shared.learningRate,
    failed: null,
  }))
  if (failed === undefined) return rows
  const nothing = { loss: null, accuracy: null, validationLoss: null, validationAccuracy: null, seconds: null }
  return [...rows, { ...shared, ...nothing, epoch: accuracies.length + 1, lr: null, failed }]
}
