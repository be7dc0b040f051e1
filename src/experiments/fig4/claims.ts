import type { Claim } from '../claims/claim.js'
import { claimOf, maximumClaim, trendClaim } from '../claims/claim-of.js'
import { byRange, NEAR, sharpnessByRange } from './measures.js'
import { failedText, type Fig4Row, linesOf, sharpnessOf } from './rows.js'
import type { Fig4Settings } from './settings.js'

const SECTION = '§4'
const BEYOND = '§4, beyond the paper'
/** What Lanczos’ method is asked for: an eigenvalue may be off by this part. */
const NUMERICAL = 0.01

export function claimsOf(rows: readonly Fig4Row[], settings: Fig4Settings): Claim[] {
  const sharpness = sharpnessOf(rows)
  const failed = failedText(rows).trim()
  const note = failed === '' ? {} : { note: failed }
  const trend = { figure: 'fig4', section: SECTION, threshold: 0, measure: 'slope', ...note } as const
  const largest = Math.max(0, ...settings.ranges)
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
    }),
    trendClaim({
      ...trend,
      id: 'fig4/loss on the line',
      claim: 'The loss between and beyond the minima grows with σ',
      statistic: 'mean of ln(training loss) over α from −0.5 to 1.5, slope by σ',
      side: 'above',
      series: byRange(rows, 'height'),
      unit: 'pair of minima',
    }),
    trendClaim({
      ...trend,
      id: 'fig4/accuracy on the line',
      claim: 'The accuracy between and beyond the minima falls with σ',
      statistic: 'mean of the training accuracy over α from −0.5 to 1.5, slope by σ',
      side: 'below',
      series: byRange(rows, 'accuracy'),
      unit: 'pair of minima',
    }),
    trendClaim({
      ...trend,
      id: 'fig4/eigenvalue',
      claim: 'The largest eigenvalue of the Hessian grows with σ',
      statistic: 'ln of the largest eigenvalue ÷ that at σ = 0, slope by σ',
      side: 'above',
      series: sharpnessByRange(sharpness, 'eigenvalue'),
      unit: 'minimum',
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
      ...note,
    }),
    claimOf({
      id: 'fig4/filter-normalised sharpness',
      figure: 'fig4',
      claim: 'Sharpness along filter-normalised directions stays the same',
      section: BEYOND,
      statistic: `ln of the curvature ÷ that at σ = 0, σ = ${largest}`,
      side: 'within',
      expected: 0,
      threshold: 0.1,
      samples: sharpnessByRange(sharpness, 'filterCurvature').flatMap(({ x, y }) => {
        const at = x.indexOf(largest)
        return at < 0 ? [] : [y[at]]
      }),
      unit: 'minimum',
      note: [
        `the scale of the neurons that a filter reads stays in: the expectation of (τ_in/τ_out)² has ln ${Math.log((1 + largest ** 2 / 3) / (1 - largest ** 2)).toFixed(2)}`,
        failed,
      ]
        .filter((part) => part !== '')
        .join('. '),
    }),
  ]
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
