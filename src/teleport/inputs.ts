import { ModelError, type Model } from '../graph/model.js'
import { quoted, shapeText } from '../graph/text.js'
import { sizeOf } from '../graph/tensor.js'
import { hostBytes, isHostDType, numberWriter, zeros } from '../runtime/host.js'
import type { HostTensor } from '../runtime/session.js'
import { InputContext, type Meaning, fedInputs, meaningOf } from './inputs-context.js'
import { type InputSizes, channelAxis, chooseSizes, shapeOf } from './inputs-sizes.js'
import { drawImage } from './inputs-image.js'
import { type Random, randomStream } from './random.js'

/** The most bytes that the drawn inputs of all samples may take: 1 GiB. */
const INPUT_LIMIT = 2 ** 30

/** What is to be drawn. */
export interface DrawOptions {
  /** Default 0. */
  readonly seed?: number
  /** How many sets of inputs; default 4. They differ in scale and smoothness, so that what one saturates another shows. */
  readonly samples?: number
  /** Sizes of open dimensions, by name or, for one without a name, `input:axis`. */
  readonly dims?: Readonly<Record<string, number>>
  /** Which sizes to choose for the others, from 0 (small) to `ATTEMPTS` − 1. Default 0. */
  readonly attempt?: number
}

/** What was drawn. */
export interface DrawnInputs {
  /** One map per sample, from the input's name. */
  readonly samples: readonly ReadonlyMap<string, HostTensor>[]
  /** The sizes of open dimensions, by name or `input:axis`. */
  readonly sizes: Readonly<Record<string, number>>
  /** Whether another attempt would choose other sizes. */
  readonly open: boolean
}

/**
 * Inputs that a model can be run on, drawn by the declared types and shapes, the inputs' names and what reads them: images as
 * after normalisation, token ids within the vocabulary, masks of ones with padding in every other sample, lengths, sampling
 * rates, states near zero. The same seed gives the same inputs on every machine.
 * @throws ModelError for types that cannot be drawn, inputs without a declared shape, unknown dimension names, more than 1 GiB
 */
export function drawInputs(model: Model, options: DrawOptions = {}): DrawnInputs {
  const { seed = 0, samples = 4, dims: given = {}, attempt = 0 } = options
  if (!Number.isSafeInteger(samples) || samples < 1)
    throw new ModelError(`samples: expected a whole number of at least 1, got ${samples}`)
  const inputs = fedInputs(model)
  const context = new InputContext(model)
  const meanings = new Map<string, Meaning>()
  for (const input of inputs) {
    if (input.dtype === undefined)
      throw new ModelError(
        `input ${quoted(input.name)}: expected a tensor of a declared type, got a sequence, map or optional, which cannot be drawn`,
      )
    if (input.dtype !== 'string' && !isHostDType(input.dtype))
      throw new ModelError(
        `input ${quoted(input.name)}: elements of type ${input.dtype} can neither be drawn nor fed to the runtime`,
      )
    meanings.set(input.name, meaningOf(input.name, input.dtype, shapeOf(input)))
  }
  const sizes = chooseSizes(model, context, meanings, given, attempt)
  checkTotal(model, sizes, samples)
  const drawn = Array.from({ length: samples }, (_, sample) => {
    const feeds = new Map<string, HostTensor>()
    for (const input of inputs) {
      const meaning = meanings.get(input.name) ?? 'features'
      const random = randomStream(seed, `input/${sample}/${input.name}`)
      const dims = sizes.dims.get(input.name) ?? []
      const vocabulary =
        meaning === 'tokens' || meaning === 'positions' || meaning === 'types'
          ? context.vocabulary(input.name)
          : undefined
      feeds.set(
        input.name,
        draw(input.dtype ?? 'float32', { meaning, dims, random, sample, sizes, vocabulary, shape: shapeOf(input) }),
      )
    }
    return feeds
  })
  return { samples: drawn, sizes: sizes.sizes, open: sizes.open }
}

function checkTotal(model: Model, sizes: InputSizes, samples: number): void {
  let total = 0
  for (const input of fedInputs(model)) {
    const dims = sizes.dims.get(input.name) ?? []
    const width = input.dtype !== undefined && isHostDType(input.dtype) ? hostBytes(input.dtype) : 64
    total += sizeOf(dims) * width * samples
    if (!(total <= INPUT_LIMIT))
      throw new ModelError(
        `input ${quoted(input.name)}: shape ${shapeText(dims)} and ${samples} samples make the inputs larger than ${INPUT_LIMIT} bytes; set smaller dimensions or fewer samples`,
      )
  }
}

interface Draw {
  readonly meaning: Meaning
  readonly dims: readonly number[]
  readonly shape: ReturnType<typeof shapeOf>
  readonly random: Random
  readonly sample: number
  readonly sizes: InputSizes
  readonly vocabulary: number | undefined
}

function draw(dtype: HostTensor['dtype'], task: Draw): HostTensor {
  const { dims, random } = task
  const count = sizeOf(dims)
  if (!isHostDType(dtype))
    return { dtype, dims, data: Array.from({ length: count }, () => String.fromCharCode(97 + random.below(26))) }
  const tensor = zeros(dtype, dims)
  const write = numberWriter(tensor)
  if (write === undefined) return tensor
  if (task.meaning === 'image' && dims.length >= 3) {
    // Bytes show the same picture: 128 is 0, and 255 about 2 deviations above.
    const byte = (value: number) => Math.min(255, Math.max(0, Math.round(128 + 60 * value)))
    const store =
      dtype === 'uint8' ? byte : dtype === 'int8' ? (value: number) => byte(value) - 128 : (value: number) => value
    drawImage({ ...task, channelAxis: channelAxis(task.shape) }, (at, value) => write(at, store(value)))
    return tensor
  }
  const next = drawer(dtype, task)
  for (let i = 0; i < count; i++) write(i, next(i))
  return tensor
}

/** What each sample's floats are multiplied by. */
const SPREADS = [1, 0.5, 1, 2] as const

/** The function that draws element `i`, for everything that is no picture. */
function drawer(dtype: string, { meaning, dims, random, sample, sizes, vocabulary }: Draw): (i: number) => number {
  const float = dtype.startsWith('float')
  const last = dims.at(-1) ?? 1
  const spread = SPREADS[sample % SPREADS.length] ?? 1
  switch (meaning) {
    case 'mask': {
      // Never fewer ones than half: a row without any is a division by zero in many an attention.
      const kept = sample % 2 === 1 && last > 2 ? last - random.below(Math.floor(last / 2) + 1) : last
      return (i) => (i % last < kept ? 1 : 0)
    }
    case 'flag':
      return () => random.below(2)
    case 'rate':
      return () => 16000
    case 'length':
      return () => sizes.time
    case 'imageSize':
      return () => sizes.side
    case 'time':
      return () => 1 + random.below(999)
    case 'positions':
      return (i) => (i % last) % (vocabulary ?? Infinity)
    case 'types':
      return () => random.below(Math.min(2, vocabulary ?? 2))
    case 'tokens':
      // Without a table to look up, small numbers are the likeliest to be within bounds.
      return () => random.below(vocabulary ?? (dtype === 'uint8' ? 256 : 4))
    case 'state':
      return sample === 0 ? () => 0 : float ? () => 0.3 * random.normal() : () => 0
    case 'factor':
      return () => 0.5 + 0.5 * random.uniform()
    default:
      return () => spread * random.normal()
  }
}
