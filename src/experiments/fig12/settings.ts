import type { Scale } from '../figure.js'
import { type JumpSettings, PAPER_JUMP, QUICK_JUMP } from '../training/settings.js'

const RANGES = [0.5, 0.7, 0.9]

/** Runs that fig11 trains too are trained once. */
export const SETTINGS: Readonly<Record<Scale, JumpSettings>> = {
  paper: { ...PAPER_JUMP, ranges: RANGES },
  quick: { ...QUICK_JUMP, ranges: RANGES, networks: ['MLP 5×100', 'DenseNet 1-1-1-1, width 1/4'] },
}
