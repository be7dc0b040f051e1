import { LossGradients } from '../../autodiff/loss-gradients.js'
import { trainable } from '../../autodiff/parameters.js'
import { sampleCob, type Sampling } from '../../cob/sample.js'
import type { Dataset } from '../../data/dataset.js'
import { type Model, ModelError, type Tensor } from '../../graph/model.js'
import type { Quiver } from '../../quiver/quiver.js'
import { nodeRuntime } from '../../runtime/node/session.js'
import { temporaryPlace } from '../../runtime/node/verify.js'
import { firstBatch } from '../../runs/sources.js'
import { teleport } from '../../teleport/teleport.js'
import { trainingQuiver } from '../../teleport/training-quiver.js'
import type { Cell, CellContext, DatasetName } from '../figure.js'
import { networkOf } from '../networks.js'
import { arrowsOf, withArrows } from './arrows.js'
import { eulerOf } from './euler.js'
import {
  type Coordinates,
  type CosinesRow,
  type EulerRow,
  type Fig3Row,
  GRADIENT_RANDOM,
  MICRO_GRADIENT,
  MICRO_RANDOM,
  RANDOM_RANDOM,
} from './rows.js'
import type { Fig3Settings } from './settings.js'
import { added, type Coordinate, elementsOf, inner, type Products, productsOf } from './vectors.js'

/** One cell for each network and data set: all batch sizes share the teleportations. */
export function cellsOf(settings: Fig3Settings): Cell<Fig3Row>[] {
  return settings.networks.flatMap((network) =>
    settings.datasets.map((dataset) => ({
      key: `${network}/${dataset}`,
      run: (context: CellContext) => runCell(network, dataset, settings, context),
    })),
  )
}

async function runCell(
  network: string,
  name: DatasetName,
  settings: Fig3Settings,
  context: CellContext,
): Promise<readonly Fig3Row[]> {
  const place = { network, dataset: name }
  let dataset: Dataset
  try {
    dataset = await context.dataset(name)
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    // Nothing takes its place: a reader must see that it is missing, and why.
    context.warn(`${network} on ${name} is skipped: ${error.message}`)
    return [{ ...place, kind: 'skipped', reason: error.message }]
  }
  const { classes, shape } = dataset
  const model = networkOf(network, { classes, inputShape: shape, seed: settings.seed })
  const measurement = await measure(model, dataset, settings, context)
  return measurement.map((row) => ({ ...place, ...row }) as Fig3Row)
}

type WithoutPlace<R> = Omit<R, 'network' | 'dataset'>
type Measured = WithoutPlace<CosinesRow> | WithoutPlace<EulerRow>

/** What is drawn: how often, and in which way. */
interface Draws {
  readonly quiver: Quiver
  readonly sampling: Sampling & ('intra' | 'inter')
  readonly range: number
  readonly count: number
  /** Beside random vectors too. */
  readonly random: boolean
}

async function measure(
  model: Model,
  dataset: Dataset,
  settings: Fig3Settings,
  { threads, signal, onProgress }: CellContext,
): Promise<Measured[]> {
  const { batchSizes, ranges, teleportations, furtherTeleportations, seed } = settings
  const [micro = 0.001, ...further] = ranges
  const quiver = trainingQuiver(model, 'full')
  const explicit = withArrows(model, quiver, micro)
  const trained = trainable(model, model.graph.outputs[0]?.name ?? '', {}).map((tensor) => tensor.name)
  const coordinates = await gradientsAt(
    explicit.model,
    [...trained, ...explicit.arrows],
    dataset,
    batchSizes,
    threads,
    signal,
  )
  const weights = coordinates.slice(0, trained.length)
  const arrows = coordinates.slice(trained.length)
  const lengths = lengthsOf(weights, arrows, batchSizes.length)

  const drawn: readonly Draws[] = [
    { quiver, sampling: 'intra', range: micro, count: teleportations, random: true },
    ...further.map((range): Draws => ({
      ...{ quiver, sampling: 'intra', range, count: furtherTeleportations, random: false },
    })),
    { quiver, sampling: 'inter', range: micro, count: furtherTeleportations, random: false },
    {
      ...{ quiver: trainingQuiver(model, 'weights'), sampling: 'intra', range: micro },
      ...{ count: furtherTeleportations, random: false },
    },
  ]
  const total = drawn.reduce((sum, { count }) => sum + count, 0)
  let done = 0
  const rows: Measured[] = eulers(quiver, explicit.model, coordinates, batchSizes)
  for (const draws of drawn) {
    const ofWeights: Products[] = []
    const ofAll: Products[] = []
    for (let draw = 0; draw < draws.count; draw++) {
      signal.throwIfAborted()
      const { sampling, range } = draws
      const cob = sampleCob(draws.quiver, { sampling, range, seed: seed + draw })
      const moved = teleport(model, draws.quiver, cob)
      const random = draws.random ? seed + draw : undefined
      const step = productsOf(weights, moved, random)
      ofWeights.push(step)
      // Where signs change, other arrows get factors too (around activations): there are no such coordinates in common.
      if (draws.quiver.scope === 'full' && sampling === 'intra') {
        checkArrows(moved, explicit.arrows)
        ofAll.push(added(step, productsOf(arrows, moved, random)))
      }
      onProgress(++done / total)
      // Lets signals and the display in.
      await new Promise((resolve) => setImmediate(resolve))
    }
    batchSizes.forEach((batchSize, batch) => {
      const found = cosinesOf(draws, settings, lengths, batch, ofWeights, ofAll)
      rows.push(...found.map((row) => ({ kind: 'cosines' as const, batchSize, ...row })))
    })
  }
  return rows
}

function checkArrows(moved: Model, arrows: readonly string[]): void {
  const found = arrowsOf(moved)
  if (found.length !== arrows.length)
    throw new Error(
      `a teleportation inserted ${found.length} factors on arrows where another inserted ${arrows.length}`,
    )
}

/** Weights with one gradient for each batch size, in batch-statistics form: of the first images of the training set, as they are. */
async function gradientsAt(
  model: Model,
  names: readonly string[],
  dataset: Dataset,
  batchSizes: readonly number[],
  threads: number,
  signal: AbortSignal,
): Promise<Coordinate[]> {
  const session = await LossGradients.open(nodeRuntime, model, {
    training: true,
    wrt: names,
    threads,
    place: temporaryPlace,
  })
  const gradients: ReadonlyMap<string, Tensor>[] = []
  try {
    for (const batchSize of batchSizes) {
      signal.throwIfAborted()
      const { images, labels } = await firstBatch(dataset, batchSize)
      gradients.push((await session.run(images, labels)).gradients)
    }
  } finally {
    await session.release()
  }
  return names.map((name) => ({
    name,
    weights: elementsOf(model.graph.initializers.get(name) as Tensor),
    gradients: gradients.map((each) => elementsOf(each.get(name) as Tensor)),
  }))
}

/** Σ g², Σ g·w and Σ w², of trained weights, and Σ g² of arrows: an arrow's factor bears no penalty. */
interface Lengths {
  readonly gg: readonly number[]
  readonly gw: readonly number[]
  readonly ww: number
  readonly arrows: readonly number[]
}

function lengthsOf(weights: readonly Coordinate[], arrows: readonly Coordinate[], batches: number): Lengths {
  const perBatch = (from: readonly Coordinate[], other: (each: Coordinate, batch: number) => Float32Array) =>
    Array.from({ length: batches }, (_, batch) =>
      from.reduce((sum, each) => sum + inner(each.gradients[batch] as Float32Array, other(each, batch)), 0),
    )
  const own = (each: Coordinate, batch: number) => each.gradients[batch] as Float32Array
  return {
    gg: perBatch(weights, own),
    gw: perBatch(weights, (each) => each.weights),
    ww: weights.reduce((sum, each) => sum + inner(each.weights, each.weights), 0),
    arrows: perBatch(arrows, own),
  }
}

function eulers(
  quiver: Quiver,
  model: Model,
  coordinates: readonly Coordinate[],
  batchSizes: readonly number[],
): WithoutPlace<EulerRow>[] {
  const byName = new Map(coordinates.map((each) => [each.name, each]))
  return batchSizes.map((batchSize, batch) => {
    const euler = eulerOf(quiver, model, (name) => {
      const found = byName.get(name)
      return found && { weights: found.weights, gradient: found.gradients[batch] as Float32Array }
    })
    return { kind: 'euler', batchSize, ...euler }
  })
}

type CosinesOnly = Omit<CosinesRow, 'network' | 'dataset' | 'kind' | 'batchSize'>

/** The cosines of one batch, of all draws. */
function cosinesOf(
  { quiver, sampling, range, random }: Draws,
  { weightDecays }: Fig3Settings,
  lengths: Lengths,
  batch: number,
  ofWeights: readonly Products[],
  ofAll: readonly Products[],
): CosinesOnly[] {
  const { scope } = quiver
  const rows: CosinesOnly[] = []
  const add = (
    pair: CosinesRow['pair'],
    coordinates: Coordinates,
    products: readonly Products[],
    cosine: (product: Products) => number,
    { weightDecay = 0, signWidth }: { weightDecay?: number; signWidth?: (product: Products) => number } = {},
  ) =>
    rows.push({
      ...{ pair, scope, coordinates, sampling, range, weightDecay },
      dimension: products[0]?.dimension ?? 0,
      cosines: products.map((product) => rounded(cosine(product))),
      signWidths: signWidth === undefined ? null : products.map((product) => rounded(signWidth(product))),
    })
  const at = (values: readonly number[]) => values[batch] as number
  for (const [coordinates, products] of [
    ['all arrows', ofAll],
    ['trained weights', ofWeights],
  ] as const) {
    if (products.length === 0) continue
    const withArrowFactors = coordinates === 'all arrows'
    const gg = at(lengths.gg) + (withArrowFactors ? at(lengths.arrows) : 0)
    add(MICRO_GRADIENT, coordinates, products, ({ gd, dd }) => at(gd) / Math.sqrt(gg * dd), {
      signWidth: ({ squares, dd }) => Math.sqrt(at(squares) / (gg * dd)),
    })
    for (const weightDecay of weightDecays) {
      const length = gg + 2 * weightDecay * at(lengths.gw) + weightDecay ** 2 * lengths.ww
      // The penalty is of trained weights: `ofWeights` has the inner product with them.
      const penalty = new Map(products.map((product, i) => [product, (ofWeights[i] as Products).dw]))
      const cosine = (product: Products) =>
        (at(product.gd) + weightDecay * (penalty.get(product) as number)) / Math.sqrt(length * product.dd)
      add(MICRO_GRADIENT, coordinates, products, cosine, { weightDecay })
    }
    if (!random || !withArrowFactors) continue
    add(MICRO_RANDOM, coordinates, products, ({ dr, dd, rr }) => dr / Math.sqrt(dd * rr))
    add(GRADIENT_RANDOM, coordinates, products, ({ gr, rr }) => at(gr) / Math.sqrt(gg * rr))
    add(RANDOM_RANDOM, coordinates, products, ({ rs, rr, ss }) => rs / Math.sqrt(rr * ss))
  }
  return rows
}

/** As many digits as a figure can need. */
function rounded(x: number): number {
  return Number(x.toPrecision(6))
}
