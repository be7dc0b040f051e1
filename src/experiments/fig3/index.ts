import type { Figure } from '../figure.js'
import { claimsOf } from './claims.js'
import { cellsOf } from './compute.js'
import { plotsOf } from './plot.js'
import type { Fig3Row } from './rows.js'
import { type Fig3Settings, SETTINGS } from './settings.js'

/** Micro-teleportations and gradients; README.md beside this file. */
export const fig3: Figure<Fig3Settings, Fig3Row> = {
  name: 'fig3',
  title: 'Micro-teleportations and gradients',
  question: 'Is a micro-teleportation perpendicular to the gradient?',
  settings: SETTINGS,
  cells: cellsOf,
  plots: plotsOf,
  claims: claimsOf,
}
