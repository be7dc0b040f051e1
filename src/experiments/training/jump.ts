import type { Claim } from '../claims/claim.js'
import { claimOf, type Sample, trendClaim } from '../claims/claim-of.js'
import type { Plot } from '../figure.js'
import { failureNote, placeOf, type Source, UNIT } from './claims.js'
import { differences, type Pair, pairsOf, type Statistic } from './compare.js'
import { conditionId, datasetName, networkText, optimizerText } from './labels.js'
import { byDataset, contrastsOf, curvePlots, type Difference, differencePlot, labelsOf } from './plots.js'
import { type Condition, conditionsOf, meanAccuracy, type TrainedRun } from './runs.js'
import { type JumpSettings, NO_TELEPORTATION, TELEPORTATION } from './settings.js'

/** The validation accuracy just after the teleportation, in per cent. */
export function justAfter({ teleportationEpoch, epochsAfter }: JumpSettings): Statistic {
  return (run) => meanAccuracy(run, teleportationEpoch + 1, teleportationEpoch + epochsAfter)
}

function afterText({ teleportationEpoch, epochsAfter }: JumpSettings): string {
  const first = teleportationEpoch + 1
  return epochsAfter === 1 ? `in epoch ${first}` : `in epochs ${first} to ${teleportationEpoch + epochsAfter}`
}

const RESET = 'the optimiser’s momentum begins at zero after the teleportation, and goes on in the twin'

/** That accuracy jumps: a claim for each condition and CoB-range. */
export function jumpClaims(runs: readonly TrainedRun[], settings: JumpSettings, source: Source): Claim[] {
  return conditionsOf(runs).flatMap((condition) =>
    settings.ranges.map((range) => {
      const pairs = pairsOf(runs, condition, { arm: TELEPORTATION, range })
      const several = settings.ranges.length > 1
      return claimOf({
        id: `${source.figure}/${conditionId(condition)}${several ? `/σ ${range}` : ''}`,
        figure: source.figure,
        claim: `After a teleportation at epoch ${settings.teleportationEpoch}${several ? `, σ = ${range},` : ''} the accuracy of ${placeOf(condition)} jumps up.`,
        section: source.section,
        statistic: `validation accuracy ${afterText(settings)}, teleported − untouched twin (percentage points)`,
        side: 'above',
        threshold: 0,
        samples: differences(pairs, justAfter(settings)),
        unit: UNIT,
        paired: true,
        note: [failureNote(pairs), ...(condition.momentum > 0 ? [RESET] : [])].filter(Boolean).join('; '),
      })
    }),
  )
}

/** That the jump grows with σ: a claim for each condition. */
export function slopeClaims(runs: readonly TrainedRun[], settings: JumpSettings, source: Source): Claim[] {
  return conditionsOf(runs).map((condition) => {
    const { ranges, pairs } = pairsByRange(runs, condition, settings)
    const jumps = pairs.map(
      (own) => new Map(own.map((pair) => [pair.seed, differences([pair], justAfter(settings))[0]])),
    )
    const seeds = [...new Set(pairs.flat().map(({ seed }) => seed))].sort((a, b) => a - b)
    return trendClaim({
      id: `${source.figure}/${conditionId(condition)}/slope`,
      figure: source.figure,
      claim: `The jump of ${placeOf(condition)} is the larger, the larger σ.`,
      section: source.section,
      statistic: `slope over σ of the jump: validation accuracy ${afterText(settings)}, teleported − untouched twin (percentage points per unit of σ)`,
      side: 'above',
      threshold: 0,
      series: seeds.map((seed) => ({ x: ranges, y: jumps.map((of): Sample => of.get(seed)) })),
      unit: UNIT,
      measure: 'slope',
      note: [failureNote(pairs.flat())].filter(Boolean).join('; '),
    })
  })
}

function pairsByRange(
  runs: readonly TrainedRun[],
  condition: Condition,
  { ranges }: JumpSettings,
): { readonly ranges: readonly number[]; readonly pairs: readonly (readonly Pair[])[] } {
  return { ranges, pairs: ranges.map((range) => pairsOf(runs, condition, { arm: TELEPORTATION, range })) }
}

/** Accuracy and loss over epochs with the teleportation marked, and how large the jumps are. */
export function jumpPlots(runs: readonly TrainedRun[], settings: JumpSettings, name: string, title: string): Plot[] {
  const marked = ` The dashed line marks the teleportation, after epoch ${settings.teleportationEpoch}: until there the runs of a seed are the same.`
  return [
    ...[
      ...curvePlots(name, title, runs, settings, 'accuracy'),
      ...curvePlots(`${name}-loss`, `${title}: training loss`, runs, settings, 'loss'),
    ].map((plot) => ({ ...plot, caption: `${plot.caption}${marked}` })),
    ...byDataset(`${name}-jumps`, runs, settings).map(({ plot, dataset, own }) => ({
      name: plot,
      svg: differencePlot(jumpDifferences(own, settings), {
        title: `${title}: the jumps, ${datasetName(dataset)}`,
        label: 'difference of accuracy (points)',
        legend: labelsOf(settings).filter((label) => label !== NO_TELEPORTATION),
      }),
      caption: `The jump: validation accuracy ${afterText(settings)}, teleported minus the same run’s untouched twin, in percentage points, paired by seed; bars: 95 % t-intervals.`,
    })),
  ]
}

function jumpDifferences(runs: readonly TrainedRun[], settings: JumpSettings): Difference[] {
  return conditionsOf(runs).flatMap((condition) =>
    contrastsOf(settings).map(({ series, ...contrast }) => ({
      panel: networkText(condition),
      series,
      at: optimizerText(condition),
      samples: differences(pairsOf(runs, condition, contrast), justAfter(settings)),
    })),
  )
}
