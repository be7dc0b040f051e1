import type { Claim } from '../claims/claim.js'
import { claimOf, maximumClaim, trendClaim } from '../claims/claim-of.js'
import { expectedGrowth } from '../fig5/expectation.js'
import { byRange, distanceGrowth, NEAR, sharpnessByPair, sharpnessByRange } from './measures.js'
import { failedText, type Fig4Row, linesOf, sharpnessOf } from './rows.js'
import type { Fig4Settings } from './settings.js'

const SECTION = 'figure 4'
const BEYOND = 'beyond the paper'
/** What Lanczos’ method is asked for: an eigenvalue may be off by this part. */
const NUMERICAL = 0.01

export function claimsOf(rows: readonly Fig4Row[], settings: Fig4Settings): Claim[] {
  const sharpness = sharpnessOf(rows)
  const failed = failedText(rows).trim()
  const note = noteOf(failed)
  const largest = Math.max(0, ...settings.ranges)
  const farther = distanceGrowth(sharpness, largest)
  const line = noteOf(
    farther === null
      ? ''
      : `in units of α, as in the paper, and a unit is a longer way at σ = ${largest}: ‖B − A‖ is ${farther.toFixed(2)} times as long`,
    failed,
  )
  const trend = { figure: 'fig4', section: SECTION, threshold: 0, measure: 'slope' } as const
  const unsure = sharpness.filter(({ converged }) => !converged).length
  const eigenvalues = unsure > 0 ? `${unsure} of ${sharpness.length} eigenvalues not found to the tolerance` : ''
  const invariants = (['scaledEigenvalue', 'weightCurvature'] as const).flatMap((measure) =>
    sharpnessByRange(sharpness, measure).flatMap(({ x, y }) =>
      y.filter((_, i) => x[i] !== 0).map((value) => Math.abs(Math.exp(value) - 1)),
    ),
  )
  return [
    maximumClaim({
      id: 'fig4/same function',
      figure: 'fig4',
      claim: 'Teleported minima have the loss that they had',
      section: SECTION,
      statistic: '|training loss ÷ that before − 1| at α = 0 and 1',
      side: 'below',
      threshold: 1e-4,
      samples: changesAtEnds(rows),
      unit: 'teleported minimum',
      ...note,
    }),
    trendClaim({
      ...trend,
      id: 'fig4/minima',
      claim: 'The minima become sharper on the line between them as σ grows',
      statistic: `rise of ln(training loss) from both minima to ±${NEAR} in α, slope by σ`,
      side: 'above',
      series: byRange(rows, 'rise'),
      unit: 'pair of minima',
      ...line,
    }),
    trendClaim({
      ...trend,
      id: 'fig4/loss on the line',
      claim: 'The loss between and beyond the minima grows with σ',
      statistic: 'mean of ln(training loss) over α from −0.5 to 1.5, slope by σ',
      side: 'above',
      series: byRange(rows, 'height'),
      unit: 'pair of minima',
      ...line,
    }),
    trendClaim({
      ...trend,
      id: 'fig4/accuracy on the line',
      claim: 'The accuracy between and beyond the minima falls with σ',
      statistic: 'mean of the training accuracy over α from −0.5 to 1.5, slope by σ',
      side: 'below',
      series: byRange(rows, 'accuracy'),
      unit: 'pair of minima',
      ...line,
    }),
    trendClaim({
      ...trend,
      id: 'fig4/eigenvalue',
      claim: 'The largest eigenvalue of the Hessian grows with σ',
      statistic: 'ln of the largest eigenvalue ÷ that at σ = 0, mean of both minima, slope by σ',
      side: 'above',
      series: sharpnessByPair(sharpness, 'eigenvalue'),
      unit: 'pair of minima',
      ...noteOf('by construction: the Hessian is one in other coordinates', eigenvalues, failed),
    }),
    maximumClaim({
      id: 'fig4/invariant sharpness',
      figure: 'fig4',
      claim: 'Sharpness in coordinates that are scaled by the weights stays the same',
      section: BEYOND,
      statistic: '|sharpness ÷ that at σ = 0 − 1|: largest eigenvalue of D·H·D, curvature along |w| ⊙ ξ',
      side: 'below',
      threshold: NUMERICAL,
      samples: invariants,
      unit: 'teleported minimum and measure',
      ...noteOf(eigenvalues, failed),
    }),
    claimOf({
      id: 'fig4/filter-normalised sharpness',
      figure: 'fig4',
      claim: 'Sharpness along filter-normalised directions stays the same',
      section: BEYOND,
      statistic: `ln of the curvature ÷ that at σ = 0, mean of both minima, σ = ${largest}`,
      side: 'within',
      expected: 0,
      threshold: 0.1,
      samples: sharpnessByPair(sharpness, 'filterCurvature').flatMap(({ x, y }) => {
        const at = x.indexOf(largest)
        return at < 0 ? [] : [y[at]]
      }),
      unit: 'pair of minima',
      ...noteOf(
        `the scale of the neurons that a filter reads stays in: the expectation of (τ_in/τ_out)² has ln ${Math.log(expectedGrowth(largest)).toFixed(2)}`,
        failed,
      ),
    }),
  ]
}

function noteOf(...parts: readonly string[]): { readonly note?: string } {
  const note = parts.filter((part) => part !== '').join('. ')
  return note === '' ? {} : { note }
}

/** Relative changes of the training loss at both ends of every line; an infinite one is one. */
function changesAtEnds(rows: readonly Fig4Row[]): number[] {
  const ends = linesOf(rows).filter(({ alpha }) => alpha === 0 || alpha === 1)
  return ends
    .filter(({ range }) => range > 0)
    .map(({ pair, alpha, trainLoss }) => {
      const before = ends.find((row) => row.range === 0 && row.pair === pair && row.alpha === alpha)?.trainLoss
      return before === null || before === undefined || trainLoss === null ? Infinity : Math.abs(trainLoss / before - 1)
    })
}
