import { ModelError } from '../graph/model.js'
import type { HostTensor } from '../runtime/session.js'
import { batchCount, type BatchPlan } from './batch-maker.js'
import type { Images } from './dataset.js'
import { type BatchMemory, labelsIn, type Prepared } from './prepare.js'
import { InThread, OnWorker, type Preparer } from './preparers.js'

/** How images become batches. What is not said is as for validation: in order, unchanged, the last partial batch included. */
export interface BatchOptions {
  readonly batchSize: number
  /** A whole number; default 0. */
  readonly seed?: number
  /** Another order in every epoch; default false. */
  readonly shuffle?: boolean
  /** Leave out the last batch if it is not full; default false. */
  readonly dropLast?: boolean
  /** Random crop of an image with this many black pixels around it; default 0, none. */
  readonly padding?: number
  /** Random mirroring left to right; default false. */
  readonly flip?: boolean
  /** Element type of the labels; default int64. */
  readonly labelType?: 'int64' | 'int32'
  /** Batches that are prepared beforehand; default 2. */
  readonly ahead?: number
  /** Prepare them on a thread of their own; default true. The batches are the same bit for bit. */
  readonly worker?: boolean
}

/** How the paper's authors train on CIFAR: shuffled, cropped with padding 4, mirrored, without a last partial batch. */
export const TRAINING = { shuffle: true, dropLast: true, padding: 4, flip: true } as const

export interface ImageTensor extends HostTensor {
  readonly data: Float32Array
}

export interface LabelTensor extends HostTensor {
  readonly data: BigInt64Array | Int32Array
}

/** Some images and their labels. Its memory is used again: it can be read until the next batch is asked for. */
export interface Batch {
  /** From 0, in its epoch. */
  readonly index: number
  readonly count: number
  /** float32 [count, C, H, W], normalised. */
  readonly images: ImageTensor
  /** int64 or int32 [count]. */
  readonly labels: LabelTensor
}

/**
 * Batches of images, epoch after epoch, prepared while the caller computes. What an epoch gives depends on images, options and the
 * epoch's number alone: not on the epochs before it, nor on the thread that prepares it.
 */
export class BatchLoader {
  /** Batches of an epoch. */
  readonly batchCount: number
  readonly #images: Images
  readonly #preparer: Preparer
  readonly #free: BatchMemory[]
  #run = 0
  #running = false

  /** @throws ModelError for options that make no sense */
  constructor(images: Images, options: BatchOptions) {
    const plan = planOf(images, options)
    const { labelType = 'int64', ahead = 2, worker = true } = options
    check('ahead', ahead, 0)
    const [channels, height, width] = images.shape
    this.batchCount = batchCount(images.count, plan)
    this.#images = images
    this.#preparer = worker ? new OnWorker({ images, plan }) : new InThread({ images, plan })
    // One is with the caller.
    this.#free = Array.from({ length: ahead + 1 }, () => ({
      pixels: new ArrayBuffer(4 * plan.batchSize * channels * height * width),
      labels: new ArrayBuffer((labelType === 'int64' ? 8 : 4) * plan.batchSize),
      labelType,
    }))
  }

  /**
   * The batches of an epoch, from the batch `first` on (default: all). One epoch at a time.
   * @throws ModelError where another epoch is still being read, the loader was closed, or its thread failed
   */
  async *epoch(epoch: number, first = 0): AsyncGenerator<Batch, void, undefined> {
    check('epoch', epoch, 0)
    check('first', first, 0)
    if (this.#running) throw new ModelError('batches of two epochs are read at the same time; make a loader for each')
    this.#running = true
    const run = ++this.#run
    try {
      for (let asked = first, index = first; index < this.batchCount; index++) {
        let prepared: Prepared
        do {
          for (let memory; asked < this.batchCount && (memory = this.#free.pop()) !== undefined; asked++)
            this.#preparer.request({ run, epoch, batch: asked, memory })
          prepared = await this.#preparer.next()
          // Of an epoch that was broken off.
          if (prepared.run !== run) this.#free.push(prepared.memory)
        } while (prepared.run !== run)
        try {
          yield this.#batch(prepared)
        } finally {
          this.#free.push(prepared.memory)
        }
      }
    } finally {
      this.#running = false
    }
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    await this.#preparer.close()
  }

  #batch({ batch, count, memory }: Prepared): Batch {
    const [channels, height, width] = this.#images.shape
    const pixels = new Float32Array(memory.pixels, 0, count * channels * height * width)
    return {
      index: batch,
      count,
      images: { dtype: 'float32', dims: [count, channels, height, width], data: pixels },
      labels: { dtype: memory.labelType, dims: [count], data: labelsIn(memory).subarray(0, count) },
    }
  }
}

/**
 * The batches of one epoch: `for await (const { images, labels } of batches(train, { ...TRAINING, batchSize: 256, epoch: 3 }))`.
 * For many epochs a `BatchLoader` saves starting a thread each time.
 * @throws ModelError for options that make no sense
 */
export async function* batches(
  images: Images,
  options: BatchOptions & { readonly epoch?: number; readonly first?: number },
): AsyncGenerator<Batch, void, undefined> {
  const loader = new BatchLoader(images, options)
  try {
    yield* loader.epoch(options.epoch ?? 0, options.first)
  } finally {
    await loader.close()
  }
}

function planOf(images: Images, options: BatchOptions): BatchPlan {
  const { batchSize, seed = 0, shuffle = false, dropLast = false, padding = 0, flip = false } = options
  check('batchSize', batchSize, 1)
  check('seed', seed, -Infinity)
  check('padding', padding, 0)
  if (dropLast && batchSize > images.count)
    throw new ModelError(`batchSize ${batchSize} is more than the ${images.count} images, and dropLast leaves none`)
  return { batchSize, seed, shuffle, dropLast, padding, flip }
}

function check(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw new ModelError(`${name} ${value}: expected a whole number${least > -Infinity ? ` of at least ${least}` : ''}`)
}
