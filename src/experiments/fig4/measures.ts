import { type LineRow, linesOf, type Fig4Row, type SharpnessRow } from './rows.js'

/** What is compared of a line. */
export type LineMeasure = 'height' | 'rise' | 'accuracy'

/** How far from a minimum its rise is measured, in α. */
export const NEAR = 0.1

/** A line: one pair, σ and draw. */
function lineOf(rows: readonly LineRow[], measure: LineMeasure): number | null {
  if (measure === 'accuracy') return mean(rows.map(({ trainAccuracy }) => trainAccuracy))
  const logs = new Map(rows.map(({ alpha, trainLoss }) => [alpha, trainLoss === null ? NaN : Math.log(trainLoss)]))
  const value =
    measure === 'height'
      ? mean([...logs.values()])
      : mean([0, 1].flatMap((end) => [-NEAR, NEAR].map((step) => at(logs, end + step) - at(logs, end))))
  return Number.isFinite(value) ? value : null
}

/** The value at the place nearest to `alpha`, if that is on the grid. */
function at(values: ReadonlyMap<number, number>, alpha: number): number {
  for (const [place, value] of values) if (Math.abs(place - alpha) < 1e-5) return value
  return NaN
}

/**
 * A measure of each line by σ, for each pair of minima, draws averaged: `height`, the mean of ln(training loss) over the line; `rise`, the mean of
 * ln(loss ÷ loss at the minimum) at ±0.1 from both minima; `accuracy`, the mean of the training accuracy.
 */
export function byRange(rows: readonly Fig4Row[], measure: LineMeasure): { x: number[]; y: (number | null)[] }[] {
  const lines = linesOf(rows).filter(({ cobs }) => cobs !== 'one')
  return unique(lines.map(({ pair }) => pair)).map((pair) => {
    const ofPair = lines.filter((row) => row.pair === pair)
    const x = unique(ofPair.map(({ range }) => range))
    const y = x.map((range) => {
      const ofRange = ofPair.filter((row) => row.range === range)
      const draws = unique(ofRange.map(({ draw }) => draw)).map((draw) =>
        lineOf(
          ofRange.filter((row) => row.draw === draw),
          measure,
        ),
      )
      return draws.every((value) => value !== null) ? mean(draws) : null
    })
    return { x, y }
  })
}

export type SharpnessMeasure = 'eigenvalue' | 'scaledEigenvalue' | 'filterCurvature' | 'weightCurvature'

/** ln of a sharpness ÷ that of the minimum as it is, by σ, for each minimum of each pair. */
export function sharpnessByRange(
  rows: readonly SharpnessRow[],
  measure: SharpnessMeasure,
): { minimum: 'A' | 'B'; x: number[]; y: number[] }[] {
  const places = unique(rows.map(({ pair, minimum }) => `${pair} ${minimum}`))
  return places.flatMap((place) => {
    const own = rows.filter(({ pair, minimum }) => `${pair} ${minimum}` === place)
    const start = own.find(({ range }) => range === 0)
    if (start === undefined) return []
    return [
      {
        minimum: start.minimum,
        x: own.map(({ range }) => range),
        y: own.map((row) => Math.log(row[measure] / start[measure])),
      },
    ]
  })
}

/**
 * The same, mean over A and B of each pair: the two of a pair are no samples of their own, since A of a seed and B of that seed begin alike, and
 * minima of two batch sizes are not of one kind.
 */
export function sharpnessByPair(
  rows: readonly SharpnessRow[],
  measure: SharpnessMeasure,
): { x: number[]; y: number[] }[] {
  return unique(rows.map(({ pair }) => pair)).flatMap((pair) => {
    const minima = sharpnessByRange(
      rows.filter((row) => row.pair === pair),
      measure,
    )
    const x = minima[0]?.x ?? []
    return [{ x, y: x.map((range) => mean(minima.map((of) => of.y[of.x.indexOf(range)] ?? NaN))) }]
  })
}

/** ‖B − A‖ at σ ÷ that of the minima as they are, mean over the pairs; null where it was not measured. */
export function distanceGrowth(rows: readonly SharpnessRow[], range: number): number | null {
  const found = unique(rows.map(({ pair }) => pair)).flatMap((pair) => {
    const [moved, start] = [range, 0].map((at) => rows.find((row) => row.pair === pair && row.range === at)?.distance)
    return moved === undefined || start === undefined ? [] : [moved / start]
  })
  return found.length === 0 ? null : mean(found)
}

export function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length
}
