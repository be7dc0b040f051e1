import { ModelError } from '../graph/model.js'
import { randomStream } from '../teleport/random.js'
import { type Dataset, type Images, type ImageShape, imagesOf } from './dataset.js'

/** What random data are drawn. */
export interface RandomDataOptions {
  /** Default 10. */
  readonly classes?: number
  /** Channels, height, width; default [3, 32, 32]. */
  readonly shape?: ImageShape
  /** Images to train on; default 1024. */
  readonly train?: number
  /** Images to validate on; default 1024. */
  readonly validation?: number
  /** A whole number; default 0. */
  readonly seed?: number
}

/**
 * Pixels that are about normal (mean 0, deviation 1; see `Random.normal`) and labels that are uniform, the same on every machine.
 * More images leave the first ones as they are.
 * @throws ModelError for numbers that make no sense
 */
export function randomData(options: RandomDataOptions = {}): Dataset {
  const { classes = 10, shape = [3, 32, 32], train = 1024, validation = 1024, seed = 0 } = options
  const counts = { classes, train, validation }
  for (const [name, value] of Object.entries(counts))
    if (!(Number.isSafeInteger(value) && value > 0))
      throw new ModelError(`random data, ${name} = ${value}: expected a whole number above 0`)
  if (!Number.isSafeInteger(seed)) throw new ModelError(`seed ${seed}: expected a whole number`)
  return {
    name: 'random',
    classes,
    shape,
    train: randomImages(shape, train, classes, seed, 'train'),
    validation: randomImages(shape, validation, classes, seed, 'validation'),
  }
}

function randomImages(shape: ImageShape, count: number, classes: number, seed: number, part: string): Images {
  const [channels, height, width] = shape
  const pixels = new Float32Array(new SharedArrayBuffer(4 * count * channels * height * width))
  const labels = new Int32Array(count)
  const drawPixel = randomStream(seed, `random data ${part} pixels`)
  const drawLabel = randomStream(seed, `random data ${part} labels`)
  for (let i = 0; i < pixels.length; i++) pixels[i] = drawPixel.normal()
  for (let i = 0; i < count; i++) labels[i] = drawLabel.below(classes)
  return imagesOf(shape, pixels, labels)
}
