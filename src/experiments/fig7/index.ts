import type { Figure } from '../figure.js'
import { finalClaims, speedClaims } from '../training/claims.js'
import { contrastsOf } from '../training/plots.js'
import { cellsOf, type TrainingRow } from '../training/rows.js'
import { trainedRuns } from '../training/runs.js'
import type { TrainingSettings } from '../training/settings.js'
import { speedPlots } from '../training/speed-plots.js'
import { trainingSweep } from '../training/sweep.js'
import { SETTINGS } from './settings.js'

const SOURCE = { figure: 'fig7', section: 'figure 7' }

/** fig6 with LeakyReLU, Tanh and ELU; README.md beside this file. */
export const fig7: Figure<TrainingSettings, TrainingRow> = {
  name: 'fig7',
  title: 'Training with and without one teleportation, other activations',
  question: 'Does a teleportation at initialisation speed training up with other activations than ReLU?',
  settings: SETTINGS,
  sweep: trainingSweep,
  cells: cellsOf,
  plots: (rows, settings) =>
    speedPlots(trainedRuns(rows), settings, {
      name: 'fig7',
      title: 'One teleportation at initialisation: other activations',
    }),
  claims: (rows, settings) => {
    const runs = trainedRuns(rows)
    return contrastsOf(settings).flatMap((contrast) => [
      ...speedClaims(runs, settings, SOURCE, contrast),
      ...finalClaims(runs, settings, SOURCE, contrast),
    ])
  },
}
