import type { Figure } from '../figure.js'
import { claimsOf } from './claims.js'
import { cellsOf, type Fig2Row } from './compute.js'
import { plotsOf } from './plot.js'
import { type Fig2Settings, SETTINGS } from './settings.js'

/** The level set of the loss; README.md beside this file. */
export const fig2: Figure<Fig2Settings, Fig2Row> = {
  name: 'fig2',
  title: 'Far away on the same level of the loss',
  question: 'Does a teleportation keep the loss, however far it goes?',
  settings: SETTINGS,
  cells: cellsOf,
  plots: plotsOf,
  claims: claimsOf,
}
