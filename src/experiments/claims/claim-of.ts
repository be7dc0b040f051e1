import type { Claim, Verdict } from './claim.js'
import { CONFIDENCE, type Interval, meanEstimate, rankCorrelation, slope, twoSidedP } from './statistics.js'

/** A measured number; null or not finite where it could not be measured: a run whose loss overflowed. */
export type Sample = number | null | undefined

interface Statement {
  /** Unique, stable: `fig6/mlp/sgd 0.01`. */
  readonly id: string
  readonly figure: string
  /** The statement, in a sentence. */
  readonly claim: string
  /** Of the paper: `§4.2`. */
  readonly section: string
  /** What was measured, with its unit. */
  readonly statistic: string
  /** The claim holds if the statistic lies on this side of the threshold. */
  readonly side: Claim['side']
  /** For `within`: the statistic lies within ± threshold of `expected`. */
  readonly threshold: number
  /** For `within`; default 0. */
  readonly expected?: number
  readonly note?: string
}

export interface ClaimOptions extends Statement {
  /** One for each seed, pair of seeds or draw; of paired runs the differences. They must be independent of each other. */
  readonly samples: readonly Sample[]
  /** What a sample is, in the singular: `seed`, `pair of seeds`, `draw`. */
  readonly unit: string
  /** The samples are differences of pairs: names the test `paired t`. Default: false. */
  readonly paired?: boolean
}

/**
 * Tests a mean. The claim holds if the whole 95 % interval of Student's t lies on its side of the threshold, does not hold if the whole of it lies on
 * the other, and else is undecided; with fewer than two samples always.
 *
 * Samples that are missing or not finite are left out, and the note says how many; if they are more than half, the claim is undecided. Of samples
 * that are all equal, t says nothing: the sign test decides, which needs six.
 */
export function claimOf({ samples, unit, paired = false, ...statement }: ClaimOptions): Claim {
  return meanClaim(statement, samples, unit, `${paired ? 'paired t' : 't'}, two-sided`, signTest)
}

/**
 * Tests a fact that must hold for every sample: it holds if the worst sample lies on the claim's side of the threshold, the threshold included, and
 * does not if it lies on the other. A sample that is missing makes undecided what would hold; an infinite one is on the far side.
 */
export function maximumClaim({ samples, unit, ...statement }: Omit<ClaimOptions, 'paired'>): Claim {
  const { side, threshold, note } = statement
  const expected = statement.expected ?? 0
  const known = samples.filter((sample): sample is number => typeof sample === 'number' && !Number.isNaN(sample))
  const missing = samples.length - known.length
  const from = (value: number): number => (side === 'within' ? Math.abs(value - expected) : value)
  const worst = known.reduce<number | undefined>(
    (worst, value) =>
      worst === undefined || (side === 'above' ? value < worst : from(value) > from(worst)) ? value : worst,
    undefined,
  )
  const passes = (value: number): boolean => (side === 'above' ? value >= threshold : from(value) <= threshold)
  const verdict: Verdict =
    worst === undefined ? UNDECIDED : !passes(worst) ? 'does not hold' : missing > 0 ? UNDECIDED : 'holds'
  return {
    ...statement,
    ...(side === 'within' && { expected }),
    test: side === 'within' ? 'furthest of all' : side === 'above' ? 'minimum of all' : 'maximum of all',
    value: worst ?? null,
    interval: null,
    range: rangeOf(known),
    p: null,
    n: known.length,
    unit,
    verdict,
    ...noteOf(
      note,
      missing > 0 ? `${missing} of ${samples.length} could not be measured` : '',
      worst !== undefined && !isFinite(worst) ? 'the worst is infinite' : '',
    ),
  }
}

/** What was measured at several places, by one seed. */
export interface Series {
  readonly x: readonly number[]
  /** As long as x. */
  readonly y: readonly Sample[]
}

export interface TrendOptions extends Statement {
  /** One for each seed. */
  readonly series: readonly Series[]
  /** What a series is, in the singular: `seed`. */
  readonly unit: string
  /** `slope`: of a straight line, in units of y by units of x. `rank`: Spearman's correlation, −1 to 1. */
  readonly measure: 'slope' | 'rank'
}

/**
 * Tests a trend: the slope, or the rank correlation, of every seed is a sample of `claimOf`. Points without a finite y are left out of a series; a
 * series of fewer than two (slope) or three (rank) places is missing. Where all rank correlations are 1, or all −1, the permutation test decides: such
 * orders come about by chance with probability 2 · (1 / places!) ^ series.
 */
export function trendClaim({ series, measure, unit, ...statement }: TrendOptions): Claim {
  const whole = series.map(({ x, y }) => {
    const points = x.flatMap((at, i) => (isFinite(y[i]) ? [[at, y[i]] as const] : []))
    return { x: points.map(([at]) => at), y: points.map(([, value]) => value) }
  })
  if (measure === 'slope') {
    const samples = whole.map(({ x, y }) => slope(x, y))
    return meanClaim(statement, samples, unit, `t of the slope by ${unit}, two-sided`, signTest)
  }
  const usable = whole.map(({ x }) => new Set(x).size >= 3)
  const samples = whole.map(({ x, y }, i) => (usable[i] === true ? rankCorrelation(x, y) : null))
  const orders = whole.reduce(
    (product, { x }, i) => (usable[i] === true ? product / factorial(new Set(x).size) : product),
    1,
  )
  const claim = meanClaim(statement, samples, unit, `t of Spearman’s ρ by ${unit}, two-sided`, (sample, n) =>
    Math.abs(sample) === 1 && n >= 2 ? Math.min(1, 2 * orders) : signTest(sample, n),
  )
  const [low, high] = claim.interval ?? [0, 0]
  return { ...claim, interval: claim.interval && [Math.max(-1, low), Math.min(1, high)] }
}

const UNDECIDED: Verdict = 'undecided at this scale'

/** @param whenEqual the two-sided p of n samples that are all the same number, not on the threshold */
function meanClaim(
  { expected, note, ...statement }: Statement,
  samples: readonly Sample[],
  unit: string,
  test: string,
  whenEqual: (sample: number, n: number) => number,
): Claim {
  const known = samples.filter(isFinite)
  const missing = samples.length - known.length
  const estimate = meanEstimate(known)
  const region = regionOf(statement.side, statement.threshold, expected ?? 0)
  const equal = estimate?.standardError === 0
  let p: number | null = null
  if (estimate !== undefined) {
    const distance = Math.min(...region.bounds.map((bound) => Math.abs(estimate.mean - bound)))
    p = !equal
      ? twoSidedP(distance / estimate.standardError, estimate.n - 1)
      : distance === 0
        ? 1
        : whenEqual(estimate.mean, estimate.n)
  }
  const decided = p !== null && p < 1 - CONFIDENCE && missing <= known.length
  const inside = estimate !== undefined && region.holds(estimate.mean)
  return {
    ...statement,
    ...(statement.side === 'within' && { expected: expected ?? 0 }),
    test,
    value: estimate?.mean ?? known[0] ?? null,
    interval: estimate?.interval ?? null,
    range: rangeOf(known),
    p,
    n: known.length,
    unit,
    verdict: !decided ? UNDECIDED : inside ? 'holds' : 'does not hold',
    ...noteOf(
      note,
      missing > 0 ? `${missing} of ${samples.length} not finite or missing, and left out` : '',
      equal ? 'all samples are equal' : '',
    ),
  }
}

/** Where a mean must lie for the claim to hold. */
function regionOf(
  side: Claim['side'],
  threshold: number,
  expected: number,
): { readonly bounds: readonly number[]; readonly holds: (mean: number) => boolean } {
  if (side === 'above') return { bounds: [threshold], holds: (mean) => mean > threshold }
  if (side === 'below') return { bounds: [threshold], holds: (mean) => mean < threshold }
  const [low, high]: Interval = [expected - threshold, expected + threshold]
  return { bounds: [low, high], holds: (mean) => mean >= low && mean <= high }
}

/** n independent signs agree by chance with probability 2 / 2ⁿ. */
function signTest(_: number, n: number): number {
  return 2 ** (1 - n)
}

function isFinite(sample: Sample): sample is number {
  return typeof sample === 'number' && Number.isFinite(sample)
}

function rangeOf(samples: readonly number[]): Interval | null {
  if (samples.length === 0) return null
  return samples.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  )
}

function noteOf(...parts: readonly (string | undefined)[]): { readonly note?: string } {
  const note = parts.filter((part) => part !== undefined && part !== '').join('; ')
  return note === '' ? {} : { note }
}

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1)
}
