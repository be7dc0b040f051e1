import type { Scale } from '../figure.js'
import { PAPER, QUICK, type TrainingSettings } from '../training/settings.js'

export const SETTINGS: Readonly<Record<Scale, TrainingSettings>> = { paper: PAPER, quick: QUICK }
