import type { Claim } from '../claims/claim.js'
import { claimOf } from '../claims/claim-of.js'
import { ALL, type Fig10Row } from './compute.js'
import type { Fig10Settings } from './settings.js'

export function claimsOf(rows: readonly Fig10Row[], { initializers }: Fig10Settings): readonly Claim[] {
  return initializers.flatMap((initializer) => {
    const here = rows.filter((row) => row.initializer === initializer && row.layer === ALL)
    const name = initializer === 'default' ? 'PyTorch’s default (uniform)' : initializer
    const common = { figure: 'fig10', section: 'figure 10', unit: 'seed', side: 'above', threshold: 0 } as const
    return [
      claimOf({
        ...common,
        id: `fig10/${initializer}/spread`,
        claim: `A teleportation spreads the weights of an MLP with ${name} initialisation.`,
        statistic: 'ln of the standard deviation of all weights after − before the teleportation',
        samples: here.map(({ deviation, movedDeviation }) => Math.log(movedDeviation / deviation)),
        paired: true,
      }),
      claimOf({
        ...common,
        id: `fig10/${initializer}/tails`,
        claim: `Its tails become heavier with ${name} initialisation.`,
        statistic: 'kurtosis of all weights after − before the teleportation',
        samples: here.map(({ kurtosis, movedKurtosis }) => movedKurtosis - kurtosis),
        paired: true,
      }),
    ]
  })
}
