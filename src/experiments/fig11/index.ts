import { trainingFigure } from '../training/figure.js'
import { jumpClaims, jumpPlots } from '../training/jump.js'
import { SETTINGS } from './settings.js'

const SOURCE = { figure: 'fig11', section: 'figure 11' }

/** The jump after a teleportation; README.md beside this file. */
export const fig11 = trainingFigure(
  {
    name: 'fig11',
    title: 'One teleportation in the middle of training',
    question: 'Does accuracy jump after a teleportation in the middle of training?',
    settings: SETTINGS,
  },
  (runs, settings) => jumpPlots(runs, settings, 'fig11', 'One teleportation in the middle of training'),
  (runs, settings) => jumpClaims(runs, settings, SOURCE),
)
