import type { Figure } from '../figure.js'
import { jumpClaims, jumpPlots } from '../training/jump.js'
import { cellsOf, type TrainingRow } from '../training/rows.js'
import { trainedRuns } from '../training/runs.js'
import type { JumpSettings } from '../training/settings.js'
import { trainingSweep } from '../training/sweep.js'
import { SETTINGS } from './settings.js'

const SOURCE = { figure: 'fig11', section: 'figure 11' }

/** The jump after a teleportation; README.md beside this file. */
export const fig11: Figure<JumpSettings, TrainingRow> = {
  name: 'fig11',
  title: 'One teleportation in the middle of training',
  question: 'Does accuracy jump after a teleportation in the middle of training?',
  settings: SETTINGS,
  sweep: trainingSweep,
  cells: cellsOf,
  plots: (rows, settings) =>
    jumpPlots(trainedRuns(rows), settings, 'fig11', 'One teleportation in the middle of training'),
  claims: (rows, settings) => jumpClaims(trainedRuns(rows), settings, SOURCE),
}
