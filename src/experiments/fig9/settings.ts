import type { Scale } from '../figure.js'
import {
  NO_TELEPORTATION,
  PAPER,
  PSEUDO_TELEPORTATION,
  QUICK,
  TELEPORTATION,
  type TrainingSettings,
} from '../training/settings.js'

const ARMS = [NO_TELEPORTATION, TELEPORTATION, PSEUDO_TELEPORTATION] as const

/** Runs that fig6 trains too are trained once. */
export const SETTINGS: Readonly<Record<Scale, TrainingSettings>> = {
  paper: { ...PAPER, arms: ARMS },
  quick: { ...QUICK, arms: ARMS, learningRates: [0.01] },
}
