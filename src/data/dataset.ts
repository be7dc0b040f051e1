import { ModelError } from '../graph/model.js'
import { shapeText } from '../graph/text.js'

/** Channels, height and width of an image. */
export type ImageShape = readonly [channels: number, height: number, width: number]

/** Labelled images, as compact as they were stored. Only batches are normalised floats. */
export interface Images {
  /** How many there are. */
  readonly count: number
  readonly shape: ImageShape
  /** In C order, `[count, C, H, W]`: bytes, of which 255 stands for 1, or floats, taken as they are. */
  readonly pixels: Uint8Array | Float32Array
  /** The class of each image, from 0. */
  readonly labels: Int32Array
  /** What batches subtract, and then divide by, per channel, after bytes were scaled to [0, 1]. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** A data set for classification. */
export interface Dataset {
  readonly name: string
  readonly classes: number
  readonly shape: ImageShape
  readonly train: Images
  readonly validation: Images
}

/**
 * Images from arrays that the caller has; nothing is copied. Pixels in a SharedArrayBuffer reach a worker as they are.
 * @param normalization default: mean 0 and std 1 in each channel
 * @throws ModelError where lengths do not fit the shape, or a label is negative
 */
export function imagesOf(
  shape: ImageShape,
  pixels: Uint8Array | Float32Array,
  labels: Int32Array,
  normalization?: { readonly mean: readonly number[]; readonly std: readonly number[] },
): Images {
  const [channels, height, width] = shape
  const size = channels * height * width
  if (!shape.every((dim) => Number.isSafeInteger(dim) && dim > 0))
    throw new ModelError(`image shape ${shapeText(shape)}: expected three whole numbers above 0`)
  if (pixels.length !== labels.length * size)
    throw new ModelError(
      `${labels.length} images of shape ${shapeText(shape)}: expected ${labels.length * size} pixels, got ${pixels.length}`,
    )
  const wrong = labels.findIndex((label) => label < 0)
  if (wrong >= 0) throw new ModelError(`label ${labels[wrong]} of image ${wrong}: expected 0 or more`)
  const { mean, std } = normalization ?? { mean: Array<number>(channels).fill(0), std: Array<number>(channels).fill(1) }
  if (mean.length !== channels || std.length !== channels || !std.every((value) => value > 0))
    throw new ModelError(`normalisation of ${channels} channels: expected as many means and as many stds above 0`)
  return { count: labels.length, shape, pixels, labels, mean, std }
}

/**
 * The images from `start` up to, but not with, `end` (default: the last one included): a view, no copy.
 * @throws ModelError where there are not as many
 */
export function sliceImages(images: Images, start: number, end: number = images.count): Images {
  if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= images.count))
    throw new ModelError(`images ${start} to ${end}: expected a part of 0 to ${images.count}`)
  const [channels, height, width] = images.shape
  const size = channels * height * width
  return {
    ...images,
    count: end - start,
    pixels: images.pixels.subarray(start * size, end * size),
    labels: images.labels.subarray(start, end),
  }
}
