import type { Scale } from '../figure.js'
import { PAPER, QUICK, type TrainingSettings } from '../training/settings.js'

const ACTIVATIONS = ['leakyRelu', 'tanh', 'elu']

/** Of the MLP alone, as in the paper. At `quick` it is cheap enough for the paper's five seeds. */
export const SETTINGS: Readonly<Record<Scale, TrainingSettings>> = {
  paper: { ...PAPER, networks: ['MLP 5×500'], activations: ACTIVATIONS },
  quick: { ...QUICK, networks: ['MLP 5×100'], activations: ACTIVATIONS, seeds: 5 },
}
