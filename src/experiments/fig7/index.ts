import { speedFigure } from '../training/figure.js'
import { SETTINGS } from './settings.js'

/** fig6 with LeakyReLU, Tanh and ELU; README.md beside this file. */
export const fig7 = speedFigure(
  {
    name: 'fig7',
    title: 'Training with and without one teleportation, other activations',
    question: 'Does a teleportation at initialisation speed training up with other activations than ReLU?',
    settings: SETTINGS,
  },
  { heading: 'One teleportation at initialisation: other activations' },
)
