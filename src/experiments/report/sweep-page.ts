import { overSeeds } from '../../plot/bands.js'
import { csvOf } from '../../plot/csv.js'
import { curve } from '../../plot/marks.js'
import { panels } from '../../plot/panels.js'
import type { FinishedRun } from '../../sweeps/finished-run.js'
import type { SweepStatus } from '../../sweeps/status.js'
import { dataLinks } from './data-links.js'
import { Html, html } from './html.js'
import { counted, durationText } from './numbers.js'
import { pageHtml, termsHtml } from './page.js'
import { shellWord } from './shell-word.js'

/** Runs of a sweep, as a report shows them. */
export interface SweepResults {
  readonly folder: string
  readonly status: SweepStatus
  /** Those that have ended. */
  readonly runs: readonly FinishedRun[]
  readonly versions: Readonly<Record<string, string>>
}

/** The report on a sweep: its runs in a table, and how accuracy and loss went by the values of each axis. */
export function sweepPage({ folder, status, runs, versions }: SweepResults): string {
  const axes = [...new Set(runs.flatMap(({ labels }) => Object.keys(labels)))]
  const varied = axes.filter((axis) => axis !== 'seed' && new Set(runs.map(({ labels }) => labels[axis])).size > 1)
  const rows = runs.flatMap(({ id, labels, epochs }) =>
    epochs.map(({ epoch, loss, accuracy, validationLoss, validationAccuracy, seconds }) => ({
      run: id,
      ...labels,
      epoch,
      loss,
      accuracy,
      validationLoss,
      validationAccuracy,
      seconds,
    })),
  )
  const seconds = runs.reduce((sum, run) => sum + secondsOf(run), 0)
  const sections = [
    {
      id: 'curves',
      title: 'Training',
      body: html`${(varied.length === 0 ? [undefined] : varied).map((axis) => curvesHtml(runs, axis))}
      ${dataLinks([{ name: 'epochs.csv', type: 'text/csv', content: csvOf(rows) }])}`,
    },
    { id: 'runs', title: 'Runs', body: runsTable(runs, axes) },
    {
      id: 'run',
      title: 'What was run',
      body: html`${termsHtml([
          [
            'Runs',
            `${status.runs}: ${status.done} done, ${status.failed} failed, ${status.running} running, ${status.left} left`,
          ],
          [
            'Versions',
            Object.entries(versions)
              .map(([name, version]) => `${name} ${version}`)
              .join(', '),
          ],
          ['Training', `${durationText(seconds)}, over all processes`],
        ])}
        <p>To go on with it: <code>teleport sweep --resume ${shellWord(folder)}</code></p>`,
    },
  ]
  const lead = html`<p class="lead">
    ${counted(status.runs, 'training run')}: ${status.done} done, ${status.failed} failed,
    ${status.running + status.left} not ended.
  </p>`
  return pageHtml(
    'A sweep of training runs',
    lead,
    sections,
    html`<p>Made by <code>teleport report</code> from the folders of the runs.</p>`,
  )
}

function curvesHtml(runs: readonly FinishedRun[], axis: string | undefined): Html {
  const points = runs.flatMap(({ labels, epochs }) =>
    epochs.map((metrics) => ({ ...metrics, label: axis === undefined ? 'all runs' : String(labels[axis]) })),
  )
  if (points.length === 0) return html`<p>No epoch has ended yet.</p>`
  const drawn = (read: (point: (typeof points)[number]) => number | undefined) =>
    overSeeds(points, { x: ({ epoch }) => epoch, y: read, by: ({ label }) => label }).map(({ label, points: means }) =>
      curve(means, label),
    )
  const x = { label: 'epoch', whole: true }
  const svg = panels([
    {
      x,
      y: { label: 'validation accuracy (%)' },
      marks: drawn(({ validationAccuracy }) =>
        validationAccuracy === undefined ? undefined : 100 * validationAccuracy,
      ),
    },
    { x, y: { label: 'training loss' }, marks: drawn(({ loss }) => loss) },
  ])
  const caption = `${axis === undefined ? 'All runs' : `By ${axis}`}: mean over the runs${axis === undefined ? '' : ' with this value, whatever their other labels'}; band: 95 % t interval of the mean from three runs on, lowest to highest of two.`
  return html`<figure>
    <div class="plot">${new Html(svg)}</div>
    <figcaption>${caption}</figcaption>
  </figure>`
}

function runsTable(runs: readonly FinishedRun[], axes: readonly string[]): Html {
  if (runs.length === 0) return html`<p>No run has ended yet.</p>`
  return html`<div class="scroll" role="region" aria-label="Runs" tabindex="0">
    <table>
      <caption>
        Runs that have ended. Accuracy is that of the last epoch, on validation images.
      </caption>
      <thead>
        <tr>
          ${axes.map((axis) => html`<th scope="col">${axis}</th>`)}
          <th scope="col">Result</th>
          <th scope="col" class="number">Epochs</th>
          <th scope="col" class="number">Accuracy</th>
          <th scope="col" class="number">Time</th>
          <th scope="col">Run</th>
        </tr>
      </thead>
      <tbody>
        ${runs.map((run) => {
          const accuracy = run.epochs.at(-1)?.validationAccuracy
          return html`<tr>
            ${axes.map((axis) => html`<td>${run.labels[axis] ?? ''}</td>`)}
            <td class="${run.ended === 'finished' ? 'yes' : 'no'}">
              ${run.ended === 'finished' ? '✓ finished' : '✗ failed'}${run.reason === undefined ? undefined : html`<small class="note">${run.reason}</small>`}
            </td>
            <td class="number">${run.epochs.length}</td>
            <td class="number nowrap">${accuracy === undefined ? '–' : `${(100 * accuracy).toFixed(2)} %`}</td>
            <td class="number nowrap">${durationText(secondsOf(run))}</td>
            <td><code>${run.id}</code></td>
          </tr>`
        })}
      </tbody>
    </table>
  </div>`
}

function secondsOf({ epochs }: FinishedRun): number {
  return epochs.reduce((sum, { seconds }) => sum + seconds, 0)
}
