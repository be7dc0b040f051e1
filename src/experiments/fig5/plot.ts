import { overSeeds } from '../../plot/bands.js'
import { curve, referenceCurve } from '../../plot/marks.js'
import { type Panel, panels } from '../../plot/panels.js'
import type { Plot } from '../figure.js'
import type { Fig5Row } from './compute.js'
import { expectedGrowth } from './expectation.js'
import type { Fig5Settings } from './settings.js'

const THEOREM = 'Theorem 2, for the same teleportations (mean)'
const EXPECTATION = 'Theorem 2, from expected squares'
const GROWTH = '(1 + σ²/3) ÷ (1 − σ²)'
const RANGE = { label: 'CoB-range σ', domain: [0, 0.92] as const, ticks: [0, 0.2, 0.4, 0.6, 0.8] }

export function plotsOf(rows: readonly Fig5Row[], settings: Fig5Settings): readonly Plot[] {
  return [
    ...settings.samplings.map((sampling, i): Plot => {
      const name = i === 0 ? 'fig5' : `fig5-${sampling}`
      const svg = panels(
        settings.networks.map((network) => differences(network, ofNetwork(rows, network, sampling))),
        {
          title: `Change of the normalised gradient (${sampling})`,
          columns: 2,
          legend: [...settings.networks, THEOREM, EXPECTATION],
        },
      )
      return {
        name,
        svg,
        caption: `| ‖∇W‖/‖W‖ − ‖∇V‖/‖V‖ | of one batch with batch statistics; ∇V by differentiation at V. Mean of ${settings.teleportations} teleportations (${sampling}) at each σ, band: 95 % t-interval of the mean.`,
      }
    }),
    {
      name: 'fig5-growth',
      svg: panels(
        settings.samplings.map((sampling) => growth(sampling, settings, rows)),
        { title: 'Growth of squared gradients between hidden neurons', columns: 2, sharedY: true, panelHeight: 280 },
      ),
      caption: `‖∇V‖²/‖∇W‖² over weights between hidden neurons, beside the expectation of (τ_in/τ_out)². Mean of ${settings.teleportations} teleportations at each σ, band: 95 % t-interval of the mean.`,
    },
  ]
}

function ofNetwork(rows: readonly Fig5Row[], network: string, sampling: string): readonly Fig5Row[] {
  return rows.filter((row) => row.network === network && row.sampling === sampling)
}

function differences(network: string, rows: readonly Fig5Row[]): Panel {
  const over = (y: (row: Fig5Row) => number) => overSeeds(rows, { x: ({ range }) => range, y, by: () => network })
  const meanOf = (y: (row: Fig5Row) => number) => over(y).flatMap(({ points }) => points.map(({ x, y }) => ({ x, y })))
  return {
    title: network,
    x: RANGE,
    y: { label: '| ‖∇W‖/‖W‖ − ‖∇V‖/‖V‖ |', include: [0] },
    marks: [
      ...over((row) => row.normalizedDifference).map(({ points }) => curve(points, network)),
      referenceCurve(
        meanOf((row) => row.predictedDifference),
        THEOREM,
      ),
      referenceCurve(
        meanOf((row) => row.expectedDifference),
        EXPECTATION,
        { style: { colour: '#777', dash: '1 3' } },
      ),
    ],
  }
}

function growth(sampling: string, { networks, ranges }: Fig5Settings, rows: readonly Fig5Row[]): Panel {
  const [first = 0, last = 0] = [ranges[0], ranges.at(-1)]
  const fine = Array.from({ length: 60 }, (_, i) => first + ((last - first) * i) / 59)
  return {
    title: sampling,
    x: RANGE,
    y: { label: '‖∇V‖² ÷ ‖∇W‖² (hidden weights)', type: 'log' },
    marks: [
      ...networks.flatMap((network) =>
        overSeeds(ofNetwork(rows, network, sampling), {
          x: ({ range }) => range,
          y: (row) => row.squaredGrowth,
          by: () => network,
        }).map(({ points }) => curve(points, network)),
      ),
      referenceCurve(
        fine.map((x) => ({ x, y: expectedGrowth(x) })),
        GROWTH,
      ),
    ],
  }
}
