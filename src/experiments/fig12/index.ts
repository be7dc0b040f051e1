import type { Figure } from '../figure.js'
import { jumpClaims, jumpPlots, slopeClaims } from '../training/jump.js'
import { cellsOf, type TrainingRow } from '../training/rows.js'
import { trainedRuns } from '../training/runs.js'
import type { JumpSettings } from '../training/settings.js'
import { trainingSweep } from '../training/sweep.js'
import { SETTINGS } from './settings.js'

const SOURCE = { figure: 'fig12', section: 'figure 12' }

/** The jump by CoB-range; README.md beside this file. */
export const fig12: Figure<JumpSettings, TrainingRow> = {
  name: 'fig12',
  title: 'One teleportation in the middle of training, several CoB-ranges',
  question: 'Is the jump the larger, the larger the CoB-range σ?',
  settings: SETTINGS,
  sweep: trainingSweep,
  cells: cellsOf,
  plots: (rows, settings) =>
    jumpPlots(trainedRuns(rows), settings, 'fig12', 'One teleportation in the middle of training, several CoB-ranges'),
  claims: (rows, settings) => [
    ...slopeClaims(trainedRuns(rows), settings, SOURCE),
    ...jumpClaims(trainedRuns(rows), settings, SOURCE),
  ],
}
