import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { cellsOf, rowsOf, type TrainingRow } from '../../../src/experiments/training/rows.js'
import { hasDiverged, trainedRuns } from '../../../src/experiments/training/runs.js'
import { QUICK, type TrainingSettings } from '../../../src/experiments/training/settings.js'
import { trainingSweep } from '../../../src/experiments/training/sweep.js'
import { runsOf } from '../../../src/sweeps/enumerate.js'
import { finishedRuns } from '../../../src/sweeps/finished-run.js'
import { writeRunEnd } from '../../../src/sweeps/run-end.js'
import type { SweepRun } from '../../../src/sweeps/sweep.js'

const SETTINGS: TrainingSettings = {
  ...QUICK,
  networks: ['MLP 5×100'],
  learningRates: [0.01],
  momenta: [0.9],
  seeds: 2,
  epochs: 2,
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rows-'))
afterAll(() => fs.rmSync(folder, { recursive: true }))

const runs = runsOf(trainingSweep(SETTINGS))

/** A run's folder as training leaves it: metrics, and how it ended. */
function endRun(run: SweepRun, epochs: readonly object[], end: Parameters<typeof writeRunEnd>[1]): void {
  const own = path.join(folder, run.id)
  fs.mkdirSync(own, { recursive: true })
  fs.writeFileSync(path.join(own, 'metrics.jsonl'), epochs.map((epoch) => `${JSON.stringify(epoch)}\n`).join(''))
  writeRunEnd(own, end)
}

const epoch = (number: number, accuracy: number) => ({
  epoch: number,
  step: 48 * number,
  lr: 0.01,
  loss: 2,
  accuracy: accuracy - 0.01,
  validationLoss: 1.9,
  validationAccuracy: accuracy,
  seconds: 1.5,
})

describe('rows of runs', () => {
  it('are one for each epoch, read from the folders that have ended', async () => {
    const [plain, , teleported] = runs as [SweepRun, SweepRun, SweepRun]
    endRun(plain, [epoch(1, 0.1), epoch(2, 0.2)], { ended: 'finished' })
    endRun(teleported, [{ ...epoch(1, 0.15), teleported: 'random inter 0.9' }, epoch(2, 0.3)], { ended: 'finished' })
    const ended = finishedRuns(runs, folder)
    expect(ended.map(({ id }) => id)).toEqual([plain.id, teleported.id])
    const cells = cellsOf(SETTINGS, ended)
    expect(cells.map(({ key }) => key)).toEqual(['MLP 5×100 · cifar10'])
    const rows = (await cells[0]?.run(undefined as never)) as TrainingRow[]
    expect(rows.map(({ arm, range, seed, epoch: at }) => [arm, range, seed, at])).toEqual([
      ['no teleportation', null, 1, 1],
      ['no teleportation', null, 1, 2],
      ['teleportation', 0.9, 1, 1],
      ['teleportation', 0.9, 1, 2],
    ])
    expect(rows[1]).toEqual({
      network: 'MLP 5×100',
      dataset: 'cifar10',
      activation: 'relu',
      initialization: 'default',
      learningRate: 0.01,
      momentum: 0.9,
      arm: 'no teleportation',
      range: null,
      seed: 1,
      epoch: 2,
      loss: 2,
      accuracy: 0.19,
      validationLoss: 1.9,
      validationAccuracy: 0.2,
      seconds: 3,
      lr: 0.01,
      teleported: null,
      failed: null,
      run: plain.id,
    })
    expect(rows[2]?.teleported).toBe('random inter 0.9')
  })

  it('say of a run that failed why, in the epoch that it did not end', () => {
    const [run] = runs as [SweepRun]
    const rows = rowsOf(
      {
        ...run,
        folder,
        ended: 'failed',
        reason: 'the loss is not finite',
        epochs: [epoch(1, 0.1)],
      },
      SETTINGS,
    )
    expect(rows.map(({ epoch: at, failed, loss, seconds }) => [at, failed, loss, seconds])).toEqual([
      [1, null, 2, 1.5],
      [2, 'the loss is not finite', null, null],
    ])
    const [trained] = trainedRuns(rows)
    expect(trained?.epochs).toHaveLength(1)
    expect(trained && hasDiverged(trained)).toBe(true)
  })

  it('of a run that ran out of memory are not those of one that diverged', () => {
    const [run] = runs as [SweepRun]
    const rows = rowsOf({ ...run, folder, ended: 'failed', reason: 'out of memory', epochs: [] }, SETTINGS)
    expect(rows).toHaveLength(1)
    const [trained] = trainedRuns(rows)
    expect(trained?.failed).toBe('out of memory')
    expect(trained && hasDiverged(trained)).toBe(false)
  })
})
