import type { Figure } from '../figure.js'
import { claimsOf } from './claims.js'
import { cellsOf } from './compute.js'
import { plotsOf } from './plot.js'
import type { Fig4Row } from './rows.js'
import { type Fig4Settings, SETTINGS } from './settings.js'
import { sweepOf } from './sweep.js'

/** The line between two minima; README.md beside this file. */
export const fig4: Figure<Fig4Settings, Fig4Row> = {
  name: 'fig4',
  title: 'Between two minima',
  question: 'Do minima become sharper where a network is teleported?',
  settings: SETTINGS,
  sweep: sweepOf,
  cells: cellsOf,
  plots: plotsOf,
  claims: claimsOf,
}
