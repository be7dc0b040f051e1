import type { Claim, Verdict } from '../claims/claim.js'
import { type Html, html } from './html.js'
import { counted, criterionText, estimateText, pText } from './numbers.js'
import { type AdjustedClaim, adjusted, ICONS, tallyOf } from './tally.js'

const CLASSES: Readonly<Record<Verdict, string>> = {
  holds: 'yes',
  'does not hold': 'no',
  'undecided at this scale': 'open',
}
const WORDS: Readonly<Record<Verdict, string>> = {
  holds: 'holds',
  'does not hold': 'does not hold',
  'undecided at this scale': 'undecided',
}

/** How many claims hold, do not, and are undecided. */
export function tallyHtml(claims: readonly Claim[]): Html {
  const { holds, doesNotHold, undecided } = tallyOf(claims)
  const entry = (count: number, verdict: Verdict, text: string): Html =>
    html`<li class="${CLASSES[verdict]}"><b>${count}</b><span aria-hidden="true">${ICONS[verdict]}</span> ${text}</li>`
  return html`<ul class="tally" aria-label="Verdicts">
    ${entry(holds, 'holds', counted(holds, 'claim holds', 'claims hold').replace(/^\S+ /, ''))}
    ${entry(doesNotHold, 'does not hold', counted(doesNotHold, 'claim does not hold', 'claims do not hold').replace(/^\S+ /, ''))}
    ${entry(undecided, 'undecided at this scale', 'undecided at this scale')}
  </ul>`
}

/**
 * All claims, grouped by figure.
 * @param titles by figure, in the order of the groups
 */
export function claimsTable(claims: readonly Claim[], titles: ReadonlyMap<string, string>): Html {
  const all = adjusted(claims)
  const groups = [...new Set([...titles.keys(), ...all.map(({ figure }) => figure)])]
    .map((figure) => ({ figure, claims: all.filter((claim) => claim.figure === figure) }))
    .filter((group) => group.claims.length > 0)
  return html`<div class="scroll" role="region" aria-label="Claims" tabindex="0">
    <table class="claims">
      <caption>
        Each claim with what was measured. In brackets: the 95 % interval of the mean; the strip shows it beside the
        threshold (thin line).
      </caption>
      <thead>
        <tr>
          <th scope="col">Verdict</th>
          <th scope="col" class="statement">Claim and statistic</th>
          <th scope="col">Asked</th>
          <th scope="col">Measured</th>
          <th scope="col" class="number">n</th>
          <th scope="col">p; Holm’s p</th>
        </tr>
      </thead>
      ${groups.map(({ figure, claims: group }) => groupHtml(figure, titles.get(figure) ?? '', group))}
    </table>
  </div>`
}

function groupHtml(figure: string, title: string, claims: readonly AdjustedClaim[]): Html {
  const { holds, doesNotHold, undecided } = tallyOf(claims)
  const summary = [
    ...(holds > 0 ? [`${holds} hold`] : []),
    ...(doesNotHold > 0 ? [`${doesNotHold} do not`] : []),
    ...(undecided > 0 ? [`${undecided} undecided`] : []),
  ].join(', ')
  return html`<tbody>
    <tr>
      <th scope="rowgroup" colspan="6">
        <a href="#${figure}">${figureName(figure)}</a> ${title} <small>${summary}</small>
      </th>
    </tr>
    ${claims.map(rowHtml)}
  </tbody>`
}

function rowHtml(claim: AdjustedClaim): Html {
  const { value, interval } = estimateText(claim.value, claim.interval)
  const note = claim.note === undefined ? undefined : html`<small>Note: ${claim.note}</small>`
  return html`<tr>
    <td class="verdict ${CLASSES[claim.verdict]}">
      <i aria-hidden="true">${ICONS[claim.verdict]}</i>${WORDS[claim.verdict]}
    </td>
    <th scope="row" class="statement">
      ${claim.claim} <span class="soft nowrap">(${claim.section})</span><small>${claim.statistic}</small>${note}
    </th>
    <td class="nowrap">${criterionText(claim)}</td>
    <td><span class="nowrap">${value}</span> <span class="nowrap">${interval}</span>${stripOf(claim)}</td>
    <td class="number unit">${claim.n}<small>${unitText(claim)}</small></td>
    <td>
      ${claim.p === null ? '' : html`<span class="nowrap">${pText(claim.p)}; ${pText(claim.adjustedP)}</span>`}<small
        >${claim.test}</small
      >
    </td>
  </tr>`
}

/** The interval beside the threshold, drawn. */
function stripOf({ value, interval, side, threshold, expected = 0, verdict }: Claim): Html | undefined {
  if (value === null || interval === null || ![value, ...interval].every(Number.isFinite)) return undefined
  const marks = side === 'within' ? [expected - threshold, expected + threshold] : [threshold]
  const [low, high] = [Math.min(...interval, ...marks), Math.max(...interval, ...marks)]
  if (high === low) return undefined
  const at = (number: number): string => (6 + (108 * (number - low)) / (high - low)).toFixed(1)
  // Where the claim would hold.
  const [from, to] = [
    side === 'below' ? 0 : Number(at(marks[0] as number)),
    side === 'above' ? 120 : Number(at(marks.at(-1) as number)),
  ]
  return html`<svg class="strip ${CLASSES[verdict]}" viewBox="0 0 120 14" preserveAspectRatio="none" aria-hidden="true">
    <rect x="${from}" y="1" width="${Math.max(0, to - from).toFixed(1)}" height="12" fill="#eef1f4" />
    ${marks.map((mark) => html`<path d="M${at(mark)} 1V13" stroke="#1c2127" stroke-width="1" vector-effect="non-scaling-stroke" />`)}
    <path
      d="M${at(interval[0])} 7H${at(interval[1])}"
      stroke="currentColor"
      stroke-width="2"
      vector-effect="non-scaling-stroke"
    />
    <path d="M${at(value)} 3V11" stroke="currentColor" stroke-width="3" vector-effect="non-scaling-stroke" />
  </svg>`
}

/** `fig3` as `Figure 3`. */
export function figureName(name: string): string {
  return name.replace(/^fig(?=\d)/, 'Figure ')
}

/** `seeds`, `pairs of minima`, `combinations of network, data set and batch size`. */
function unitText({ unit, n }: Claim): string {
  const noun = /, | and /.test(unit) && !unit.includes(' of ') ? `combination of ${unit}` : unit
  if (n === 1) return noun
  const [head = '', ...rest] = noun.split(' of ')
  return [head.endsWith('minimum') ? head.replace(/um$/, 'a') : head.replace(/s?$/, 's'), ...rest].join(' of ')
}
