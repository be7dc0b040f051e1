import { trainingFigure } from '../training/figure.js'
import { speedPlots } from '../training/speed-plots.js'
import { pseudoClaims } from './claims.js'
import { SETTINGS } from './settings.js'

/** A random point as far away, in place of the teleportation; README.md beside this file. */
export const fig9 = trainingFigure(
  {
    name: 'fig9',
    title: 'Training with a pseudo-teleportation, a teleportation and none',
    question: 'Is it the distance that speeds training up, or the teleportation?',
    settings: SETTINGS,
  },
  (runs, settings) => speedPlots(runs, settings, { name: 'fig9', title: 'Pseudo-teleportation at initialisation' }),
  pseudoClaims,
)
