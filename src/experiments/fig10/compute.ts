import { sampleCob } from '../../cob/sample.js'
import type { Model } from '../../graph/model.js'
import type { Initializer } from '../../models/initializers/initializer.js'
import { quiverOf } from '../../quiver/quiver.js'
import { hostOfTensor } from '../../runtime/host.js'
import { weightsOf } from '../../teleport/distance.js'
import { teleport } from '../../teleport/teleport.js'
import type { Cell, CellContext } from '../figure.js'
import { networkOf } from '../networks.js'
import { countsOf, distributionOf } from './distribution.js'
import type { Fig10Settings } from './settings.js'

/** The weights of a layer, or of all, before and after one teleportation; without biases. */
export interface Fig10Row extends Readonly<Record<string, string | number | readonly number[]>> {
  readonly initializer: string
  readonly seed: number
  /** `layer 1` …, or `all layers`. */
  readonly layer: string
  readonly weights: number
  readonly deviation: number
  readonly movedDeviation: number
  readonly kurtosis: number
  readonly movedKurtosis: number
  /** Share of weights that lie outside of the initial range, −max|w| to max|w|, of their own layer. */
  readonly outside: number
  /** Histograms reach from −bound to bound, the same for all seeds. */
  readonly bound: number
  readonly counts: readonly number[]
  readonly movedCounts: readonly number[]
}

/** All layers together. */
export const ALL = 'all layers'
/** How far histograms reach, in standard deviations before the teleportation, rounded up to two digits. */
const REACH = 5

export function cellsOf(settings: Fig10Settings): readonly Cell<Fig10Row>[] {
  return settings.initializers.map((initializer) => ({
    key: initializer,
    run: (context: CellContext) => Promise.resolve(rowsOf(initializer, settings, context)),
  }))
}

function rowsOf(
  initializer: string,
  { network, sampling, range, seeds, bins }: Fig10Settings,
  { signal, onProgress }: CellContext,
): Fig10Row[] {
  const bounds = new Map<string, number>()
  const rows: Fig10Row[] = []
  for (const [i, seed] of seeds.entries()) {
    signal.throwIfAborted()
    const model = networkOf(network, { seed, initialize: initializer as Initializer['type'] })
    const quiver = quiverOf(model, { scope: 'full' })
    const before = matricesOf(model)
    const after = matricesOf(teleport(model, quiver, sampleCob(quiver, { sampling, range, seed })))
    const layers = [
      ...before.map((matrix, layer) => ({ layer: `layer ${layer + 1}`, at: [layer], before: [matrix] })),
      { layer: ALL, at: before.map((_, layer) => layer), before },
    ]
    const initial = before.map((matrix) => distributionOf([matrix]))
    for (const { layer, at, before: w } of layers) {
      const v = at.map((index) => after[index] as Float32Array)
      const [here, there] = [distributionOf(w), distributionOf(v)]
      const bound = bounds.get(layer) ?? roundedUp(REACH * here.deviation)
      bounds.set(layer, bound)
      const weights = w.reduce((sum, matrix) => sum + matrix.length, 0)
      const outside = at.reduce(
        (sum, index) => sum + beyond(after[index] as Float32Array, initial[index]?.largest as number),
        0,
      )
      rows.push({
        initializer,
        seed,
        layer,
        weights,
        deviation: here.deviation,
        movedDeviation: there.deviation,
        kurtosis: here.kurtosis,
        movedKurtosis: there.kurtosis,
        outside: outside / weights,
        bound,
        counts: countsOf(w, bound, bins),
        movedCounts: countsOf(v, bound, bins),
      })
    }
    onProgress((i + 1) / seeds.length)
  }
  return rows
}

function matricesOf(model: Model): Float32Array[] {
  return [...weightsOf(model).values()]
    .filter(({ dims }) => dims.length > 1)
    .map((tensor) => hostOfTensor(tensor).data as Float32Array)
}

function beyond(values: Float32Array, bound: number): number {
  return values.reduce((count, value) => (Math.abs(value) > bound ? count + 1 : count), 0)
}

function roundedUp(value: number): number {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1)
  return Number((Math.ceil(value / unit) * unit).toPrecision(2))
}
