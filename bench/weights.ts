import type { Model } from '../src/index.js'
import { library } from './library.js'
import { inTurns, milliseconds } from './measure.js'
import { chain } from './networks.js'
import { type Benchmark, figureTable, median, type Section } from './report.js'

const { quiverOf, sampleCob, teleport } = library
const ROUNDS = 5

/** Through which tensors are read, piece by piece, as when a file is written. */
const buffer = new Uint8Array(512 * 1024)

/** Layers × width² weights. */
const SIZES: readonly (readonly [name: string, layers: number, width: number])[] = [
  ['1 M weights, 2 tensors', 2, 707],
  ['10 M weights, 10 tensors', 10, 1000],
  ['100 M weights, 100 tensors', 100, 1000],
  ['1 G weights, 1000 tensors', 1000, 1000],
  ['1 G weights, 10 tensors', 10, 10_000],
]

/** Everything from the model to the last byte. */
function teleportAll(model: Model): void {
  const quiver = quiverOf(model)
  const moved = teleport(model, quiver, sampleCob(quiver, { seed: 1 }))
  for (const { data } of moved.graph.initializers.values())
    for (let at = 0; at < data.byteLength; at += buffer.length)
      data.readInto?.(at, buffer.subarray(0, Math.min(buffer.length, data.byteLength - at)))
}

/** What a weight costs, from a million to a thousand million of them. */
export const weights: Benchmark = {
  name: 'weights',
  run(): Section {
    const networks = SIZES.map(([what, layers, width]) => ({
      what,
      count: layers * width ** 2,
      model: chain(layers, width),
    }))
    const times = inTurns(
      ROUNDS,
      networks.map(({ model, count }) => () => {
        // A small one many times, so that a turn is not shorter than a disturbance.
        const repeats = Math.max(1, Math.floor(1e8 / count))
        return (
          milliseconds(() => {
            for (let i = 0; i < repeats; i++) teleportAll(model)
          }) / repeats
        )
      }),
    )
    const costs = networks.map(({ what, count }, i) => ({
      what,
      values: (times[i] ?? []).map((time) => (time * 1e6) / count),
      unit: 'ns per weight',
    }))
    const hundred = median(costs[2]?.values ?? [])
    return {
      title: 'Cost per weight',
      how: `Chains of square MatMul layers with Relu, float32: quiver, sample, teleport, and reading every byte of every changed tensor in pieces of 512 KiB into one buffer, as when a file is written. The
original weights are one block of 4 MiB over and over, so that a thousand million fit into memory. ${ROUNDS} rounds; small networks are
teleported many times in a round.`,
      tables: [
        figureTable([
          ...costs,
          {
            what: '1 G weights (1000 tensors) ÷ 100 M',
            values: (costs[3]?.values ?? []).map((cost) => cost / hundred),
            unit: '×',
            demand: { limit: 1.25, text: 'constant (≤ 1.25 ×)' },
          },
          {
            what: '1 M ÷ 100 M',
            values: (costs[0]?.values ?? []).map((cost) => cost / hundred),
            unit: '×',
            demand: { limit: 1.25, text: 'constant (≤ 1.25 ×)' },
          },
        ]),
      ],
    }
  },
}
