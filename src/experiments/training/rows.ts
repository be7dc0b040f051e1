import type { FinishedRun } from '../../sweeps/finished-run.js'
import type { Cell } from '../figure.js'
import { armsOf } from './sweep.js'
import type { Arm, TrainingSettings } from './settings.js'

/**
 * An epoch of a run. A run that failed has one row more, for the epoch that it did not end: what was not measured is null there, and `failed`
 * says why.
 */
export type TrainingRow = {
  readonly network: string
  readonly dataset: string
  readonly activation: string
  readonly initialization: string
  /** With which the run begins. */
  readonly learningRate: number
  readonly momentum: number
  readonly arm: Arm
  /** CoB-range σ; null without a teleportation. */
  readonly range: number | null
  readonly seed: number
  /** From 1. */
  readonly epoch: number
  /** Training loss, the mean over the epoch's steps. */
  readonly loss: number | null
  /** Fractions of 1. */
  readonly accuracy: number | null
  readonly validationLoss: number | null
  readonly validationAccuracy: number | null
  /** Of training alone, since the run began. */
  readonly seconds: number | null
  /** Of this epoch. */
  readonly lr: number | null
  /** What was done before the epoch. */
  readonly teleported: string | null
  readonly failed: string | null
  /** The name of its folder. */
  readonly run: string
}

/** A cell for each network and data set: the rows of its runs. */
export function cellsOf(settings: TrainingSettings, runs: readonly FinishedRun[]): Cell<TrainingRow>[] {
  const cells = new Map<string, FinishedRun[]>()
  for (const run of runs) {
    const key = `${String(run.labels['network'])} · ${String(run.labels['dataset'])}`
    cells.set(key, [...(cells.get(key) ?? []), run])
  }
  return [...cells].map(([key, own]) => ({
    key,
    run: () => Promise.resolve(own.flatMap((run) => rowsOf(run, settings))),
  }))
}

/** @throws Error for a run of another sweep */
export function rowsOf(run: FinishedRun, settings: TrainingSettings): TrainingRow[] {
  const text = (axis: string) => String(run.labels[axis])
  const arm = armsOf(settings).find(({ label }) => label === text('arm'))
  if (arm === undefined) throw new Error(`run ${run.id} has an arm that the settings do not have: ${text('arm')}`)
  const shared = {
    network: text('network'),
    dataset: text('dataset'),
    activation: text('activation'),
    initialization: text('initialization'),
    learningRate: Number(text('learningRate')),
    momentum: Number(text('momentum')),
    arm: arm.arm,
    range: arm.range,
    seed: Number(run.labels['seed']),
  }
  let seconds = 0
  const rows = run.epochs.map((metrics): TrainingRow => {
    seconds += metrics.seconds
    return {
      ...shared,
      epoch: metrics.epoch,
      loss: measured(metrics.loss),
      accuracy: measured(metrics.accuracy),
      validationLoss: measured(metrics.validationLoss),
      validationAccuracy: measured(metrics.validationAccuracy),
      seconds: Math.round(1000 * seconds) / 1000,
      lr: metrics.lr,
      teleported: metrics.teleported ?? null,
      failed: null,
      run: run.id,
    }
  })
  if (run.ended !== 'failed') return rows
  const nothing = {
    loss: null,
    accuracy: null,
    validationLoss: null,
    validationAccuracy: null,
    seconds: null,
    lr: null,
  }
  const epoch = (run.epochs.at(-1)?.epoch ?? 0) + 1
  return [...rows, { ...shared, epoch, ...nothing, teleported: null, failed: run.reason ?? 'unknown', run: run.id }]
}

function measured(value: number | null | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}
