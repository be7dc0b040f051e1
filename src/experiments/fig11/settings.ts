import type { Scale } from '../figure.js'
import { type JumpSettings, PAPER_JUMP, QUICK_JUMP } from '../training/settings.js'

export const SETTINGS: Readonly<Record<Scale, JumpSettings>> = { paper: PAPER_JUMP, quick: QUICK_JUMP }
