import { sampleCob } from '../../cob/sample.js'
import { sliceImages } from '../../data/dataset.js'
import type { Model } from '../../graph/model.js'
import { quiverOf } from '../../quiver/quiver.js'
import { loadModel } from '../../runtime/node/load.js'
import type { FinishedRun } from '../../sweeps/finished-run.js'
import { distanceBetween } from '../../teleport/distance.js'
import { teleport } from '../../teleport/teleport.js'
import type { Cell, CellContext } from '../figure.js'
import { batchesOf, firstImages, Line } from './line.js'
import type { Cobs, Fig4Row } from './rows.js'
import { alphasOf, type Fig4Settings } from './settings.js'
import { sharpnessOf } from './sharpness.js'
import { type Pair, pairsOf } from './sweep.js'

/** One cell for each pair of minima. */
export function cellsOf(settings: Fig4Settings, runs: readonly FinishedRun[]): Cell<Fig4Row>[] {
  return pairsOf(settings, runs).map((pair) => ({
    key: `pair ${pair.seed}`,
    run: (context: CellContext) => runCell(pair, settings, context),
  }))
}

/** The two ends of a line. */
interface Ends {
  readonly range: number
  readonly cobs: Cobs
  readonly draw: number
  readonly a: Model
  readonly b: Model
}

async function runCell(pair: Pair, settings: Fig4Settings, context: CellContext): Promise<Fig4Row[]> {
  const { threads, signal, onProgress } = context
  const failed = [pair.a, pair.b].find((run) => run?.model === undefined || run.ended === 'failed')
  const at = { pair: pair.seed }
  if (failed !== undefined) {
    const reason = `minimum ${failed.labels.minimum ?? ''}, ${failed.reason ?? 'no trained network'}`
    return [{ ...at, kind: 'failed', range: 0, cobs: 'none', draw: 0, reason }]
  }
  const [a, b] = [await loadModel(pair.a?.model as string), await loadModel(pair.b?.model as string)]
  const data = firstImages(await context.dataset('cifar10'), settings.trainingImages, settings.testImages)
  const [hessianBatch] = await batchesOf(
    sliceImages(data.train, 0, Math.min(settings.hessianImages, data.train.count)),
    settings.hessianImages,
  )
  const alphas = alphasOf(settings)
  const lines = endsOf(a, b, pair.seed, settings)
  const measured = lines.filter(isMeasured)
  // A Hessian's eigenvalue takes about as long as this many places on the line.
  const perHessian = alphas.length
  const total = lines.length * alphas.length + 2 * measured.length * perHessian
  let done = 0
  const advance = (by: number) => onProgress((done += by) / total)

  const rows: Fig4Row[] = []
  const line = await Line.open(a, data, threads)
  try {
    for (const { a: from, b: to, ...place } of lines) {
      const found = await line.along(from, to, alphas, () => advance(1), signal)
      rows.push(...found.map((row) => ({ ...at, ...place, kind: 'line' as const, ...row })))
    }
  } finally {
    await line.release()
  }
  for (const { a: from, b: to, ...place } of measured) {
    const distance = distanceBetween(from, to).absolute
    for (const [minimum, model] of [
      ['A', from],
      ['B', to],
    ] as const) {
      signal.throwIfAborted()
      const options = { directions: settings.directions, seed: pair.seed, threads }
      const found = await sharpnessOf(model, hessianBatch as NonNullable<typeof hessianBatch>, options)
      rows.push({ ...at, ...place, kind: 'sharpness', minimum, ...found, distance })
      advance(perHessian)
    }
  }
  return rows
}

/** Of the first teleportation: the others' Hessians take long, and say the same. */
function isMeasured({ cobs, draw }: Ends): boolean {
  return cobs !== 'one' && draw === 0
}

/** As they are; teleported, each by a CoB of its own, as often as is asked for; and once by one CoB. */
function endsOf(a: Model, b: Model, pair: number, { ranges, teleportations }: Fig4Settings): Ends[] {
  const moved = (model: Model, range: number, seed: number): Model => {
    const quiver = quiverOf(model, { scope: 'weights' })
    return teleport(model, quiver, sampleCob(quiver, { sampling: 'intra', range, seed }))
  }
  const first = (draw: number) => 1000 * pair + 2 * draw
  return [
    { range: 0, cobs: 'none', draw: 0, a, b },
    ...ranges.flatMap((range) =>
      Array.from({ length: teleportations }, (_, draw): Ends => ({
        ...{ range, cobs: 'own', draw },
        a: moved(a, range, first(draw)),
        b: moved(b, range, first(draw) + 1),
      })),
    ),
    ...ranges.map((range): Ends => ({
      ...{ range, cobs: 'one', draw: 0 },
      a: moved(a, range, first(0)),
      b: moved(b, range, first(0)),
    })),
  ]
}
