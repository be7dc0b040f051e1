import { sampleCob, type Sampling } from '../../cob/sample.js'
import { batches, TRAINING } from '../../data/batches.js'
import { type Dataset, sliceImages } from '../../data/dataset.js'
import type { Model } from '../../graph/model.js'
import { type Quiver, quiverOf } from '../../quiver/quiver.js'
import { ImageSource } from '../../runs/sources.js'
import { openModel } from '../../runtime/open.js'
import { nodeRuntime } from '../../runtime/node/session.js'
import type { HostTensor } from '../../runtime/session.js'
import { pseudoTeleport } from '../../teleport/pseudo.js'
import { teleport } from '../../teleport/teleport.js'
import { fit } from '../../train/fit.js'
import { sgd } from '../../train/optimizer-sgd.js'
import { openTrainer } from '../../train/runner.js'
import type { Cell, CellContext } from '../figure.js'
import { networkOf } from '../networks.js'
import { compareLogits, meanDistance, lossesOf } from './measure.js'
import type { Fig2Settings } from './settings.js'

/** At which point W teleportations begin. */
export const STATES = ['at initialisation', 'after an epoch'] as const
export type State = (typeof STATES)[number]

export type Move = 'teleportation' | 'exact teleportation' | 'pseudo-teleportation'

/** One move of the network from its weights W to V. */
export interface Fig2Row extends Readonly<Record<string, string | number | boolean>> {
  readonly state: State
  readonly move: Move
  readonly sampling: Sampling
  /** The CoB-range σ. */
  readonly range: number
  /** Of the move. A pseudo-teleportation goes as far as the teleportation of its seed. */
  readonly seed: number
  /** Mean |V − W| over weights and biases. */
  readonly meanDistance: number
  /** ‖V − W‖ ÷ ‖W‖ over them. */
  readonly relativeDistance: number
  /** Mean cross-entropy at W, and at V, over the images. */
  readonly loss: number
  readonly movedLoss: number
  /** Mean |ΔL| over the images, each with its own loss: nothing cancels out. */
  readonly lossDifference: number
  /** max|logit at V − logit at W| ÷ max|logit at W| over the images. */
  readonly logitError: number
  /** Whether all logits are the same, bit for bit. */
  readonly identical: boolean
}

export function cellsOf(settings: Fig2Settings): readonly Cell<Fig2Row>[] {
  return STATES.map((state) => ({ key: state, run: (context) => rowsOf(state, settings, context) }))
}

interface Draw {
  readonly move: Exclude<Move, 'pseudo-teleportation'>
  readonly sampling: Sampling
  readonly range: number
  readonly seed: number
  /** Whether a pseudo-teleportation is measured beside it. */
  readonly pseudo: boolean
}

function drawsOf(settings: Fig2Settings): readonly Draw[] {
  const { sampling, range, teleportations, pseudoTeleportations, exactTeleportations, teleportationsOfSmallerRanges } =
    settings
  const seeds = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
  const teleportation = { move: 'teleportation', sampling, range } as const
  return [
    ...seeds(teleportations).map((seed): Draw => ({ ...teleportation, seed, pseudo: seed <= pseudoTeleportations })),
    ...settings.smallerRanges.flatMap((smaller) =>
      seeds(teleportationsOfSmallerRanges).map((seed): Draw => ({
        ...teleportation,
        sampling: 'intra',
        range: smaller,
        seed,
        pseudo: true,
      })),
    ),
    ...seeds(exactTeleportations).map((seed): Draw => ({
      ...teleportation,
      move: 'exact teleportation',
      seed,
      pseudo: false,
    })),
  ]
}

async function rowsOf(state: State, settings: Fig2Settings, context: CellContext): Promise<readonly Fig2Row[]> {
  const { network, images, seed } = settings
  const { threads, signal, onProgress } = context
  const dataset = await context.dataset('cifar10')
  const initial = networkOf(network, { seed })
  const model = state === 'at initialisation' ? initial : await trained(initial, dataset, settings, context)
  const { x, labels } = await validationImages(dataset, images)
  const logitsOf = async (moved: Model): Promise<Float32Array> => {
    const session = await openModel(nodeRuntime, moved, { threads })
    try {
      const outputs = await session.run(new Map([[moved.graph.inputs[0]?.name ?? '', x]]))
      return outputs.get(moved.graph.outputs[0]?.name ?? '')?.data as Float32Array
    } finally {
      await session.release()
    }
  }
  const here = await logitsOf(model)
  const losses = lossesOf(here, labels)
  const measured = async (move: Move, { sampling, range, seed: drawn }: Draw, moved: Model): Promise<Fig2Row> => {
    const there = await logitsOf(moved)
    return {
      state,
      move,
      sampling,
      range,
      seed: drawn,
      ...meanDistance(model, moved),
      ...compareLogits(here, there),
      ...differences(losses, lossesOf(there, labels)),
    }
  }
  const quiver: Quiver = quiverOf(model, { scope: 'full' })
  const rows: Fig2Row[] = []
  const draws = drawsOf(settings)
  for (const [i, draw] of draws.entries()) {
    signal.throwIfAborted()
    const { move, sampling, range, seed: drawn } = draw
    const exact = move === 'exact teleportation'
    const moved = teleport(model, quiver, sampleCob(quiver, { sampling, range, seed: drawn, exact }))
    rows.push(await measured(move, draw, moved))
    if (draw.pseudo)
      rows.push(await measured('pseudo-teleportation', draw, pseudoTeleport(model, moved, { seed: drawn })))
    onProgress((i + 1) / draws.length)
  }
  return rows
}

function differences(losses: Float64Array, moved: Float64Array) {
  const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length
  return {
    loss: mean(losses),
    movedLoss: mean(moved),
    lossDifference: mean(losses.map((loss, i) => Math.abs((moved[i] as number) - loss))),
  }
}

async function validationImages({ validation }: Dataset, count: number) {
  for await (const { images, labels } of batches(sliceImages(validation, 0, count), {
    batchSize: count,
    worker: false,
  }))
    return { x: images as HostTensor, labels: Int32Array.from(labels.data as BigInt64Array, Number) }
  throw new Error('there are no images')
}

async function trained(
  model: Model,
  { train }: Dataset,
  { trainingImages, learningRate, momentum, batchSize, seed }: Fig2Settings,
  { threads, signal }: CellContext,
): Promise<Model> {
  const training = new ImageSource(sliceImages(train, 0, trainingImages), { ...TRAINING, batchSize, seed })
  try {
    const result = await fit({
      model,
      step: { loss: 'crossEntropy', optimizer: sgd({ lr: learningRate, momentum }), batchSize },
      training,
      epochs: 1,
      seed,
      signal,
      open: (step) => openTrainer(nodeRuntime, step, { threads, seed }),
    })
    signal.throwIfAborted()
    return result.model
  } finally {
    await training.close()
  }
}
