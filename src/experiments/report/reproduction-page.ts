import { claimsTable, figureName, tallyHtml } from './claims-table.js'
import { dataLinks } from './data-links.js'
import { figureSection, runTable, settingsTable } from './figure-section.js'
import { type Html, html } from './html.js'
import { counted, durationText, timeText } from './numbers.js'
import { pageHtml, type Section, termsHtml } from './page.js'
import type { Results } from './read-results.js'
import { shellWord } from './shell-word.js'
import { adjusted, tallyOf } from './tally.js'
import { jsonText } from '../results-folder.js'

const PAPER = 'Neural Teleportation'
const AUTHORS =
  'Armenta, Judge, Painchaud, Skandarani, Lemaire, Gibeau Sanchez, Spino, Jodoin; Mathematics 2023, arXiv 2012.01118'

/**
 * The report on a reproduction.
 * @param placeOf a file of the results' folder relative to the report; undefined where it is not there
 * @param claimsFile where the claims are written, relative to the report
 */
export function reproductionPage(
  results: Results,
  placeOf: (file: string) => string | undefined,
  claimsFile: string,
): string {
  const { figures } = results
  const sections: Section[] = [
    { id: 'claims', title: 'Claims', body: claimsHtml(results, claimsFile) },
    ...figures.map((figure) => figureSection(figure, placeOf)),
    { id: 'run', title: 'What was run', body: runHtml(results) },
    { id: 'again', title: 'How to run it again', body: againHtml(results) },
    { id: 'limits', title: 'What to know of these results', body: limitsHtml(results) },
    ...(figures.length === 0
      ? []
      : [{ id: 'settings', title: 'Settings by figure', body: html`${figures.map(settingsTable)}` }]),
  ]
  return pageHtml(
    `${PAPER}, reproduced`,
    leadHtml(results),
    sections,
    html`<p>
      Made by <code>teleport report</code> from the rows of each figure. The paper: <cite>${PAPER}</cite>, ${AUTHORS}.
    </p>`,
  )
}

function leadHtml({ figures, missing, problems, reproduction }: Results): Html {
  const scales = [...new Set(figures.map(({ record }) => record.scale))]
  const version = reproduction?.versions['neural-teleportation']
  const claims = figures.flatMap((figure) => figure.claims)
  const incomplete = figures.filter((figure) => figure.incomplete).map(({ figure }) => figureName(figure.name))
  return html`<p class="lead">
      A network can be moved through weight space without changing the function that it computes.
      ${counted(figures.length, 'figure')} of the paper, computed again at
      ${scales.length === 0 ? 'no' : scales.join(' and ')}
      scale${
        reproduction === undefined
          ? undefined
          : ` with neural-teleportation ${version ?? ''}, ${timeText(reproduction.started)}`
      },
      and its claims tested by what was measured.
    </p>
    ${tallyHtml(claims)}
    ${missing.length === 0 ? undefined : html`<p>Not run: ${missing.map(({ name }) => figureName(name)).join(', ')}.</p>`}
    ${incomplete.length === 0 ? undefined : html`<p>Incomplete: ${incomplete.join(', ')}.</p>`}
    ${
      problems.length === 0
        ? undefined
        : html`<div class="warning" role="note">
            <p><strong>Could not be used:</strong></p>
            <ul>
              ${problems.map((problem) => html`<li>${problem}</li>`)}
            </ul>
          </div>`
    }`
}

function claimsHtml({ figures }: Results, claimsFile: string): Html {
  const claims = figures.flatMap((figure) => figure.claims)
  if (claims.length === 0) return html`<p>No claim could be tested yet.</p>`
  const all = adjusted(claims)
  const tested = all.filter(({ p }) => p !== null)
  const kept = tested.filter(({ adjustedP }) => adjustedP !== null && adjustedP < 0.05)
  const decided = tested.filter(({ verdict }) => verdict !== 'undecided at this scale')
  return html`<p>
      A claim holds if the whole 95 % interval of what was measured lies where the paper says, does not hold if the
      whole of it lies elsewhere, and is undecided otherwise, or with fewer than two samples. Facts that must hold for
      every draw are judged by the worst of them.
    </p>
    ${
      tested.length < 2
        ? undefined
        : html`<p>
            ${counted(tested.length, 'claim')} were tested by intervals. Of so many, a few verdicts are false by chance:
            each test errs in 5 % of the cases where the truth lies just at its threshold. Adjusted for all of them at
            once (Holm’s p below 0.05), ${kept.length} of the ${decided.length} decided ones stay decided.
          </p>`
    }
    ${claimsTable(claims, new Map(figures.map(({ figure }) => [figure.name, figure.title])))}
    ${dataLinks([{ name: 'claims.json', content: jsonText(all), type: 'application/json', place: claimsFile }])}`
}

function runHtml({ figures, reproduction, missing }: Results): Html {
  const { versions = {}, machine = {} } = reproduction ?? {}
  const seeds = [
    ...new Set(
      figures.flatMap(({ record: { settings } }) => ('seeds' in settings ? [settings['seeds'] ?? null].flat() : [])),
    ),
  ]
  const own = figures.reduce((sum, { seconds = 0 }) => sum + seconds, 0)
  const training = reproduction?.trainingSeconds
  const memory = machine['memoryGiB']
  return html`${
    reproduction === undefined
      ? html`<p>No record of the run (<code>reproduction.json</code>) was found.</p>`
      : undefined
  }${termsHtml([
    ['Command', reproduction?.command === undefined ? undefined : html`<code>${reproduction.command}</code>`],
    [
      'Versions',
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    [
      'Processor',
      reproduction &&
        [
          machine['processor'],
          machine['cores'] === undefined ? '' : counted(Number(machine['cores']), 'core'),
          memory === undefined ? '' : `${memory} GiB memory`,
          machine['platform'],
        ]
          .filter((part) => part !== undefined && part !== '')
          .join(', '),
    ],
    ['Started', reproduction && timeText(reproduction.started)],
    [
      'Finished',
      reproduction &&
        (reproduction.finished === undefined ? 'not yet, or interrupted' : timeText(reproduction.finished)),
    ],
    ['Computing figures', own > 0 ? durationText(own) : undefined],
    ['Training runs', training === undefined ? undefined : `${durationText(training)}, over all processes`],
    ['Seeds', seeds.map(String).join(', ')],
    ['Not run', missing.map(({ name }) => figureName(name)).join(', ')],
  ])}
  ${figures.length === 0 ? undefined : runTable(figures, reproduction?.peakMemory ?? {})}`
}

function againHtml({ figures, reproduction, folder }: Results): Html {
  const scale = reproduction?.scale ?? figures[0]?.record.scale ?? 'quick'
  const names = figures.length === 0 ? 'all' : figures.map(({ figure }) => figure.name).join(' ')
  const command = reproduction?.command ?? `teleport reproduce ${names} --scale ${scale} -o ${shellWord(folder)}`
  const other = scale === 'quick' ? 'paper' : 'quick'
  return html`<p>With Node 20.19 or later, in a copy of the project:</p>
    <pre><code>npm ci &amp;&amp; npm run build
npx ${command.replace(/^npx /, '')}
npx teleport report ${shellWord(folder)}</code></pre>
    <p>
      A reproduction that was interrupted goes on where it stood when it is called again. The same seeds give the same
      draws and the same batches on any computer; the last digits of sums depend on the processor and the number of
      threads. With <code>--scale ${other}</code> the figures are computed
      ${other === 'paper' ? 'at the paper’s own settings, which may take days' : 'in minutes'}.
    </p>`
}

function limitsHtml({ figures, missing }: Results): Html {
  const quick = figures.some(({ record }) => record.scale === 'quick')
  const claims = figures.flatMap((figure) => figure.claims)
  const { undecided } = tallyOf(claims)
  const failed = figures.reduce((sum, { record }) => sum + (record.runs?.failed ?? 0), 0)
  const least = claims
    .flatMap(({ n, interval }) => (interval === null ? [] : [n]))
    .reduce((a, b) => Math.min(a, b), Infinity)
  return html`<ul>
    ${quick ? html`<li>Figures at <em>quick</em> scale reduce epochs, images, seeds, widths and counts, never the method. What they show of training is its beginning; a verdict at this scale is one about this scale.</li>` : undefined}
    <li>
      Intervals are those of Student’s t: they take samples to be independent and their mean to be roughly
      normal.${Number.isFinite(least) ? ` The smallest sample here has ${least}.` : ''} Draws from one network say how
      it behaves under other draws, not how another network would.
    </li>
    ${undecided > 0 ? html`<li>Undecided is not a verdict against the paper: there are too few runs, or the effect is too small for them.</li>` : undefined}
    <li>A verdict for or against a claim speaks of the settings that are listed here, and of no others.</li>
    ${failed > 0 ? html`<li>${counted(failed, 'training run')} failed (a loss that is not finite, or no memory). What could not be measured is left out of means, and the note of a claim says how many; if they are more than half, it is undecided.</li>` : undefined}
    <li>
      Seconds depend on the computer, on what else it did, and on the threads of each run; epochs and steps do not.
    </li>
    <li>
      Numbers are computed in single precision, so a function that is preserved exactly differs by rounding; thresholds
      allow for that.
    </li>
    ${missing.length > 0 ? html`<li>Of ${missing.map(({ name }) => figureName(name)).join(', ')} nothing was found in the folder; their claims are not counted.</li>` : undefined}
  </ul>`
}
