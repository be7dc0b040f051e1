import { streamOf } from '../cob/stream.js'
import type { Images } from './dataset.js'

/** What the batches of an epoch are made of, and how their images are changed. */
export interface BatchPlan {
  readonly batchSize: number
  readonly seed: number
  readonly shuffle: boolean
  readonly dropLast: boolean
  /** Crop at random from the image with as many black pixels around it. */
  readonly padding: number
  /** Mirror every second image, at random, left to right. */
  readonly flip: boolean
}

export function batchCount(count: number, plan: BatchPlan): number {
  return plan.dropLast ? Math.floor(count / plan.batchSize) : Math.ceil(count / plan.batchSize)
}

/** The order in which an epoch goes through the images: a shuffle by Fisher and Yates that depends on seed and epoch alone. */
export function orderOf(count: number, plan: BatchPlan, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i)
  if (!plan.shuffle) return order
  const draw = streamOf(plan.seed, `order of epoch ${epoch}`)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(draw() * (i + 1))
    const image = order[i] as number
    order[i] = order[j] as number
    order[j] = image
  }
  return order
}

/**
 * How each image is changed in an epoch, by its index: the first row and column of the crop, and 1 if it is mirrored. All three
 * are drawn for every image, so that one image's depend on seed, epoch and index alone, whatever else is asked for.
 */
function changesOf(count: number, plan: BatchPlan, epoch: number): Uint32Array {
  const changes = new Uint32Array(3 * count)
  if (plan.padding === 0 && !plan.flip) return changes
  const draw = streamOf(plan.seed, `changes of epoch ${epoch}`)
  const places = 2 * plan.padding + 1
  for (let i = 0; i < 3 * count; i += 3) {
    changes[i] = Math.floor(draw() * places)
    changes[i + 1] = Math.floor(draw() * places)
    const mirrored = draw() < 0.5
    changes[i + 2] = plan.flip && mirrored ? 1 : 0
  }
  return changes
}

const f32 = Math.fround

/** Writes batches into memory that it is given. The same arguments give the same bits, on any thread. */
export class BatchMaker {
  readonly #images: Images
  readonly #plan: BatchPlan
  /** For bytes: what each becomes, 256 numbers per channel. In float32 and in the order in which PyTorch's transforms compute it. */
  readonly #tables: readonly Float32Array[]
  #epoch = -1
  #order: Uint32Array = new Uint32Array()
  #changes: Uint32Array = new Uint32Array()

  constructor(images: Images, plan: BatchPlan) {
    this.#images = images
    this.#plan = plan
    this.#tables = images.mean.map((mean, c) =>
      Float32Array.from({ length: 256 }, (_, byte) => normalized(f32(byte / 255), mean, images.std[c] as number)),
    )
  }

  /**
   * Fills `pixels` ([n, C, H, W], normalised) and `labels` ([n]) with a batch.
   * @returns n: the batch size, or what is left for the last batch
   */
  fill(epoch: number, batch: number, pixels: Float32Array, labels: BigInt64Array | Int32Array): number {
    const { count, shape, labels: classes } = this.#images
    const { batchSize } = this.#plan
    if (epoch !== this.#epoch) {
      this.#order = orderOf(count, this.#plan, epoch)
      this.#changes = changesOf(count, this.#plan, epoch)
      this.#epoch = epoch
    }
    const first = batch * batchSize
    const filled = Math.min(batchSize, count - first)
    const size = shape[0] * shape[1] * shape[2]
    for (let i = 0; i < filled; i++) {
      const image = this.#order[first + i] as number
      this.#copy(image, pixels.subarray(i * size, (i + 1) * size))
      const label = classes[image] as number
      if (labels instanceof BigInt64Array) labels[i] = BigInt(label)
      else labels[i] = label
    }
    return filled
  }

  #copy(image: number, target: Float32Array): void {
    const { pixels, shape, mean, std } = this.#images
    const [channels, height, width] = shape
    const { padding } = this.#plan
    const down = (this.#changes[3 * image] as number) - padding
    const right = (this.#changes[3 * image + 1] as number) - padding
    const mirrored = this.#changes[3 * image + 2] === 1
    // The columns x of the crop that lie in the image, not in the padding.
    const begin = Math.max(0, -right)
    const end = Math.min(width, width - right)
    const step = mirrored ? -1 : 1
    for (let c = 0; c < channels; c++) {
      const m = mean[c] as number
      const s = std[c] as number
      const table = this.#tables[c] as Float32Array
      const black = normalized(0, m, s)
      for (let y = 0; y < height; y++) {
        const at = (c * height + y) * width
        const row = y + down
        if (padding > 0) target.fill(black, at, at + width)
        if (row < 0 || row >= height) continue
        const from = ((image * channels + c) * height + row) * width + right
        let to = at + (mirrored ? width - 1 - begin : begin)
        if (pixels instanceof Uint8Array)
          for (let x = begin; x < end; x++, to += step) target[to] = table[pixels[from + x] as number] as number
        else for (let x = begin; x < end; x++, to += step) target[to] = normalized(pixels[from + x] as number, m, s)
      }
    }
  }
}

function normalized(value: number, mean: number, std: number): number {
  return f32(f32(value - f32(mean)) / f32(std))
}
