import { annotation, points } from '../../plot/marks.js'
import { panels } from '../../plot/panels.js'
import type { Plot } from '../figure.js'
import { type Fig2Row, STATES } from './compute.js'
import type { Fig2Settings } from './settings.js'

/** Moves that can be drawn on a logarithmic axis: the exact ones change no loss at all. */
const DRAWN = ['teleportation', 'pseudo-teleportation'] as const

export function plotsOf(rows: readonly Fig2Row[], settings: Fig2Settings): readonly Plot[] {
  const svg = panels(
    STATES.map((state) => {
      const here = rows.filter((row) => row.state === state)
      const exact = here.filter(({ move }) => move === 'exact teleportation')
      const same = exact.filter(({ identical }) => identical).length
      return {
        title: `${settings.network} ${state}`,
        x: { label: 'mean |V − W| over weights and biases', type: 'log' as const },
        y: { label: 'mean |ΔL| over images (nats)', type: 'log' as const, include: [1e-9, 10] },
        marks: [
          ...DRAWN.map((move) =>
            points(
              here.filter((row) => row.move === move).map((row) => ({ x: row.meanDistance, y: row.lossDifference })),
              move,
            ),
          ),
          ...(exact.length === 0
            ? []
            : [
                annotation(`with τ rounded to powers of two: ΔL = 0 in ${same} of ${exact.length}`, {
                  corner: 'bottom-left',
                }),
              ]),
        ],
      }
    }),
    { title: 'A level set of the loss', columns: 2, sharedY: true, sharedX: true, panelHeight: 300 },
  )
  const { teleportations, sampling, range, images } = settings
  return [
    {
      name: 'fig2',
      svg,
      caption: `How much the loss of each of ${images} CIFAR-10 images changes when the network is moved from W to V: by ${teleportations} teleportations (${sampling}, σ ${range}; further left by intra with σ ${settings.smallerRanges.join(', ')}), and by random moves of the same length in each tensor. Teleportations stay on the level set but for the rounding of single precision.`,
    },
  ]
}
