import type { Figure } from '../figure.js'
import { finalClaims, speedClaims } from '../training/claims.js'
import { contrastsOf } from '../training/plots.js'
import { cellsOf, type TrainingRow } from '../training/rows.js'
import { trainedRuns } from '../training/runs.js'
import type { TrainingSettings } from '../training/settings.js'
import { speedPlots } from '../training/speed-plots.js'
import { trainingSweep } from '../training/sweep.js'
import { SETTINGS } from './settings.js'

const SOURCE = { figure: 'fig8', section: 'figure 8' }

/** fig6 with Gaussian and Xavier initialisation; README.md beside this file. */
export const fig8: Figure<TrainingSettings, TrainingRow> = {
  name: 'fig8',
  title: 'Training with and without one teleportation, other initialisations',
  question: 'Does a teleportation at initialisation speed training up after a Gaussian or a Xavier initialisation?',
  settings: SETTINGS,
  sweep: trainingSweep,
  cells: cellsOf,
  plots: (rows, settings) =>
    speedPlots(trainedRuns(rows), settings, {
      name: 'fig8',
      title: 'One teleportation at initialisation: Gaussian and Xavier',
    }),
  claims: (rows, settings) => {
    const runs = trainedRuns(rows)
    return contrastsOf(settings).flatMap((contrast) => [
      ...speedClaims(runs, settings, SOURCE, contrast),
      ...finalClaims(runs, settings, SOURCE, contrast),
    ])
  },
}
