import type { Figure } from '../figure.js'
import { cellsOf, type TrainingRow } from '../training/rows.js'
import { trainedRuns } from '../training/runs.js'
import type { TrainingSettings } from '../training/settings.js'
import { speedPlots } from '../training/speed-plots.js'
import { trainingSweep } from '../training/sweep.js'
import { pseudoClaims } from './claims.js'
import { SETTINGS } from './settings.js'

/** A random point as far away, in place of the teleportation; README.md beside this file. */
export const fig9: Figure<TrainingSettings, TrainingRow> = {
  name: 'fig9',
  title: 'Training with a pseudo-teleportation, a teleportation and none',
  question: 'Is it the distance that speeds training up, or the teleportation?',
  settings: SETTINGS,
  sweep: trainingSweep,
  cells: cellsOf,
  plots: (rows, settings) =>
    speedPlots(trainedRuns(rows), settings, { name: 'fig9', title: 'Pseudo-teleportation at initialisation' }),
  claims: (rows, settings) => pseudoClaims(trainedRuns(rows), settings),
}
