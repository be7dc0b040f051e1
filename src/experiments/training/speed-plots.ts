import type { Plot } from '../figure.js'
import { differences, overEpochs, pairsOf, tunedOf, tunedPairs } from './compare.js'
import { datasetName, networkText, optimizerText } from './labels.js'
import { byDataset, contrastsOf, curvePlots, type Difference, differencePlot, labelsOf } from './plots.js'
import { conditionsOf, type TrainedRun } from './runs.js'
import { NO_TELEPORTATION, type TrainingSettings } from './settings.js'

export interface SpeedPlotsOptions {
  /** The figure's. */
  readonly name: string
  readonly title: string
  /** Also with the learning rate tuned for each arm. Default false. */
  readonly tuned?: boolean
}

/** What figures about speed show: accuracy over epochs and over time, loss, and the differences between arms. */
export function speedPlots(
  runs: readonly TrainedRun[],
  settings: TrainingSettings,
  { name, title, tuned = false }: SpeedPlotsOptions,
): Plot[] {
  return [
    ...curvePlots(name, title, runs, settings, 'accuracy'),
    ...curvePlots(`${name}-loss`, `${title}: training loss`, runs, settings, 'loss'),
    ...curvePlots(`${name}-seconds`, `${title}: by wall-clock time`, runs, settings, 'seconds'),
    ...differencePlots(runs, settings, name, title, tuned),
  ]
}

function differencePlots(
  runs: readonly TrainedRun[],
  settings: TrainingSettings,
  name: string,
  title: string,
  tuned: boolean,
): Plot[] {
  return byDataset(`${name}-differences`, runs, settings).map(({ plot, dataset, own }) => ({
    name: plot,
    svg: differencePlot([...differencesOf(own, settings), ...(tuned ? tunedDifferences(own, settings) : [])], {
      title: `${title}: differences, ${datasetName(dataset)}`,
      label: 'difference of mean accuracy (points)',
      legend: labelsOf(settings).filter((label) => label !== NO_TELEPORTATION),
    }),
    caption: `How much greater the validation accuracy is than without a teleportation, mean over the epochs (the area under the curve), in percentage points, paired by seed; bars: 95 % t-intervals. Right of the line training is faster with it.${tuned ? ' Tuned: each arm with the learning rate that is best for it on the other seeds.' : ''}`,
  }))
}

function differencesOf(runs: readonly TrainedRun[], settings: TrainingSettings): Difference[] {
  return conditionsOf(runs).flatMap((condition) =>
    contrastsOf(settings).map(({ series, ...contrast }) => ({
      panel: networkText(condition),
      series,
      at: optimizerText(condition),
      samples: differences(pairsOf(runs, condition, contrast), overEpochs(settings.epochs)),
    })),
  )
}

function tunedDifferences(runs: readonly TrainedRun[], settings: TrainingSettings): Difference[] {
  const statistic = overEpochs(settings.epochs)
  return tunedOf(conditionsOf(runs)).flatMap((tuned) =>
    contrastsOf(settings).map(({ series, ...contrast }) => ({
      panel: networkText(tuned.condition),
      series,
      at: `lr tuned, momentum ${tuned.condition.momentum}`,
      samples: differences(tunedPairs(runs, tuned, contrast, statistic), statistic),
    })),
  )
}
