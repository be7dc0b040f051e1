import fs from 'node:fs'
import path from 'node:path'
import { readMetrics } from '../../src/runs/metrics.js'
import { runsOf } from '../../src/sweeps/enumerate.js'
import { readRunEnd } from '../../src/sweeps/run-end.js'
import type { SweepRun } from '../../src/sweeps/sweep.js'

/** Runs of a second, with a teleportation, momentum and checkpoints within epochs. */
export function smallRuns(seeds: readonly number[], changes: Readonly<Record<string, unknown>> = {}): SweepRun[] {
  const base = {
    data: { name: 'random', shape: [3, 8, 8], training: 96, validation: 32, classes: 4, seed: 1 },
    model: { name: 'mlp', hidden: [24] },
    training: { epochs: 3, batchSize: 16, optimizer: { name: 'sgd', lr: 0.05, momentum: 0.9 } },
    teleportations: [{ epoch: 1, kind: 'random', momentum: 'transport' }],
    checkpoints: { steps: 2 },
    ...changes,
  }
  return runsOf({ base, axes: {}, seeds })
}

/** What runs have come to, times aside. */
export function outcomes(runs: readonly SweepRun[], folder: string): unknown {
  return runs.map(({ id }) => ({
    id,
    ended: readRunEnd(path.join(folder, id))?.ended,
    metrics: readMetrics(path.join(folder, id, 'metrics.jsonl')).map(({ seconds: _, ...rest }) => rest),
    model: fs.readFileSync(path.join(folder, id, 'model.onnx')).toString('base64'),
  }))
}
