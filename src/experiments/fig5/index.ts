import type { Figure } from '../figure.js'
import { claimsOf } from './claims.js'
import { cellsOf, type Fig5Row } from './compute.js'
import { plotsOf } from './plot.js'
import { type Fig5Settings, SETTINGS } from './settings.js'

/** Gradients after teleportations; README.md beside this file. */
export const fig5: Figure<Fig5Settings, Fig5Row> = {
  name: 'fig5',
  title: 'Gradients after a teleportation',
  question: 'How much does a teleportation change gradients, and is it what Theorem 2 says?',
  settings: SETTINGS,
  cells: cellsOf,
  plots: plotsOf,
  claims: claimsOf,
}
