import type { Claim } from '../claims/claim.js'
import type { Figure, Plot, Scale } from '../figure.js'
import { finalClaims, type Source, speedClaims, tunedClaims } from './claims.js'
import { contrastsOf } from './plots.js'
import { cellsOf, type TrainingRow } from './rows.js'
import { type TrainedRun, trainedRuns } from './runs.js'
import type { TrainingSettings } from './settings.js'
import { speedPlots } from './speed-plots.js'
import { trainingSweep } from './sweep.js'

/** What a figure says of itself. */
interface About<S extends TrainingSettings> {
  readonly name: string
  readonly title: string
  readonly question: string
  readonly settings: Readonly<Record<Scale, S>>
}

/** A figure of training: its runs are those of its settings, and what it shows is read off them. */
export function trainingFigure<S extends TrainingSettings>(
  about: About<S>,
  plots: (runs: readonly TrainedRun[], settings: S) => readonly Plot[],
  claims: (runs: readonly TrainedRun[], settings: S) => readonly Claim[],
): Figure<S, TrainingRow> {
  return {
    ...about,
    sweep: trainingSweep,
    cells: cellsOf,
    plots: (rows, settings) => plots(trainedRuns(rows), settings),
    claims: (rows, settings) => claims(trainedRuns(rows), settings),
  }
}

/**
 * A figure about the speed of training with one teleportation at initialisation.
 * @param heading of its plots
 * @param tuned also with the learning rate tuned for each arm
 */
export function speedFigure(
  about: About<TrainingSettings>,
  { heading, tuned = false }: { readonly heading: string; readonly tuned?: boolean },
): Figure<TrainingSettings, TrainingRow> {
  const { name } = about
  const source: Source = { figure: name, section: name.replace('fig', 'figure ') }
  return trainingFigure(
    about,
    (runs, settings) => speedPlots(runs, settings, { name, title: heading, tuned }),
    (runs, settings) =>
      contrastsOf(settings).flatMap((contrast) => [
        ...speedClaims(runs, settings, source, contrast),
        ...(tuned ? tunedClaims(runs, settings, source, contrast) : []),
        ...finalClaims(runs, settings, source, contrast),
      ]),
  )
}
