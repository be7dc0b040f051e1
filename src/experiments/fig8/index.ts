import { speedFigure } from '../training/figure.js'
import { SETTINGS } from './settings.js'

/** fig6 with Gaussian and Xavier initialisation; README.md beside this file. */
export const fig8 = speedFigure(
  {
    name: 'fig8',
    title: 'Training with and without one teleportation, other initialisations',
    question: 'Does a teleportation at initialisation speed training up after a Gaussian or a Xavier initialisation?',
    settings: SETTINGS,
  },
  { heading: 'One teleportation at initialisation: Gaussian and Xavier' },
)
