import { type Bin, histogram } from '../../plot/marks.js'
import { type Panel, panels } from '../../plot/panels.js'
import type { Plot } from '../figure.js'
import { ALL, type Fig10Row } from './compute.js'
import type { Fig10Settings } from './settings.js'

const BEFORE = 'no teleportation'
const AFTER = 'teleportation'

export function plotsOf(rows: readonly Fig10Row[], settings: Fig10Settings): readonly Plot[] {
  const { network, sampling, range, initializers, seeds } = settings
  const uniform = rows.filter(({ initializer }) => initializer === 'default')
  const layers = [...new Set(uniform.map(({ layer }) => layer))].sort(
    (a, b) => Number(b === ALL) - Number(a === ALL) || a.localeCompare(b),
  )
  const whole = initializers
    .filter((initializer) => initializer !== 'default')
    .map((initializer) =>
      panelOf(
        initializer,
        rows.filter((row) => row.initializer === initializer && row.layer === ALL),
      ),
    )
  const how = `of ${network} before and after one teleportation (${sampling}, σ ${range}), ${seeds.length} seeds together; what lies beyond the axis (${beyondText(rows)} after it) is not drawn`
  return [
    {
      name: 'fig10',
      svg: panels(
        (layers.length === 0 ? [ALL] : layers).map((layer) =>
          panelOf(
            layer,
            uniform.filter((row) => row.layer === layer),
          ),
        ),
        { title: 'Weights before and after a teleportation, uniform initialisation' },
      ),
      caption: `Weights ${how}. PyTorch's default initialisation, by layer and altogether.`,
    },
    ...(whole.length === 0
      ? []
      : [
          {
            name: 'fig10-initializers',
            svg: panels(whole, {
              title: 'Weights before and after a teleportation, other initialisations',
              columns: 2,
            }),
            caption: `All weights ${how}.`,
          },
        ]),
  ]
}

function panelOf(title: string, rows: readonly Fig10Row[]): Panel {
  return {
    title,
    x: { label: 'weight' },
    y: { label: 'share of weights in an interval (%)' },
    marks: [
      histogram(
        binsOf(rows, ({ counts }) => counts),
        BEFORE,
      ),
      histogram(
        binsOf(rows, ({ movedCounts }) => movedCounts),
        AFTER,
      ),
    ],
  }
}

/** Shares, in percent, over all seeds. */
function binsOf(rows: readonly Fig10Row[], countsOf: (row: Fig10Row) => readonly number[]): Bin[] {
  const [first] = rows
  if (first === undefined) return []
  const total = rows.reduce((sum, { weights }) => sum + weights, 0)
  const width = (2 * first.bound) / first.counts.length
  return first.counts.map((_, i) => {
    const count = rows.reduce((sum, row) => sum + (countsOf(row)[i] as number), 0)
    const low = -first.bound + i * width
    return { low, high: low + width, count: (100 * count) / total }
  })
}

function beyondText(rows: readonly Fig10Row[]): string {
  const shares = rows
    .filter(({ layer }) => layer === ALL)
    .map(({ movedCounts, weights }) => 1 - movedCounts.reduce((sum, count) => sum + count, 0) / weights)
  return shares.length === 0 ? 'none' : `at most ${(100 * Math.max(...shares)).toFixed(1)} %`
}
