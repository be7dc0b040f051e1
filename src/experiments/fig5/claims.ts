import type { Claim } from '../claims/claim.js'
import { maximumClaim, trendClaim } from '../claims/claim-of.js'
import type { Fig5Row } from './compute.js'
import { expectedGrowth } from './expectation.js'
import type { Fig5Settings } from './settings.js'

/** How far a slope by the expectation may be from 1: a twentieth. */
const FACTOR_TOLERANCE = 0.05
/** Batch statistics of eight images magnify the rounding of single precision; the tolerance of `teleport gradients`. */
const ELEMENT_TOLERANCE = 1e-2
const NORM_TOLERANCE = 1e-3
const ONE_NETWORK =
  'draws for one initialisation and one batch; those of one number share their random numbers over all σ'

export function claimsOf(rows: readonly Fig5Row[], { networks, samplings }: Fig5Settings): readonly Claim[] {
  return networks.flatMap((network) => [
    ...theoremClaims(
      network,
      rows.filter((row) => row.network === network),
    ),
    ...samplings.flatMap((sampling) => {
      const here = rows.filter((row) => row.network === network && row.sampling === sampling)
      const draws = [...new Set(here.map(({ teleportation }) => teleportation))]
      const ofDraw = draws.map((draw) => here.filter(({ teleportation }) => teleportation === draw))
      const common = { figure: 'fig5', section: 'figure 5', unit: 'teleportation' } as const
      const expected = { measure: 'slope', side: 'within', expected: 1, threshold: FACTOR_TOLERANCE } as const
      return [
        trendClaim({
          ...common,
          id: `fig5/${network}/${sampling}/rises`,
          claim: `The normalised gradient of ${network} changes more as σ grows (${sampling}).`,
          statistic: 'Spearman’s correlation of | ‖∇W‖/‖W‖ − ‖∇V‖/‖V‖ | with σ',
          series: ofDraw.map((rows) => ({
            x: rows.map(({ range }) => range),
            y: rows.map(({ normalizedDifference }) => normalizedDifference),
          })),
          measure: 'rank',
          side: 'above',
          threshold: 0,
          note: ONE_NETWORK,
        }),
        // Slopes, since at small σ nothing changes whatever the factor is: a mean over σ would hide what happens at large ones.
        trendClaim({
          ...common,
          ...expected,
          id: `fig5/${network}/${sampling}/factor`,
          claim: `Squared gradients of ${network} between hidden neurons grow by (1 + σ²/3)/(1 − σ²) (${sampling}).`,
          statistic: '‖∇V‖²/‖∇W‖² over those weights: slope over σ by its expectation',
          series: ofDraw.map((rows) => ({
            x: rows.map(({ range }) => expectedGrowth(range)),
            y: rows.map(({ squaredGrowth }) => squaredGrowth),
          })),
          note: ONE_NETWORK,
        }),
        trendClaim({
          ...common,
          ...expected,
          id: `fig5/${network}/${sampling}/difference`,
          claim: `The normalised gradient of ${network} changes as much as expected squares of gradients and weights say (${sampling}).`,
          statistic: '| ‖∇W‖/‖W‖ − ‖∇V‖/‖V‖ |: slope over σ by the same of the roots of expected ‖∇V‖² and ‖V‖²',
          series: ofDraw.map((rows) => ({
            x: rows.map(({ expectedDifference }) => expectedDifference),
            y: rows.map(({ normalizedDifference }) => normalizedDifference),
          })),
          note: ONE_NETWORK,
        }),
      ]
    }),
  ])
}

function theoremClaims(network: string, rows: readonly Fig5Row[]): readonly Claim[] {
  const common = { figure: 'fig5', section: 'Theorem 2', unit: 'teleportation', side: 'below' } as const
  return [
    maximumClaim({
      ...common,
      id: `fig5/${network}/Theorem 2`,
      claim: `Gradients of ${network} scale as Theorem 2 says: ∇V = (1/τ_out) · ∇W · τ_in.`,
      statistic: 'max|∇V − Theorem 2’s| ÷ max|Theorem 2’s|, the worst tensor of the worst teleportation',
      samples: rows.flatMap(({ theoremError }) => (theoremError === null ? [] : [theoremError])),
      threshold: ELEMENT_TOLERANCE,
      note: 'with batch statistics; what is above the tolerance is single precision’s, where a neuron near 0 changes sides: with factors that are powers of two the gradients agree bit for bit (teleport gradients --training --check --exact)',
    }),
    maximumClaim({
      ...common,
      id: `fig5/${network}/Theorem 2, norms`,
      claim: `The norm of the gradient of ${network} is Theorem 2’s at every V.`,
      statistic: '| ‖∇V‖ ÷ Theorem 2’s − 1 |, the worst teleportation',
      samples: rows.map((row) => Math.abs(row.movedGradientNorm / row.predictedGradientNorm - 1)),
      threshold: NORM_TOLERANCE,
      note: 'with batch statistics',
    }),
  ]
}
