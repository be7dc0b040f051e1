import type { Claim, Verdict } from '../claims/claim.js'
import { holm } from '../claims/statistics.js'

export const VERDICTS: readonly Verdict[] = ['holds', 'does not hold', 'undecided at this scale']

/** Beside the word, so that colour is not needed. */
export const ICONS: Readonly<Record<Verdict, string>> = {
  holds: '✓',
  'does not hold': '✗',
  'undecided at this scale': '?',
}

export interface Tally {
  readonly holds: number
  readonly doesNotHold: number
  readonly undecided: number
}

export function tallyOf(claims: readonly Claim[]): Tally {
  const count = (verdict: Verdict): number => claims.filter((claim) => claim.verdict === verdict).length
  return { holds: count('holds'), doesNotHold: count('does not hold'), undecided: count('undecided at this scale') }
}

/** A claim with the p-value that many claims at once leave it. */
export interface AdjustedClaim extends Claim {
  /** By Holm, over all claims of the report that have a p-value; null where it has none. */
  readonly adjustedP: number | null
}

export function adjusted(claims: readonly Claim[]): AdjustedClaim[] {
  const tested = claims.flatMap(({ p }) => (p === null ? [] : [p]))
  const values = holm(tested)
  let next = 0
  return claims.map((claim) => ({ ...claim, adjustedP: claim.p === null ? null : (values[next++] ?? null) }))
}
