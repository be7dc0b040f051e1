import type { Figure } from '../figure.js'
import { finalClaims, speedClaims, tunedClaims } from '../training/claims.js'
import { cellsOf, type TrainingRow } from '../training/rows.js'
import { trainedRuns } from '../training/runs.js'
import type { TrainingSettings } from '../training/settings.js'
import { speedPlots } from '../training/speed-plots.js'
import { trainingSweep } from '../training/sweep.js'
import { contrastsOf } from '../training/plots.js'
import { SETTINGS } from './settings.js'

const SOURCE = { figure: 'fig6', section: 'figure 6' }

/** One teleportation at initialisation; README.md beside this file. */
export const fig6: Figure<TrainingSettings, TrainingRow> = {
  name: 'fig6',
  title: 'Training with and without one teleportation at initialisation',
  question: 'Does a network learn faster if it is teleported once before training?',
  settings: SETTINGS,
  sweep: trainingSweep,
  cells: cellsOf,
  plots: (rows, settings) =>
    speedPlots(trainedRuns(rows), settings, {
      name: 'fig6',
      title: 'One teleportation at initialisation',
      tuned: true,
    }),
  claims: (rows, settings) => {
    const runs = trainedRuns(rows)
    return contrastsOf(settings).flatMap((contrast) => [
      ...speedClaims(runs, settings, SOURCE, contrast),
      ...tunedClaims(runs, settings, SOURCE, contrast),
      ...finalClaims(runs, settings, SOURCE, contrast),
    ])
  },
}
