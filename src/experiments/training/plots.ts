import { bandText, type CurvePoint, overSeeds } from '../../plot/bands.js'
import { meanInterval } from '../../plot/interval.js'
import type { Mark } from '../../plot/mark.js'
import { annotation, curve, type IntervalPoint, intervals, referenceLine } from '../../plot/marks.js'
import { type Panel, panels } from '../../plot/panels.js'
import type { Sample } from '../claims/claim-of.js'
import type { Plot } from '../figure.js'
import { armLabel, datasetName, networkText, optimizerText } from './labels.js'
import { accuracyAfter, type Condition, conditionsOf, sameCondition, type TrainedRun } from './runs.js'
import { NO_TELEPORTATION, type TrainingSettings } from './settings.js'
import { armsOf } from './sweep.js'

/** What is drawn over what. */
export type Against = 'accuracy' | 'loss' | 'seconds'

const Y: Readonly<Record<Against, string>> = {
  accuracy: 'validation accuracy (%)',
  seconds: 'validation accuracy (%)',
  loss: 'training loss',
}

/** Labels of a figure's arms, in the order of the legend. */
export function labelsOf(settings: TrainingSettings): string[] {
  const byRange = settings.ranges.length > 1
  return [...new Set(armsOf(settings).map((arm) => armLabel(arm, byRange)))]
}

/** A drawing of curves for each data set: a panel for each network and optimizer. */
export function curvePlots(
  name: string,
  title: string,
  runs: readonly TrainedRun[],
  settings: TrainingSettings,
  against: Against,
): Plot[] {
  return byDataset(name, runs, settings).map(({ plot, dataset, own }) => ({
    name: plot,
    svg: panels(
      withNothing(
        conditionsOf(own).map((condition) => curvePanel(own, condition, settings, against)),
        against,
      ),
      {
        title: `${title}, ${datasetName(dataset)}`,
        columns: columnsOf(settings),
        legend: labelsOf(settings),
        panelHeight: 120,
        sharedY: against !== 'loss',
      },
    ),
    caption: `${CAPTIONS[against]} Lines: ${bandText(seedsOf(own))}.${decayText(settings)}${failuresText(own)}`,
  }))
}

const CAPTIONS: Readonly<Record<Against, string>> = {
  accuracy: 'Validation accuracy after each epoch.',
  loss: 'Training loss, the mean over each epoch.',
  seconds:
    'Validation accuracy against the time spent on training alone, without validation: nodes that a teleportation inserts cost time. Runs of other figures were trained beside these, so times are rough.',
}

/** For each data set its runs, and the name of its plot: the figure's own for the first. */
export function byDataset(
  name: string,
  runs: readonly TrainedRun[],
  settings: TrainingSettings,
): { readonly plot: string; readonly dataset: string; readonly own: readonly TrainedRun[] }[] {
  const [first] = settings.datasets
  return settings.datasets.flatMap((dataset) => {
    const own = runs.filter(({ condition }) => condition.dataset === dataset)
    return own.length === 0 && dataset !== first
      ? []
      : [{ plot: dataset === first ? name : `${name}-${dataset}`, dataset, own }]
  })
}

/** A row of panels for each network, or two. */
export function columnsOf({ learningRates, momenta }: TrainingSettings): number {
  const optimizers = learningRates.length * momenta.length
  return optimizers > 4 ? Math.ceil(optimizers / 2) : optimizers === 1 ? 4 : optimizers
}

function withNothing(drawn: readonly Panel[], against: Against): readonly Panel[] {
  return drawn.length > 0 ? drawn : [{ x: { label: xLabel(against) }, y: { label: Y[against] }, marks: [] }]
}

function xLabel(against: Against): string {
  return against === 'seconds' ? 'training time (s)' : 'epoch'
}

function curvePanel(
  runs: readonly TrainedRun[],
  condition: Condition,
  settings: TrainingSettings,
  against: Against,
): Panel {
  const own = runs.filter((run) => sameCondition(run.condition, condition))
  const failed = own.filter((run) => run.failed !== undefined)
  const { teleportationEpoch: at, epochs } = settings
  const marks: Mark[] = curvesOf(own, settings, against).map(({ label, points }) => curve(points, label))
  if (at > 0 && against !== 'seconds') marks.push(referenceLine({ x: at }))
  if (failed.length > 0) marks.push(annotation(failedText(failed, own, settings), { corner: 'top-left' }))
  return {
    title: `${networkText(condition)} · ${unbroken(optimizerText(condition))}`,
    x: { label: xLabel(against), ...(against !== 'seconds' && epochs <= 12 && { ticks: wholeNumbers(epochs) }) },
    y: { label: Y[against], ticks: 4 },
    marks,
  }
}

/** A number stays beside its name where a title is broken into lines. */
function unbroken(text: string): string {
  return text.replace(/ (?=\d)/g, '\u00a0')
}

function wholeNumbers(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1)
}

/** `2 of 3 teleported runs failed`. */
function failedText(failed: readonly TrainedRun[], own: readonly TrainedRun[], settings: TrainingSettings): string {
  const label = (run: TrainedRun) => armLabel(run, settings.ranges.length > 1)
  return [...new Set(failed.map(label))]
    .map((arm) => {
      const count = (some: readonly TrainedRun[]) => some.filter((run) => label(run) === arm).length
      return `${arm}: ${count(failed)} of ${count(own)} failed`
    })
    .join('\n')
}

function curvesOf(
  runs: readonly TrainedRun[],
  settings: TrainingSettings,
  against: Against,
): { readonly label: string; readonly points: readonly CurvePoint[] }[] {
  const labels = labelsOf(settings)
  const rows = runs.flatMap((run) => {
    const label = armLabel(run, settings.ranges.length > 1)
    const last = run.epochs.at(-1)?.epoch ?? 0
    const drawn = run.epochs.map((row) => ({
      label,
      epoch: row.epoch,
      seconds: row.seconds,
      y: against === 'loss' ? row.loss : accuracyAfter(run, row.epoch),
    }))
    if (run.failed === undefined) return drawn
    // Where one of them failed the mean ends, rather than going on with the others.
    const missing = Array.from({ length: Math.max(0, settings.epochs - last) }, (_, i) => last + 1 + i)
    return [...drawn, ...missing.map((epoch) => ({ label, epoch, seconds: null, y: null }))]
  })
  const curves = overSeeds(rows, { x: ({ epoch }) => epoch, y: ({ y }) => y, by: ({ label }) => label })
  return curves
    .sort((a, b) => labels.indexOf(a.label) - labels.indexOf(b.label))
    .map(({ label, points }) => ({
      label,
      points:
        against === 'seconds'
          ? points.flatMap((point) =>
              atMeanTime(
                point,
                rows.filter((row) => row.label === label),
              ),
            )
          : points,
    }))
}

/** A point at the mean time that its epoch ended. */
function atMeanTime(
  point: CurvePoint,
  rows: readonly { readonly epoch: number; readonly seconds: number | null }[],
): CurvePoint[] {
  const seconds = rows.flatMap((row) => (row.epoch === point.x && row.seconds !== null ? [row.seconds] : []))
  return seconds.length === 0 ? [] : [{ ...point, x: seconds.reduce((sum, each) => sum + each, 0) / seconds.length }]
}

/** A part of the paper's training that too few epochs leave out. */
function decayText({ epochs, learningRateDecayEpochs }: TrainingSettings): string {
  const reached = learningRateDecayEpochs.some((epoch) => epoch < epochs)
  return reached || learningRateDecayEpochs.length === 0
    ? ''
    : ` The learning rate stays as it is: ${epochs} epochs end before its decay, after epoch ${learningRateDecayEpochs[0]}.`
}

export function seedsOf(runs: readonly TrainedRun[]): number {
  return new Set(runs.map(({ seed }) => seed)).size
}

/** How many runs failed, for a caption. */
export function failuresText(runs: readonly TrainedRun[]): string {
  const failed = runs.filter((run) => run.failed !== undefined).length
  return failed === 0 ? '' : ` ${failed} of ${runs.length} runs failed; their lines end there.`
}

/** A difference with its interval in a forest plot. */
export interface Difference {
  readonly panel: string
  readonly series: string
  readonly at: string
  readonly samples: readonly Sample[]
}

/** A forest plot of differences, with their 95 % intervals: a panel for each `panel`, right of the line is better with teleportation. */
export function differencePlot(
  all: readonly Difference[],
  options: {
    readonly title: string
    readonly label: string
    readonly legend: readonly string[]
  },
): string {
  const names = [...new Set(all.map(({ panel }) => panel))]
  const drawn = names.map((name): Panel => {
    const own = all.filter(({ panel }) => panel === name)
    const places = [...new Set(own.map(({ at }) => at))]
    const marks = [...new Set(own.map(({ series }) => series))].map((series) =>
      intervals(own.filter((each) => each.series === series).flatMap(intervalOf), series),
    )
    return {
      title: name,
      x: { label: options.label, include: [0] },
      y: { label: '', type: 'category', domain: places },
      marks: [referenceLine({ x: 0 }), ...marks],
    }
  })
  const places = Math.max(
    1,
    ...names.map((name) => new Set(all.filter(({ panel }) => panel === name).map(({ at }) => at)).size),
  )
  return panels(drawn.length > 0 ? drawn : [{ x: { label: options.label }, y: { label: '' }, marks: [] }], {
    title: options.title,
    columns: 2,
    legend: options.legend,
    panelHeight: 50 + 30 * places,
  })
}

function intervalOf({ at, samples }: Difference): IntervalPoint[] {
  const known = samples.filter((sample): sample is number => typeof sample === 'number' && Number.isFinite(sample))
  const interval = meanInterval(known)
  if (interval === null) return []
  const { mean, low, high } = interval
  return [{ at, value: mean, ...(Number.isFinite(low) && { low, high }) }]
}

/** The arms that are compared with none. */
export function contrastsOf(
  settings: TrainingSettings,
): { readonly arm: TrainedRun['arm']; readonly range: number | null; readonly series: string }[] {
  return armsOf(settings).flatMap(({ arm, range }) =>
    arm === NO_TELEPORTATION ? [] : [{ arm, range, series: armLabel({ arm, range }, settings.ranges.length > 1) }],
  )
}
