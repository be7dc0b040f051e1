import { speedFigure } from '../training/figure.js'
import { SETTINGS } from './settings.js'

/** One teleportation at initialisation; README.md beside this file. */
export const fig6 = speedFigure(
  {
    name: 'fig6',
    title: 'Training with and without one teleportation at initialisation',
    question: 'Does a network learn faster if it is teleported once before training?',
    settings: SETTINGS,
  },
  { heading: 'One teleportation at initialisation', tuned: true },
)
