import type { Cob } from '../cob/cob.js'
import type { Model } from '../graph/model.js'
import type { QuiverReport } from '../quiver/report.js'
import type { Moved } from './move.js'
import { terminal } from './terminal.js'
import { modelLine, movedLines, quiverLines, verifyLines } from './text.js'

/** Prints what a teleportation did, and sets the exit status. */
export function showMove(
  model: Model,
  report: QuiverReport,
  cob: Cob,
  moved: Moved,
  more: { readonly title: string; readonly data?: object; readonly notes?: readonly string[] },
): void {
  const { changes, verify, distance, output } = moved
  const { seed, sampling, range, exact } = cob.origin
  const data = {
    model: model.storage?.path ?? null,
    output,
    ...report,
    seed: seed ?? null,
    sampling: sampling ?? null,
    range: range ?? null,
    exact: exact === true,
    ...more.data,
    ...changes,
    distance,
    verify,
  }
  terminal.result(data, [
    modelLine(model),
    `scope ${report.scope}, ${more.title}${exact === true ? ', exact' : ''}`,
    ...quiverLines(report),
    ...(more.notes ?? []).map((note) => `  ${note}`),
    ...movedLines(moved),
    ...(verify === null ? ['not verified'] : verifyLines(verify)),
    output === null ? 'nothing was written' : `written to ${output}`,
  ])
  if (verify?.pass === false) process.exitCode = 1
}
