import type { Scale } from '../figure.js'
import { PAPER, QUICK, type TrainingSettings } from '../training/settings.js'

export const SETTINGS: Readonly<Record<Scale, TrainingSettings>> = {
  paper: { ...PAPER, initializations: ['Gaussian', 'Xavier'] },
  quick: { ...QUICK, initializations: ['Gaussian', 'Xavier'], learningRates: [0.01], momenta: [0.9] },
}
