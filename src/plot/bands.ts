import { meanInterval } from './interval.js'

/** A point of a curve: `y` may be null where nothing was measured; `low` to `high` is its band. */
export interface CurvePoint {
  readonly x: number
  readonly y: number | null
  readonly low?: number | null
  readonly high?: number | null
}

/** What the rows of one label say, over seeds. */
export interface SeedCurve {
  readonly label: string
  /** In the order of x. */
  readonly points: readonly (CurvePoint & { readonly n: number })[]
  /** The most seeds at one x. */
  readonly seeds: number
}

/**
 * Mean and band over seeds, by label and x. The band is the 95 % t-interval of the mean from three seeds on, lowest to highest for two,
 * and is left out for one (`bandText` says which). Where a seed's value is null or not finite the mean is null, so that a line breaks
 * where a run has failed, rather than going on with those that are left.
 * @param by the series that a row belongs to; labels come out in the order in which they were first seen
 */
export function overSeeds<R>(
  rows: readonly R[],
  read: {
    readonly x: (row: R) => number
    readonly y: (row: R) => number | null | undefined
    readonly by: (row: R) => string
  },
): SeedCurve[] {
  const labels = new Map<string, Map<number, (number | null)[]>>()
  for (const row of rows) {
    const label = read.by(row)
    const x = read.x(row)
    const places = labels.get(label) ?? new Map<number, (number | null)[]>()
    labels.set(label, places)
    const values = places.get(x) ?? []
    places.set(x, values)
    const y = read.y(row)
    values.push(Number.isFinite(y) ? (y as number) : null)
  }
  return [...labels].map(([label, places]) => ({
    label,
    points: [...places].sort(([a], [b]) => a - b).map(([x, values]) => ({ x, ...summary(values) })),
    seeds: Math.max(...[...places.values()].map((values) => values.length)),
  }))
}

function summary(values: readonly (number | null)[]): Omit<SeedCurve['points'][number], 'x'> {
  const n = values.length
  const finite = values.filter((value) => value !== null)
  const interval = meanInterval(finite)
  if (interval === null || finite.length < n) return { y: null, n }
  if (n === 1) return { y: interval.mean, n }
  if (n === 2) return { y: interval.mean, low: Math.min(...finite), high: Math.max(...finite), n }
  return { y: interval.mean, low: interval.low, high: interval.high, n }
}

/** What lines and bands of `overSeeds` are, for a caption or an axis: `mean of 5 seeds, band: 95 % t-interval of the mean`. */
export function bandText(seeds: number): string {
  if (seeds <= 1) return 'one seed'
  return seeds === 2
    ? 'mean of 2 seeds, band: lowest to highest'
    : `mean of ${seeds} seeds, band: 95 % t-interval of the mean`
}
