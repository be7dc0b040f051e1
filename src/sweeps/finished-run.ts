import fs from 'node:fs'
import path from 'node:path'
import { METRICS } from '../runs/log.js'
import { readMetrics } from '../runs/metrics.js'
import { TRAINED } from '../runs/run-folder.js'
import type { EpochMetrics } from '../train/fit-options.js'
import { readRunEnd } from './run-end.js'
import type { SweepRun } from './sweep.js'

/** How a run ended. A run that failed is a result too. */
export interface FinishedRun extends SweepRun {
  /** Absolute. */
  readonly folder: string
  readonly ended: 'finished' | 'failed'
  /** Why it failed: `training diverged: the loss is NaN …`, `out of memory: …` */
  readonly reason?: string
  readonly epochs: readonly EpochMetrics[]
  /** The file of the trained network. */
  readonly model?: string
}

/** Those of the runs that have ended, as their folders say, in their order. */
export function finishedRuns(runs: readonly SweepRun[], runsFolder: string): FinishedRun[] {
  return runs.flatMap((run) => {
    const folder = path.resolve(runsFolder, run.id)
    const end = readRunEnd(folder)
    if (end === undefined) return []
    const model = path.join(folder, TRAINED)
    return [
      {
        ...run,
        folder,
        ended: end.ended,
        ...(end.reason !== undefined && { reason: end.reason }),
        epochs: readMetrics(path.join(folder, METRICS)) as EpochMetrics[],
        ...(end.ended === 'finished' && fs.existsSync(model) && { model }),
      },
    ]
  })
}
