import { type Model, ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { densenet, type DensenetOptions } from './densenet.js'
import { mlp, type MlpOptions } from './mlp.js'
import { resnet, type ResnetOptions } from './resnet.js'
import { vgg, type VggOptions } from './vgg.js'

/** The options of any network, its depth and VGG's batchNorm aside, which are in the name. */
export type ModelOptions = Omit<MlpOptions, 'hidden'> &
  Omit<VggOptions, 'depth' | 'hidden'> &
  Omit<ResnetOptions, 'depth'> &
  Omit<DensenetOptions, 'depth'> & { readonly hidden?: number | readonly number[] }

interface Entry {
  /** The options that it knows. */
  readonly options: readonly string[]
  readonly build: (options: ModelOptions) => Model
}

const COMMON = ['inputShape', 'classes', 'activation', 'seed', 'initialize']
const RESNET = [...COMMON, 'stem', 'width', 'blocks']
const DENSENET = [...COMMON, 'growthRate', 'width', 'bottleneck', 'blocks']

const vggEntry = (depth: VggOptions['depth'], batchNorm: boolean): Entry => ({
  options: [...COMMON, 'width', 'hidden', 'dropout'],
  build: (options) => vgg({ ...(options as Omit<VggOptions, 'depth'>), depth, batchNorm }),
})
const resnetEntry = (depth: ResnetOptions['depth']): Entry => ({
  options: RESNET,
  build: (options) => resnet({ ...options, depth }),
})
const densenetEntry = (depth: DensenetOptions['depth']): Entry => ({
  options: DENSENET,
  build: (options) => densenet({ ...options, depth }),
})

const ENTRIES = {
  mlp: {
    options: [...COMMON, 'hidden', 'batchNorm'],
    build: (options) => mlp(options as MlpOptions),
  },
  vgg11: vggEntry(11, false),
  vgg13: vggEntry(13, false),
  vgg16: vggEntry(16, false),
  vgg19: vggEntry(19, false),
  vgg11_bn: vggEntry(11, true),
  vgg13_bn: vggEntry(13, true),
  vgg16_bn: vggEntry(16, true),
  vgg19_bn: vggEntry(19, true),
  resnet18: resnetEntry(18),
  resnet34: resnetEntry(34),
  resnet50: resnetEntry(50),
  densenet121: densenetEntry(121),
  densenet169: densenetEntry(169),
} as const satisfies Record<string, Entry>

/** A network that has a name: torchvision's, and `mlp`. */
export type ModelName = keyof typeof ENTRIES

/** All names that `modelOf` knows. */
export const MODEL_NAMES = Object.keys(ENTRIES) as readonly ModelName[]

/**
 * The network of a name, as a configuration gives it, with torchvision's architecture unless options change it.
 * @throws ModelError for a name that there is not, an option that the network does not have, and values that make no sense
 */
export function modelOf(name: string, options: ModelOptions = {}): Model {
  if (!Object.hasOwn(ENTRIES, name))
    throw new ModelError(`there is no model ${quoted(name)}: expected one of ${MODEL_NAMES.join(', ')}`)
  const entry: Entry = ENTRIES[name as ModelName]
  for (const option of Object.keys(options))
    if (!entry.options.includes(option))
      throw new ModelError(`${name}: there is no option ${quoted(option)}: expected one of ${entry.options.join(', ')}`)
  return entry.build(options)
}
