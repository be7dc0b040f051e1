import type { Row } from '../figure.js'

/** `none`: as they are; `own`: both minima teleported, each by a CoB of its own, as in the paper; `one`: both by one CoB. */
export type Cobs = 'none' | 'own' | 'one'

interface Place extends Row {
  /** The seed of minimum A; that of B is the next. */
  readonly pair: number
  /** σ; 0 where nothing is teleported. */
  readonly range: number
  readonly cobs: Cobs
  /** Which of the teleportations. */
  readonly draw: number
}

/** Loss and accuracy at a place on the line (1 − α)·A + α·B. */
export interface LineRow extends Place {
  readonly kind: 'line'
  readonly alpha: number
  /** Mean cross-entropy; null where it is not finite. */
  readonly trainLoss: number | null
  /** A fraction of 1. */
  readonly trainAccuracy: number
  readonly testLoss: number | null
  readonly testAccuracy: number
}

/** How sharp the training loss is at a minimum. */
export interface SharpnessRow extends Place {
  readonly kind: 'sharpness'
  readonly minimum: 'A' | 'B'
  /** The largest eigenvalue of the Hessian H. */
  readonly eigenvalue: number
  /** The largest eigenvalue of D·H·D, D = diag(|w|). */
  readonly scaledEigenvalue: number
  /** Mean of uᵀHu over random directions u, normalised as long as the weights of each neuron (Li et al. 2018). */
  readonly filterCurvature: number
  /** The same with u = |w| ⊙ ξ, ξ normal. */
  readonly weightCurvature: number
  /** Both eigenvalues were found to the tolerance. */
  readonly converged: boolean
  /** ‖B − A‖ of the two minima. */
  readonly distance: number
}

/** A pair whose training failed. */
export interface FailedRow extends Place {
  readonly kind: 'failed'
  readonly reason: string
}

export type Fig4Row = LineRow | SharpnessRow | FailedRow

export const linesOf = (rows: readonly Fig4Row[]): LineRow[] =>
  rows.filter((row): row is LineRow => row.kind === 'line')

export const sharpnessOf = (rows: readonly Fig4Row[]): SharpnessRow[] =>
  rows.filter((row): row is SharpnessRow => row.kind === 'sharpness')

/** Of pairs that are missing, for captions and notes; empty if none is. */
export function failedText(rows: readonly Fig4Row[]): string {
  const failed = rows.flatMap((row) => (row.kind === 'failed' ? [`the pair of seed ${row.pair}: ${row.reason}`] : []))
  return failed.length === 0 ? '' : ` Failed: ${failed.join('; ')}.`
}
