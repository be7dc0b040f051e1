import { trainingFigure } from '../training/figure.js'
import { jumpClaims, jumpPlots, slopeClaims } from '../training/jump.js'
import { SETTINGS } from './settings.js'

const SOURCE = { figure: 'fig12', section: 'figure 12' }
const HEADING = 'One teleportation in the middle of training, several CoB-ranges'

/** The jump by CoB-range; README.md beside this file. */
export const fig12 = trainingFigure(
  {
    name: 'fig12',
    title: HEADING,
    question: 'Is the jump the larger, the larger the CoB-range σ?',
    settings: SETTINGS,
  },
  (runs, settings) => jumpPlots(runs, settings, 'fig12', HEADING),
  (runs, settings) => [...slopeClaims(runs, settings, SOURCE), ...jumpClaims(runs, settings, SOURCE)],
)
