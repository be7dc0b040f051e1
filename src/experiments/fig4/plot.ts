import { bandText, type CurvePoint, overSeeds } from '../../plot/bands.js'
import { curve, referenceCurve, referenceLine } from '../../plot/marks.js'
import { type Panel, panels } from '../../plot/panels.js'
import type { Plot } from '../figure.js'
import { expectedGrowth } from '../fig5/expectation.js'
import { mean, type SharpnessMeasure, sharpnessByRange, unique } from './measures.js'
import { failedText, type Fig4Row, type LineRow, linesOf, sharpnessOf, type SharpnessRow } from './rows.js'
import type { Fig4Settings } from './settings.js'

export function plotsOf(rows: readonly Fig4Row[], settings: Fig4Settings): Plot[] {
  const lines = linesOf(rows)
  const sharpness = sharpnessOf(rows)
  const [small, large] = settings.batchSizes
  const failed = failedText(rows)
  const pairs = new Set(lines.map(({ pair }) => pair)).size
  const bands = bandText(pairs).replaceAll('seed', 'pair')
  const moved = lines.filter(({ cobs }) => cobs !== 'one')
  const one = lines.filter(({ cobs }) => cobs !== 'own')
  return [
    {
      name: 'fig4',
      svg: panels(
        [
          lossPanel('Training loss', moved, ({ trainLoss }) => trainLoss),
          accuracyPanel('Training accuracy', moved, ({ trainAccuracy }) => trainAccuracy),
          lossPanel('Test loss', moved, ({ testLoss }) => testLoss),
          accuracyPanel('Test accuracy', moved, ({ testAccuracy }) => testAccuracy),
        ],
        { title: 'Between two minima, as they are and teleported', columns: 2 },
      ),
      caption: `Loss and accuracy on the line through minimum A (batch size ${small ?? ''}, α = 0) and minimum B (batch size ${large ?? ''}, α = 1), as they are (σ = 0), and teleported, each by a change of basis of its own. The functions at 0 and 1 are the same for all σ. Of losses the geometric mean; ${bands}.${failed}`,
    },
    {
      name: 'fig4-one-cob',
      svg: panels(
        [
          lossPanel('A and B each by its own CoB', moved, ({ trainLoss }) => trainLoss),
          lossPanel('A and B by one CoB', one, ({ trainLoss }) => trainLoss),
        ],
        { title: 'Training loss, if both minima are moved by one change of basis', columns: 2, sharedY: true },
      ),
      caption: `Moved by one change of basis, all points of the line move by it: each computes the function that it computed before, and the line’s losses are those of σ = 0. What sharpens the line on the left is that A and B go different ways; ${bands}.${failed}`,
    },
    {
      name: 'fig4-sharpness',
      svg: sharpnessPanels(sharpness),
      caption: `Sharpness of the training loss (${settings.hessianImages} images) at the minima, ÷ that at σ = 0. The Hessian’s largest eigenvalue grows by construction: coordinates. Scaled by the weights (D·H·D, D = |w|, and directions |w| · ξ) it does not change: geometry. Filter-normalised directions take each neuron’s own scale out, not that of the neurons that it reads. Geometric mean over the pairs; bands: lowest to highest.${failed}`,
    },
  ]
}

const rangeLabel = ({ range }: { readonly range: number }): string => `σ = ${range}`

/** Mean over pairs, of which each is the mean over its draws. */
function curvesOf(rows: readonly LineRow[], read: (row: LineRow) => number | null) {
  const ofPairs = unique(rows.map(({ range }) => range)).flatMap((range) =>
    unique(rows.map(({ pair }) => pair)).flatMap((pair) => {
      const own = rows.filter((row) => row.range === range && row.pair === pair)
      return unique(own.map(({ alpha }) => alpha)).map((alpha) => {
        const values = own.filter((row) => row.alpha === alpha).map(read)
        const y = values.every((value) => value !== null) ? mean(values) : null
        return { range, alpha, y }
      })
    }),
  )
  return overSeeds(ofPairs, { x: ({ alpha }) => alpha, y: ({ y }) => y, by: rangeLabel })
}

function lossPanel(title: string, rows: readonly LineRow[], read: (row: LineRow) => number | null): Panel {
  const logarithm = (row: LineRow) => {
    const loss = read(row)
    return loss === null ? null : Math.log(loss)
  }
  const exp = (value: number | null | undefined) => (typeof value === 'number' ? Math.exp(value) : null)
  const curves = curvesOf(rows, logarithm).map(({ label, points }) => {
    const back = points.map(({ x, y, low, high }): CurvePoint => ({ x, y: exp(y), low: exp(low), high: exp(high) }))
    return curve(back, label)
  })
  return linePanel(title, { label: 'cross-entropy', type: 'log' }, curves)
}

function accuracyPanel(title: string, rows: readonly LineRow[], read: (row: LineRow) => number): Panel {
  const curves = curvesOf(rows, (row) => 100 * read(row)).map(({ label, points }) => curve(points, label))
  return linePanel(title, { label: 'accuracy (%)', include: [0] }, curves, 'start')
}

/** @param place where the minima's names stand clear of the curves */
function linePanel(title: string, y: Panel['y'], curves: Panel['marks'], place: 'start' | 'end' = 'end'): Panel {
  const minima =
    curves.length === 0 ? [] : [referenceLine({ x: 0, label: 'A', place }), referenceLine({ x: 1, label: 'B', place })]
  return { title, x: { label: 'α' }, y, marks: [...minima, ...curves] }
}

const MEASURES: readonly (readonly [SharpnessMeasure, string])[] = [
  ['eigenvalue', 'Largest eigenvalue of H'],
  ['filterCurvature', 'Filter-normalised directions'],
  ['scaledEigenvalue', 'Largest eigenvalue of D·H·D'],
  ['weightCurvature', 'Directions |w| · ξ'],
]

const EXPECTED = 'E[(τ_in/τ_out)²] = (1 + σ²/3)/(1 − σ²)'

function sharpnessPanels(rows: readonly SharpnessRow[]): string {
  const ranges = unique(rows.map(({ range }) => range)).sort((a, b) => a - b)
  const drawn = MEASURES.map(([measure, title]): Panel => {
    const found = sharpnessByRange(rows, measure)
    const marks = (['A', 'B'] as const).flatMap((minimum) => {
      const own = found.filter((each) => each.minimum === minimum)
      if (own.length === 0) return []
      const points = ranges.map((range) => {
        const values = own.flatMap(({ x, y }) => {
          const at = x.indexOf(range)
          return at < 0 ? [] : [y[at] as number]
        })
        const [low, high] = [Math.exp(Math.min(...values)), Math.exp(Math.max(...values))]
        return { x: range, y: Math.exp(mean(values)), low, high }
      })
      return [curve(points, `minimum ${minimum}`)]
    })
    const largest = Math.max(0, ...ranges)
    const expected = Array.from({ length: 46 }, (_, i) => {
      const range = (largest * i) / 45
      return { x: range, y: expectedGrowth(range) }
    })
    return {
      title,
      x: { label: 'CoB-range σ', ticks: ranges },
      y: { label: 'sharpness ÷ that at σ = 0', type: 'log', include: [0.5, 2] },
      marks: [...(marks.length === 0 ? [] : [referenceCurve(expected, EXPECTED)]), ...marks],
    }
  })
  return panels(drawn, { title: 'Coordinates and geometry', columns: 4, panelHeight: 220, sharedY: true })
}
