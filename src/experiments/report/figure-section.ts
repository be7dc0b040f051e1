import type { Settings } from '../figure.js'
import { csvOf } from '../../plot/csv.js'
import { withReduced } from '../reproduce-output.js'
import { ROWS } from '../results-folder.js'
import { figureName } from './claims-table.js'
import { dataLinks } from './data-links.js'
import { Html, html } from './html.js'
import { counted, durationText } from './numbers.js'
import type { Section } from './page.js'
import type { FigureResults } from './read-results.js'
import { ICONS, tallyOf } from './tally.js'

/**
 * A figure: its question, its plots with captions, its data.
 * @param placeOf a file of the results' folder relative to the report; undefined where it is not there
 */
export function figureSection(results: FigureResults, placeOf: (file: string) => string | undefined): Section {
  const { figure, plots, rows, claims } = results
  const { holds, doesNotHold, undecided } = tallyOf(claims)
  const files = [
    { name: `${figure.name}.csv`, place: `${figure.name}/${figure.name}.csv`, type: 'text/csv', content: csvOf(rows) },
    {
      name: `${figure.name}.jsonl`,
      place: `${figure.name}/${ROWS}`,
      type: 'application/x-ndjson',
      content: rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
    },
  ] as const
  const title = `${figureName(figure.name)}: ${figure.title}`
  return {
    id: figure.name,
    title,
    body: html`<p class="lead">${figure.question}</p>
      ${stateHtml(results)}
      ${plots.map(
        ({ name, svg, caption }, i) =>
          html`<figure id="plot-${name}">
            <div class="plot">
              ${svgWithin(svg, `${title}${plots.length > 1 ? `, plot ${i + 1} of ${plots.length}` : ''}. ${caption}`)}
            </div>
            <figcaption>
              <strong>${figureName(figure.name)}${plots.length > 1 ? String.fromCharCode(97 + i) : ''}.</strong>
              ${withReduced(caption, results.reduced)}
            </figcaption>
          </figure>`,
      )}
      ${
        rows.length === 0
          ? html`<p>There are no rows yet.</p>`
          : dataLinks(
              files.map(({ place, ...file }) => {
                const there = placeOf(place)
                return { ...file, ...(there !== undefined && { place: there }) }
              }),
            )
      }
      ${
        claims.length === 0
          ? undefined
          : html`<p class="data">
              Its claims: <span class="nowrap">${ICONS.holds} ${holds} hold,</span>
              <span class="nowrap">${ICONS['does not hold']} ${doesNotHold} do not hold,</span>
              <span class="nowrap">${ICONS['undecided at this scale']} ${undecided} undecided</span> (<a href="#claims"
                >table of claims</a
              >).
            </p>`
      }`,
  }
}

/** What is missing of the figure, and what went wrong. */
function stateHtml({ incomplete, record, cells, skipped }: FigureResults): Html | undefined {
  const { runs } = record
  const lines = [
    ...(incomplete
      ? [
          `Incomplete: ${[
            ...(record.cells === undefined ? [] : [`${cells ?? 0} of ${record.cells} parts computed`]),
            ...(runs === undefined ? [] : [`${runs.ended} of ${counted(runs.all, 'training run')} ended`]),
          ].join(', ')}. The plots show what is there; claims may change.`,
        ]
      : []),
    ...(runs !== undefined && runs.failed > 0
      ? [`${counted(runs.failed, 'training run')} of ${runs.all} failed.`]
      : []),
    // Many parts are mostly left out for the same reason.
    ...[...new Set(Object.values(skipped))].map((reason) => {
      const keys = Object.keys(skipped).filter((key) => skipped[key] === reason)
      const named = keys.length > 4 ? `${keys.slice(0, 3).join(', ')} and ${keys.length - 3} more` : keys.join(', ')
      return `Left out: ${named}: ${reason}`
    }),
  ]
  return lines.length === 0 ? undefined : html`<div class="warning">${lines.map((line) => html`<p>${line}</p>`)}</div>`
}

/** A drawing to stand within the page: no declaration before it, and a name for those who cannot see it. */
function svgWithin(svg: string, name: string): Html {
  const start = svg.indexOf('<svg')
  if (start < 0) return html`<p>The plot is not an SVG.</p>`
  const text = svg.slice(start).replace(/<script\b[\s\S]*?<\/script>/gi, '')
  const tag = /^<svg\b[^>]*>/.exec(text)?.[0] ?? '<svg>'
  const label = html`role="img" aria-label="${name.replace(/\s+/g, ' ')}"`.text
  const named = tag.replace(/\s(?:role|aria-label)="[^"]*"/g, '').replace(/^<svg/, () => `<svg ${label}`)
  return new Html(named + text.slice(tag.length))
}

/** Time taken, memory, size, and what was reduced, by figure. */
export function runTable(figures: readonly FigureResults[], peakMemory: Readonly<Record<string, number>>): Html {
  const withMemory = figures.some(({ figure }) => peakMemory[figure.name] !== undefined)
  const memory = (bytes: number | undefined): string =>
    bytes === undefined ? '–' : `${(bytes / 2 ** 30).toFixed(1)} GiB`
  return html`<div class="scroll" role="region" aria-label="Figures" tabindex="0">
    <table>
      <caption>
        What was computed. Time is that of a figure’s own computation; training runs are shared between figures.
      </caption>
      <thead>
        <tr>
          <th scope="col">Figure</th>
          <th scope="col">Scale</th>
          <th scope="col" class="number">Rows</th>
          <th scope="col" class="number">Time</th>
          ${withMemory ? html`<th scope="col" class="number">Memory</th>` : undefined}
          <th scope="col">Not the paper’s settings</th>
        </tr>
      </thead>
      <tbody>
        ${figures.map(
          ({ figure, record, rows, seconds, reduced, incomplete }) =>
            html`<tr>
              <th scope="row" class="nowrap">
                <a href="#${figure.name}">${figureName(figure.name)}</a>${incomplete ? ' (incomplete)' : ''}
              </th>
              <td>${record.scale}</td>
              <td class="number">${rows.length.toLocaleString('en-US')}</td>
              <td class="number nowrap">${seconds === undefined ? '–' : durationText(seconds)}</td>
              ${withMemory ? html`<td class="number nowrap">${memory(peakMemory[figure.name])}</td>` : undefined}
              <td>${reduced.length === 0 ? 'none: the paper’s own' : reduced.join('; ')}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

/** All settings of a figure, beside the paper's. */
export function settingsTable({ figure, record: { settings } }: FigureResults): Html {
  const paper = figure.settings.paper
  return html`<h3>${figureName(figure.name)}</h3>
    <table>
      <thead>
        <tr>
          <th scope="col">Setting</th>
          <th scope="col">Here</th>
          <th scope="col">Paper’s</th>
        </tr>
      </thead>
      <tbody>
        ${Object.keys(settings).map((key) => {
          const [here, theirs] = [valueText(settings[key]), valueText(paper[key])]
          return html`<tr>
            <th scope="row">${key}</th>
            <td>${here === theirs ? here : html`<strong>${here}</strong>`}</td>
            <td>${here === theirs ? 'the same' : theirs}</td>
          </tr>`
        })}
      </tbody>
    </table>`
}

function valueText(value: Settings[string] | undefined): string {
  if (value === undefined || value === null) return 'none'
  return typeof value === 'string' ? value : JSON.stringify(value).replaceAll('"', '').replaceAll(',', ', ')
}
