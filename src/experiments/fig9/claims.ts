import type { Claim } from '../claims/claim.js'
import { claimOf } from '../claims/claim-of.js'
import { failureNote, placeOf, SPEED, UNIT } from '../training/claims.js'
import { differences, overEpochs, type Pair, pairsOf } from '../training/compare.js'
import { conditionId } from '../training/labels.js'
import { conditionsOf, type TrainedRun } from '../training/runs.js'
import { NO_TELEPORTATION, PSEUDO_TELEPORTATION, TELEPORTATION, type TrainingSettings } from '../training/settings.js'

/**
 * A speed-up smaller than this, in percentage points, is none. That something is not above 0 cannot be shown by data; that it is not above a margin
 * can, and with too few runs the interval reaches over it: undecided.
 */
const MARGIN = 1

/** That a pseudo-teleportation does not speed training up, and that a teleportation does so more than it. */
export function pseudoClaims(runs: readonly TrainedRun[], settings: TrainingSettings): Claim[] {
  const statistic = overEpochs(settings.epochs)
  return conditionsOf(runs).flatMap((condition) =>
    settings.ranges.flatMap((range) => {
      const id = `fig9/${conditionId(condition)}${settings.ranges.length > 1 ? `/σ ${range}` : ''}`
      const shared = (pairs: readonly Pair[]) => ({
        figure: 'fig9',
        section: 'figure 9',
        unit: UNIT,
        paired: true,
        samples: differences(pairs, statistic),
      })
      const toNone = pairsOf(runs, condition, { arm: PSEUDO_TELEPORTATION, range })
      const toPseudo = pairsOf(runs, condition, { arm: TELEPORTATION, range, baseline: PSEUDO_TELEPORTATION })
      const margin = `a speed-up of less than ${MARGIN} percentage point counts as none`
      return [
        claimOf({
          ...shared(toNone),
          id,
          claim: `One ${PSEUDO_TELEPORTATION} at initialisation does not speed up the training of ${placeOf(condition)}.`,
          statistic: `${SPEED}, ${PSEUDO_TELEPORTATION} − ${NO_TELEPORTATION}, the same seed (percentage points)`,
          side: 'below',
          threshold: MARGIN,
          note: [margin, failureNote(toNone)].filter(Boolean).join('; '),
        }),
        ...(settings.arms.includes(TELEPORTATION)
          ? [
              claimOf({
                ...shared(toPseudo),
                id: `${id}/beside teleportation`,
                claim: `A ${TELEPORTATION} speeds up the training of ${placeOf(condition)} more than a ${PSEUDO_TELEPORTATION} does.`,
                statistic: `${SPEED}, ${TELEPORTATION} − ${PSEUDO_TELEPORTATION}, the same seed (percentage points)`,
                side: 'above',
                threshold: 0,
                note: failureNote(toPseudo) ?? '',
              }),
            ]
          : []),
      ]
    }),
  )
}
