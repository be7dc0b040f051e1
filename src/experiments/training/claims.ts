import type { Claim } from '../claims/claim.js'
import { claimOf } from '../claims/claim-of.js'
import {
  atTheEnd,
  type Contrast,
  differences,
  overEpochs,
  type Pair,
  pairsOf,
  type Statistic,
  timedDifferences,
  tunedOf,
  tunedPairs,
} from './compare.js'
import { chanceOf, conditionId, datasetName, networkText, optimizerText } from './labels.js'
import { type Condition, conditionsOf, hasDiverged, type TrainedRun } from './runs.js'
import { NO_TELEPORTATION, type TrainingSettings } from './settings.js'

/** A figure's name, and where the paper says what is tested. */
export interface Source {
  readonly figure: string
  readonly section: string
}

export const UNIT = 'seed'

/** The rule for runs that failed, and how many there are of a comparison. */
export function failureNote(pairs: readonly Pair[]): string | undefined {
  const runs = pairs.flatMap(({ run, twin }) => [run, twin]).filter((run) => run !== undefined)
  const diverged = runs.filter(hasDiverged).length
  const others = runs.filter((run) => run.failed !== undefined && !hasDiverged(run)).length
  const notes = [
    ...(diverged > 0
      ? [`${diverged} of ${runs.length} runs diverged: their accuracy counts as 0 from there on, the worst there is`]
      : []),
    ...(others > 0 ? [`${others} of ${runs.length} runs failed for another reason: their pairs are left out`] : []),
  ]
  return notes.length > 0 ? notes.join('; ') : undefined
}

function withNote(...notes: readonly (string | undefined)[]): { readonly note?: string } {
  const note = notes.filter((part) => part !== undefined).join('; ')
  return note === '' ? {} : { note }
}

/** By a speed-up the area under the curve of accuracy over epochs is meant. */
export const SPEED = 'mean over the epochs of the validation accuracy'

/** That an arm learns faster than no teleportation; one claim for each condition. */
export function speedClaims(
  runs: readonly TrainedRun[],
  settings: TrainingSettings,
  source: Source,
  contrast: Contrast,
): Claim[] {
  return armClaims(runs, source, contrast, overEpochs(settings.epochs), (condition) => ({
    id: `${source.figure}/${conditionId(condition)}`,
    claim: `One ${contrast.arm} at initialisation speeds up the training of ${placeOf(condition)}.`,
    measured: SPEED,
  }))
}

/** That it also ends better, which is another thing. */
export function finalClaims(
  runs: readonly TrainedRun[],
  settings: TrainingSettings,
  source: Source,
  contrast: Contrast,
): Claim[] {
  return armClaims(runs, source, contrast, atTheEnd(settings.epochs), (condition) => ({
    id: `${source.figure}/${conditionId(condition)}/final`,
    claim: `With one ${contrast.arm} at initialisation, ${placeOf(condition)} ends more accurate after ${settings.epochs} epochs.`,
    measured: 'validation accuracy after the last epoch',
    note: 'secondary: to be fast is not to end well',
  }))
}

/** That a statistic of an arm is greater than with no teleportation; one claim for each condition. */
function armClaims(
  runs: readonly TrainedRun[],
  { figure, section }: Source,
  contrast: Contrast,
  statistic: Statistic,
  saying: (condition: Condition) => {
    readonly id: string
    readonly claim: string
    readonly measured: string
    readonly note?: string
  },
): Claim[] {
  return conditionsOf(runs).map((condition) => {
    const pairs = pairsOf(runs, condition, contrast)
    const { id, claim, measured, note } = saying(condition)
    return claimOf({
      ...{ id, figure, claim, section },
      statistic: `${measured}, ${contrast.arm} − ${NO_TELEPORTATION}, the same seed (percentage points)`,
      side: 'above',
      threshold: 0,
      samples: differences(pairs, statistic),
      unit: UNIT,
      paired: true,
      ...withNote(note, failureNote(pairs)),
    })
  })
}

const TUNED_NOTE =
  'each arm with the learning rate that has the best mean on the other seeds; selection and report share validation images, which flatters both arms alike'

/** That it is faster where each arm has the learning rate that suits it best: by epochs, and by training time. */
export function tunedClaims(
  runs: readonly TrainedRun[],
  settings: TrainingSettings,
  source: Source,
  contrast: Contrast,
): Claim[] {
  return tunedOf(conditionsOf(runs)).flatMap((tuned) => {
    const { condition } = tuned
    const statistic = overEpochs(settings.epochs)
    const pairs = tunedPairs(runs, tuned, contrast, statistic)
    const where = `${networkText(condition)} on ${datasetName(condition.dataset)} (momentum ${condition.momentum})`
    const shared = {
      figure: source.figure,
      section: source.section,
      side: 'above',
      threshold: 0,
      unit: UNIT,
      paired: true,
      ...withNote(TUNED_NOTE, failureNote(pairs)),
    } as const
    return [
      claimOf({
        ...shared,
        id: `${source.figure}/${conditionId(condition)}`,
        claim: `One ${contrast.arm} at initialisation speeds up the training of ${where} when the learning rate is tuned for each arm.`,
        statistic: `${SPEED}, ${contrast.arm} − ${NO_TELEPORTATION}, each with its own learning rate (percentage points)`,
        samples: differences(pairs, statistic),
      }),
      claimOf({
        ...shared,
        id: `${source.figure}/${conditionId(condition)}/wall-clock`,
        claim: `It does so by wall-clock time too: ${where}, the learning rate tuned for each arm.`,
        statistic: `mean over training time of the validation accuracy, as long as the faster run took, ${contrast.arm} − ${NO_TELEPORTATION} (percentage points)`,
        samples: timedDifferences(pairs, chanceOf(condition.dataset)),
      }),
    ]
  })
}

/** `MLP 5×500 on CIFAR-10 (lr 0.01, momentum 0.9)`. */
export function placeOf(condition: Condition): string {
  return `${networkText(condition)} on ${datasetName(condition.dataset)} (${optimizerText(condition)})`
}
