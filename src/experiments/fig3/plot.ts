import { type Bin, curve, histogram, intervals, referenceCurve, referenceLine } from '../../plot/marks.js'
import { type Panel, panels } from '../../plot/panels.js'
import { type Style, styleOf } from '../../plot/series.js'
import type { Plot } from '../figure.js'
import { cellLabel, groupedBy, quantile, rootMeanSquare } from './groups.js'
import { type CosinesRow, cosinesOf, type Fig3Row, MICRO_GRADIENT, PAIRS, RANDOM_RANDOM, skippedText } from './rows.js'
import type { Fig3Settings } from './settings.js'

export function plotsOf(rows: readonly Fig3Row[], settings: Fig3Settings): Plot[] {
  const cosines = cosinesOf(rows)
  const skipped = skippedText(rows)
  const [micro = 0.001] = settings.ranges
  return [
    {
      name: 'fig3',
      svg: angles(cosines, micro),
      caption: `Angles between a micro-teleportation’s step V − W (intra, σ = ${micro}), the gradient and random vectors, ${settings.teleportations} draws of each. Random directions come near 90° in so many dimensions, too: the narrower their histogram, the more weights. Where all draws lie within one bin it is cut off, at ${SHOWN} of 100 %.${skipped}`,
    },
    {
      name: 'fig3-cosines',
      svg: sizes(cosines, micro),
      caption: `How far from perpendicular: |cos| of each kind of step with the gradient, median and 5 to 95 % of the draws; random directions have the deviation 1/√n. By theory it vanishes with σ if all arrows count as weights, and in scope weights; not with a penalty on the weights, nor for a large move (inter), nor by a residual network’s trained weights alone.${skipped}`,
    },
    {
      name: 'fig3-range',
      svg: ranges(cosines, settings.ranges),
      caption: `A step that is perpendicular to first order has a cosine that falls in proportion to σ (dashed). With a penalty there is a limit that it does not fall below, and so there is where a network has residual arrows and only trained weights are counted. Root mean square over the draws; bands: lowest to highest of data sets and batch sizes.${skipped}`,
    },
  ]
}

/** Of the loss alone, with the step that the paper takes. */
function isPaper(row: CosinesRow, micro: number): boolean {
  const { scope, coordinates, sampling, range, weightDecay } = row
  return (
    scope === 'full' && coordinates === 'all arrows' && sampling === 'intra' && range === micro && weightDecay === 0
  )
}

const BINS = 17
/** Histograms of random directions fit in; what lies in one bin is cut off. */
const SHOWN = 40

function angles(rows: readonly CosinesRow[], micro: number): string {
  const own = rows.filter((row) => isPaper(row, micro))
  const cells = groupedBy(own, (row) => `${row.network} · ${cellLabel(row)}`)
  const perNetwork = new Set(own.map(cellLabel)).size
  const drawn = [...cells].map(([title, ofCell]): Panel => {
    const byPair = PAIRS.flatMap((pair) => ofCell.filter((row) => row.pair === pair))
    const degrees = byPair.map(({ cosines }) => cosines.map((cosine) => (Math.acos(cosine) * 180) / Math.PI))
    const furthest = Math.max(0, ...degrees.flat().map((angle) => Math.abs(angle - 90)))
    return {
      title,
      x: { label: 'angle (degrees)', ticks: 4 },
      y: { label: 'draws (%)', domain: [0, SHOWN] },
      marks: byPair.map(({ pair }, i) => histogram(binned(degrees[i] as number[], furthest), pair)),
    }
  })
  return panels(drawn.length > 0 ? drawn : [NOTHING], {
    title: 'Angles between micro-teleportations, gradients and random vectors',
    columns: Math.min(4, perNetwork > 4 ? 3 : Math.max(1, perNetwork)),
    legend: PAIRS,
    panelHeight: 130,
  })
}

const NOTHING: Panel = { x: { label: 'angle (degrees)' }, y: { label: 'draws (%)' }, marks: [] }

/** Bins of one width around 90°, the middle one centred there. */
function binned(degrees: readonly number[], furthest: number): Bin[] {
  const width = (2 * furthest * 1.001) / BINS
  const counts = new Array<number>(BINS).fill(0)
  for (const angle of degrees) {
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor((angle - 90) / width + BINS / 2)))
    ;(counts[bin] as number)++
  }
  return counts.map((count, bin) => ({
    low: 90 + (bin - BINS / 2) * width,
    high: 90 + (bin + 1 - BINS / 2) * width,
    count: (100 * count) / degrees.length,
  }))
}

/** The kinds of steps and gradients that are compared, from the paper's to those that must not be perpendicular. */
function kindOf(row: CosinesRow, micro: number): string | undefined {
  const { pair, scope, coordinates, sampling, range, weightDecay } = row
  if (range !== micro) return undefined
  if (pair === RANDOM_RANDOM) return 'two random vectors'
  if (pair !== MICRO_GRADIENT) return undefined
  if (sampling === 'inter') return weightDecay === 0 ? 'a large move: inter' : undefined
  if (scope === 'weights') return weightDecay === 0 ? 'scope weights' : undefined
  if (coordinates === 'trained weights') return weightDecay === 0 ? 'scope full, trained weights alone' : undefined
  return weightDecay === 0 ? 'scope full, all arrows' : `with a penalty, λ = ${weightDecay}`
}

function sizes(rows: readonly CosinesRow[], micro: number): string {
  const kinds = [
    ...['scope full, all arrows', 'scope full, trained weights alone', 'scope weights'],
    ...[...new Set(rows.map(({ weightDecay }) => weightDecay))]
      .filter((weightDecay) => weightDecay > 0)
      .map((weightDecay) => `with a penalty, λ = ${weightDecay}`),
    ...['a large move: inter', 'two random vectors'],
  ]
  const drawn = [...groupedBy(rows, ({ network }) => network)].map(([network, own]): Panel => {
    const [first] = own
    const marks = [...groupedBy(own, cellLabel)].map(([cell, ofCell]) => {
      const points = kinds.flatMap((kind) => {
        const row = ofCell.find((each) => kindOf(each, micro) === kind)
        if (row === undefined) return []
        const magnitudes = row.cosines.map(Math.abs)
        const [low, value, high] = [0.05, 0.5, 0.95].map((part) => quantile(magnitudes, part)) as [
          number,
          number,
          number,
        ]
        return [{ at: kind, low, value, high }]
      })
      return intervals(points, cell)
    })
    const chance = 1 / Math.sqrt(first?.dimension ?? 1)
    return {
      title: `${network}, n = ${(first?.dimension ?? 0).toLocaleString('en')}`,
      x: { label: '|cos|', type: 'log', ticks: 6 },
      y: { label: 'step and gradient', type: 'category', domain: kinds },
      marks: [referenceLine({ x: chance, label: '1/√n', place: 'start' }), ...marks],
    }
  })
  return panels(drawn.length > 0 ? drawn : [NOTHING], {
    title: 'How far from perpendicular to the gradient',
    columns: 2,
    panelHeight: 240,
    sharedX: true,
  })
}

const ALONE = 'the loss alone, all arrows'
const TRAINED = 'the loss alone, trained weights'
/** Of trained weights, all arrows, and with a penalty. */
const STYLES: readonly Style[] = [
  { colour: '#56b4e9', dash: '7 3', symbol: 'square' },
  styleOf(MICRO_GRADIENT),
  { colour: '#3b3b3b', dash: '8 3 2 3', symbol: 'diamond' },
]
const PROPORTIONAL = 'in proportion to σ'

function ranges(rows: readonly CosinesRow[], ticks: readonly number[]): string {
  const own = rows.filter(
    ({ pair, scope, sampling }) => pair === MICRO_GRADIENT && scope === 'full' && sampling === 'intra',
  )
  const largest = Math.max(0, ...own.map(({ weightDecay }) => weightDecay))
  const penalised = `with a penalty, λ = ${largest}`
  const series = (row: CosinesRow): string | undefined => {
    if (row.coordinates === 'trained weights') return row.weightDecay === 0 ? TRAINED : undefined
    return row.weightDecay === 0 ? ALONE : row.weightDecay === largest ? penalised : undefined
  }
  const drawn = [...groupedBy(own, ({ network }) => network)].map(([network, ofNetwork]): Panel => {
    const curves = [TRAINED, ALONE, penalised].map((label) => {
      const byRange = groupedBy(
        ofNetwork.filter((row) => series(row) === label),
        ({ range }) => String(range),
      )
      const points = [...byRange]
        .map(([range, cells]) => {
          const values = cells.map(({ cosines }) => rootMeanSquare(cosines))
          const y = Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
          return { x: Number(range), y, low: Math.min(...values), high: Math.max(...values) }
        })
        .sort((a, b) => a.x - b.x)
      return { label, points }
    })
    const [start] = curves[1]?.points ?? []
    const line = (curves[1]?.points ?? []).map(({ x }) => ({
      x,
      y: start === undefined ? null : (start.y * x) / start.x,
    }))
    return {
      title: network,
      x: { label: 'CoB-range σ', type: 'log', ticks, include: ticks },
      y: { label: '|cos| with the gradient', type: 'log' },
      marks: [
        referenceCurve(line, PROPORTIONAL),
        ...curves.map(({ label, points }, i) => curve(points, label, { style: STYLES[i] as Style })),
      ],
    }
  })
  return panels(drawn.length > 0 ? drawn : [NOTHING], {
    title: 'What is left of the cosine, against the size of the step',
    columns: Math.min(4, Math.max(1, drawn.length)),
    panelHeight: 200,
    sharedY: true,
  })
}
