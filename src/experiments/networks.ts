import { type Model, ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { NetworkOptions } from '../models/options.js'
import { modelOf, type ModelOptions } from '../models/registry.js'
import type { Scale } from './figure.js'

export type Family = 'MLP' | 'VGG' | 'ResNet' | 'DenseNet'

/** A network as settings name it and figures show it. */
export interface NamedNetwork {
  readonly label: string
  readonly family: Family
  /** The `model` of a run's configuration: the network's name, and its options but for those of `NetworkOptions`. */
  readonly model: Readonly<Record<string, unknown>> & { readonly name: string }
}

/**
 * The four families: the paper's own networks; and shallow, narrow ones, which a CPU trains in seconds an epoch, with all that makes the
 * family: normalisations, residual arrows, concatenations.
 */
export const NETWORKS: Readonly<Record<Scale, readonly string[]>> = {
  paper: ['MLP 5×500', 'VGG-16-bn', 'ResNet-18', 'DenseNet-121'],
  quick: ['MLP 5×100', 'VGG-11-bn, width 1/8', 'ResNet-10, width 1/4', 'DenseNet 2-2-2-2, width 1/4'],
}

/**
 * The network of a label. Labels are of these forms:
 * `MLP 5×500` (hidden layers × neurons) · `VGG-16`, `VGG-16-bn` (11, 13, 16, 19) · `ResNet-18` (10, 18, 34, 50; 10 has one block a stage) ·
 * `DenseNet-121` (121, 169) or `DenseNet 2-2-2-2` (layers of each dense block). All but the MLP may be followed by `, width 1/8`: channels,
 * growth rate and hidden layers are that part of what they were.
 * @throws ModelError for other labels
 */
export function networkNamed(label: string): NamedNetwork {
  const [, name = label, divisor = '1'] = /^(.*), width 1\/(\d+)$/.exec(label) ?? []
  for (const [pattern, networkOf] of FORMS) {
    const match = pattern.exec(name)
    if (match === null || (name.startsWith('MLP') && name !== label)) continue
    const part = (size: number) => partOf(label, size, Number(divisor))
    return { label, ...networkOf(match.slice(1), part) }
  }
  throw new ModelError(
    `there is no network ${quoted(label)}: expected a label such as ${Object.values(NETWORKS).flat().map(quoted).join(', ')}`,
  )
}

/**
 * The network of a label as a model, its weights drawn from the seed.
 * @throws ModelError for other labels than `networkNamed` knows, and for options that make no sense
 */
export function networkOf(label: string, options: NetworkOptions = {}): Model {
  const { name, ...own } = networkNamed(label).model
  return modelOf(name, { ...(own as ModelOptions), ...options })
}

/** A size divided: what stands in torchvision's networks, or a whole part of it. */
type Part = (size: number) => number

const FORMS: readonly (readonly [
  RegExp,
  (parts: readonly string[], part: Part) => Pick<NamedNetwork, 'family' | 'model'>,
])[] = [
  [
    /^MLP (\d+)×(\d+)$/,
    ([layers, width]) => ({
      family: 'MLP',
      model: { name: 'mlp', hidden: Array<number>(Number(layers)).fill(Number(width)) },
    }),
  ],
  [
    /^VGG-(11|13|16|19)(-bn)?$/,
    ([depth, batchNorm], part) => ({
      family: 'VGG',
      model: {
        name: `vgg${depth}${batchNorm === undefined ? '' : '_bn'}`,
        ...unlessWhole(part, { width: 64, hidden: 4096 }),
      },
    }),
  ],
  [
    /^ResNet-(10|18|34|50)$/,
    ([depth], part) => ({
      family: 'ResNet',
      model: {
        ...(depth === '10' ? { name: 'resnet18', blocks: [1, 1, 1, 1] } : { name: `resnet${depth}` }),
        ...unlessWhole(part, { width: 64 }),
      },
    }),
  ],
  [
    /^DenseNet(?:-(121|169)| ([1-9]\d*(?:-[1-9]\d*)*))$/,
    ([depth, blocks], part) => ({
      family: 'DenseNet',
      model: {
        name: `densenet${depth ?? '121'}`,
        ...(blocks !== undefined && { blocks: blocks.split('-').map(Number) }),
        ...unlessWhole(part, { width: 64, growthRate: 32 }),
      },
    }),
  ],
]

/** Sizes at their part; none where they are whole, since they are defaults then. */
function unlessWhole(part: Part, sizes: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  if (part(1 << 12) === 1 << 12) return {}
  return Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, part(size)]))
}

function partOf(label: string, size: number, divisor: number): number {
  if (divisor < 1 || size % divisor !== 0)
    throw new ModelError(
      `network ${quoted(label)}: 1/${divisor} of ${size} is no whole number; expected 1/2, 1/4, 1/8 …`,
    )
  return size / divisor
}
