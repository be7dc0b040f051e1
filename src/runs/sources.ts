import path from 'node:path'
import { type Batch, batches, BatchLoader, type BatchOptions, TRAINING } from '../data/batches.js'
import { type CifarOptions, loadCifar10, loadCifar100 } from '../data/cifar.js'
import { type Dataset, type Images, sliceImages } from '../data/dataset.js'
import { randomData } from '../data/random-data.js'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { EpochSource } from '../train/validate.js'
import type { TrainingBatch } from '../train/trainer.js'
import type { RunConfig } from './config-schema.js'

type Listeners = Pick<CifarOptions, 'onProgress' | 'onWarning'>

/**
 * The data set of a configuration, cut to as many images as it wants.
 * @param beside the folder that names of folders are relative to
 * @throws ModelError where there are not as many
 */
export async function datasetOf({ data, seed }: RunConfig, beside: string, listeners: Listeners): Promise<Dataset> {
  const { training, validation } = data
  if (data.name === 'random')
    return randomData({
      seed: data.seed ?? seed,
      ...(training !== undefined && { train: training }),
      ...(validation !== undefined && { validation }),
      ...(data.shape !== undefined && { shape: data.shape }),
      ...(data.classes !== undefined && { classes: data.classes }),
    })
  const whole = await load(data.name, {
    ...listeners,
    ...(data.from !== undefined && { folder: path.resolve(beside, data.from) }),
    ...(data.cache !== undefined && { cache: path.resolve(beside, data.cache) }),
  })
  return {
    ...whole,
    train: first(whole.train, training, 'training'),
    validation: first(whole.validation, validation, 'validation'),
  }
}

function first(images: Images, count: number | undefined, part: string): Images {
  if (count === undefined) return images
  if (count > images.count)
    throw new ModelError(`${count} images for ${part} are asked for; the data set has ${images.count}`)
  return sliceImages(images, 0, count)
}

/** The data set of a name: cifar10, cifar100 or random. @throws ModelError for any other */
export async function datasetNamed(name: string, seed: number, listeners: Listeners): Promise<Dataset> {
  if (name === 'random') return randomData({ seed })
  if (name === 'cifar10' || name === 'cifar100') return load(name, listeners)
  throw new ModelError(`there is no data set ${quoted(name)}: expected cifar10, cifar100, random, or a .npz file`)
}

async function load(name: 'cifar10' | 'cifar100', options: CifarOptions): Promise<Dataset> {
  return name === 'cifar10' ? loadCifar10(options) : loadCifar100(options)
}

/** The first images of the training set, as they are. */
export async function firstBatch({ train }: Dataset, batchSize: number): Promise<Batch> {
  const images = sliceImages(train, 0, Math.min(batchSize, train.count))
  for await (const batch of batches(images, { batchSize: images.count, worker: false })) return batch
  throw new ModelError('the training set is empty')
}

/** Batches of images as a training run takes them, and the thread that prepares them. */
export class ImageSource implements EpochSource {
  readonly #loader: BatchLoader

  constructor(images: Images, options: BatchOptions) {
    this.#loader = new BatchLoader(images, options)
  }

  get batchCount(): number {
    return this.#loader.batchCount
  }

  async *epoch(epoch: number, first = 0): AsyncGenerator<TrainingBatch, void, undefined> {
    for await (const { images, labels } of this.#loader.epoch(epoch, first) as AsyncIterable<Batch>)
      yield { x: images, target: labels }
  }

  close(): Promise<void> {
    return this.#loader.close()
  }
}

/** Training as in the paper's code: shuffled, without a last partial batch; cropped and mirrored if `augment`. */
export function trainingSource({ train }: Dataset, { training, seed }: RunConfig): ImageSource {
  const { augment, batchSize } = training
  return new ImageSource(train, { ...TRAINING, batchSize, seed, ...(!augment && { padding: 0, flip: false }) })
}

/** All images in their order, as they are. */
export function validationSource({ validation }: Dataset, { training }: RunConfig): ImageSource {
  return new ImageSource(validation, { batchSize: training.batchSize })
}
