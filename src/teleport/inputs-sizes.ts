import { ModelError, type DeclaredDim, type Model, type ValueInfo } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { type InputContext, type Meaning, fedInputs } from './inputs-context.js'

/** Sizes to try for a dimension that a model leaves open, the likeliest first. */
const LADDERS = {
  batch: [2, 1],
  image: [64, 64, 128, 224, 320, 640],
  volume: [16, 16, 32, 64, 96, 128],
  sequence: [16, 16, 32, 64, 128, 512],
  waveform: [512, 512, 1600, 4000, 16000, 48000],
  past: [4],
  feature: [8, 8, 16, 64, 128, 256],
} as const

type Kind = keyof typeof LADDERS

/** How many size assignments there are to try. */
export const ATTEMPTS = 6

export interface InputSizes {
  /** Concrete dims by input. */
  readonly dims: ReadonlyMap<string, readonly number[]>
  /** What was chosen, by the dimension's name, or `input:axis` where it has none. */
  readonly sizes: Readonly<Record<string, number>>
  /** Whether any of them may be changed, so that another attempt differs. */
  readonly open: boolean
  /** The size of the time axis, for inputs that hold lengths. */
  readonly time: number
  /** Height or width of the images. */
  readonly side: number
}

/** A declared dimension that is no size: '', '?' and negative numbers are as anonymous as none. */
function labelOf(dim: DeclaredDim, input: string, axis: number): string {
  return typeof dim === 'string' && dim !== '' && dim !== '?' ? dim : `${input}:${axis}`
}

function isOpen(dim: DeclaredDim): boolean {
  return typeof dim !== 'number' || dim < 0
}

/**
 * Sizes for every open dimension; one name has one size everywhere.
 * @param given sizes by name or `input:axis`
 * @throws ModelError for a given name that no dimension bears, a given size that is none, or an input of unknown rank
 */
export function chooseSizes(
  model: Model,
  context: InputContext,
  meanings: ReadonlyMap<string, Meaning>,
  given: Readonly<Record<string, number>>,
  attempt: number,
): InputSizes {
  const inputs = fedInputs(model)
  checkGiven(inputs, given)
  const sizes: Record<string, number> = {}
  const dims = new Map<string, number[]>()
  let time = 0
  let side = 0
  const sums: [string, number, string][] = []
  for (const input of inputs) {
    const shape = shapeOf(input)
    const meaning = meanings.get(input.name) ?? 'features'
    const concrete = shape.map((dim, axis) => {
      const kind = kindOf(dim, axis, shape, meaning)
      let size: number
      if (!isOpen(dim)) size = dim as number
      else {
        const label = labelOf(dim, input.name, axis)
        const ladder = LADDERS[kind]
        const drawn =
          context.demanded(input.name, axis, shape.length) ?? ladder[Math.min(attempt, ladder.length - 1)] ?? 1
        size = given[`${input.name}:${axis}`] ?? given[label] ?? sizes[label] ?? drawn
        sizes[label] = size
        if (label.includes('+') && given[label] === undefined) sums.push([input.name, axis, label])
      }
      if (kind === 'sequence' || kind === 'waveform') time = Math.max(time, size)
      if (kind === 'image') side = Math.max(side, size)
      return size
    })
    dims.set(input.name, concrete)
  }
  // Exporters name a derived dimension by its formula: 'past_sequence_length + 1'.
  for (const [input, axis, label] of sums) {
    const total = label.split('+').map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : sizes[part.trim()]))
    if (total.some((part) => part === undefined)) continue
    const size = total.reduce<number>((sum, part) => sum + (part ?? 0), 0)
    sizes[label] = size
    const concrete = dims.get(input)
    if (concrete !== undefined) concrete[axis] = size
  }
  const open = Object.keys(sizes).some((label) => given[label] === undefined)
  return { dims, sizes, open, time: time === 0 ? 8 : time, side: side === 0 ? 64 : side }
}

export function shapeOf(input: ValueInfo): readonly DeclaredDim[] {
  if (input.shape === undefined)
    throw new ModelError(
      `input ${quoted(input.name)}: the model declares no shape for it, so that none can be drawn; give inputs in an .npz file`,
    )
  return input.shape
}

function checkGiven(inputs: readonly ValueInfo[], given: Readonly<Record<string, number>>): void {
  const known = new Set<string>()
  for (const input of inputs)
    shapeOf(input).forEach((dim, axis) => {
      if (!isOpen(dim)) return
      known.add(labelOf(dim, input.name, axis))
      known.add(`${input.name}:${axis}`)
    })
  for (const [name, size] of Object.entries(given)) {
    if (!known.has(name))
      throw new ModelError(
        `dimension ${quoted(name)}: the model leaves no such dimension open; it has ${[...known].join(', ') || 'none'}`,
      )
    if (!Number.isSafeInteger(size) || size < 1)
      throw new ModelError(`dimension ${quoted(name)}: expected a size of at least 1, got ${size}`)
  }
}

function kindOf(dim: DeclaredDim, axis: number, shape: readonly DeclaredDim[], meaning: Meaning): Kind {
  const name = typeof dim === 'string' ? dim : ''
  if (/past|cache/i.test(name)) return 'past'
  if (/batch|^(n|b|bs)$/i.test(name)) return 'batch'
  if (/height|width|^[hw]$/i.test(name)) return 'image'
  if (/audio|wav|sample/i.test(name)) return 'waveform'
  if (/seq|len|time|token|frame|^[tl]$/i.test(name)) return 'sequence'
  if (axis === 0) return 'batch'
  const rank = shape.length
  // A recurrent state is [layers, batch, hidden]; what a transformer remembers is [batch, heads, past, head size].
  if (meaning === 'state') return rank <= 3 ? 'batch' : 'past'
  if (rank >= 5) return 'volume'
  if (meaning === 'image') return channelAxis(shape) === axis ? 'feature' : 'image'
  if (meaning === 'features' && ((rank === 2 && axis === 1) || (rank === 3 && axis === 2 && shape[1] === 1)))
    return 'waveform'
  return rank <= 3 ? 'sequence' : 'feature'
}

/** Channels lie on axis 1, or on the last one where that alone has a number of channels that an image may have. */
export function channelAxis(shape: readonly DeclaredDim[]): number {
  const few = (dim: DeclaredDim | undefined) => dim === 1 || dim === 3 || dim === 4
  if (shape.length === 3) return few(shape[2]) && !few(shape[0]) ? 2 : 0
  return few(shape.at(-1)) && !few(shape[1]) ? shape.length - 1 : 1
}
