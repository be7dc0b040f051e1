import { TOLERANCES } from '../../teleport/verify-tolerance.js'
import type { Claim } from '../claims/claim.js'
import { claimOf, maximumClaim } from '../claims/claim-of.js'
import { type Fig2Row, STATES } from './compute.js'

const COMMON = { figure: 'fig2', section: '§4.2', unit: 'teleportation' } as const

export function claimsOf(rows: readonly Fig2Row[]): readonly Claim[] {
  return STATES.flatMap((state) => {
    const here = rows.filter((row) => row.state === state)
    const moved = here.filter(({ move }) => move === 'teleportation')
    const exact = here.filter(({ move }) => move === 'exact teleportation')
    const pairs = here
      .filter(({ move }) => move === 'pseudo-teleportation')
      .flatMap((pseudo) => {
        const pair = moved.find(
          (row) => row.seed === pseudo.seed && row.range === pseudo.range && row.sampling === pseudo.sampling,
        )
        // Smaller ranges share their seeds with the largest, and so their random numbers: they are shown, not tested.
        return pair === undefined || pair.sampling === 'intra' ? [] : [[pair, pseudo] as const]
      })
    return [
      maximumClaim({
        ...COMMON,
        id: `fig2/${state}/function`,
        claim: `A teleportation preserves the function of a network ${state}.`,
        statistic: 'max|logit at V − logit at W| ÷ max|logit at W| over the images, the worst teleportation',
        samples: moved.map(({ logitError }) => logitError),
        side: 'below',
        threshold: TOLERANCES.float32,
        note: 'what single precision leaves of an equality; the tolerance of teleport verify',
      }),
      maximumClaim({
        ...COMMON,
        id: `fig2/${state}/exact`,
        claim: `With factors that are powers of two every loss of a network ${state} is the same, bit for bit.`,
        statistic: 'mean |ΔL| over the images where all logits are identical, else infinite; the worst teleportation',
        samples: exact.map(({ identical, lossDifference }) => (identical ? lossDifference : Infinity)),
        side: 'below',
        threshold: 0,
      }),
      claimOf({
        ...COMMON,
        id: `fig2/${state}/level set`,
        claim: `It is the direction, not the distance, that keeps the loss of a network ${state}: a random move as far changes it more.`,
        statistic: 'log₁₀ of mean |ΔL| of the pseudo-teleportation − log₁₀ of the teleportation’s (decades)',
        samples: pairs.map(([pair, pseudo]) => Math.log10(pseudo.lossDifference / pair.lossDifference)),
        paired: true,
        unit: 'pair of moves',
        side: 'above',
        threshold: 0,
        note: 'draws for one network',
      }),
    ]
  })
}
