import type { Figure } from '../figure.js'
import { claimsOf } from './claims.js'
import { cellsOf, type Fig10Row } from './compute.js'
import { plotsOf } from './plot.js'
import { type Fig10Settings, SETTINGS } from './settings.js'

/** Weights before and after a teleportation; README.md beside this file. */
export const fig10: Figure<Fig10Settings, Fig10Row> = {
  name: 'fig10',
  title: 'Weights before and after a teleportation',
  question: 'What does a teleportation make of the distribution of weights?',
  settings: SETTINGS,
  needs: [],
  cells: cellsOf,
  plots: plotsOf,
  claims: claimsOf,
}
