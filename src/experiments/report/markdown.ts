import type { Claim } from '../claims/claim.js'
import { counted, criterionText, estimateText, pText } from './numbers.js'
import { adjusted, ICONS, tallyOf } from './tally.js'

/**
 * Claims as a Markdown table, with a line before it that counts verdicts.
 * @param claims of all figures, since the adjusted p-values depend on how many there are
 */
export function claimsMarkdown(claims: readonly Claim[]): string {
  const { holds, doesNotHold, undecided } = tallyOf(claims)
  const head = ['', 'claim', 'paper', 'statistic', 'asked', 'value [95 % interval]', 'n', 'test', 'p (Holm)', 'verdict']
  const rows = adjusted(claims).map((claim) => {
    const { value, interval } = estimateText(claim.value, claim.interval)
    return [
      ICONS[claim.verdict],
      `${claim.figure}: ${claim.claim}${claim.note === undefined ? '' : ` (${claim.note})`}`,
      claim.section,
      claim.statistic,
      criterionText(claim),
      `${value} ${interval}`.trim(),
      `${claim.n} × ${claim.unit}`,
      claim.test,
      claim.p === null ? '–' : `${pText(claim.p)} (${pText(claim.adjustedP)})`,
      claim.verdict,
    ]
  })
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [
    `${counted(claims.length, 'claim')}: ${holds} hold, ${doesNotHold} do not, ${undecided} are undecided.`,
    '',
    line(head),
    line(head.map(() => '---')),
    ...rows.map(line),
    '',
  ].join('\n')
}

/** What Markdown or HTML would take as markup stays text. */
function cell(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\|*_`<]/g, '\\$&')
}
