import fs from 'node:fs'
import path from 'node:path'
import { quoted } from '../graph/text.js'
import { attempt } from '../runtime/node/system-errors.js'
import { cacheFolder, type CachedFile, DamagedCache, type Manifest, readCached, readManifest } from './cache.js'
import {
  checkRecords,
  CIFAR10,
  CIFAR100,
  type CifarFormat,
  PIXELS,
  recordBytes,
  type RecordFile,
} from './cifar-format.js'
import { type Dataset, type Images, imagesOf } from './dataset.js'
import { obtain, type ObtainOptions } from './obtain.js'

/** Where a data set is looked for, and how it is fetched. */
export interface FetchOptions extends ObtainOptions {
  /** The folder that holds data sets. Default: see `cacheFolder`. */
  readonly cache?: string
}

/** How CIFAR is loaded. */
export interface CifarOptions extends FetchOptions {
  /** A folder of official record files, which are then read as they are: no cache, and as many whole records as there are. */
  readonly folder?: string
}

/** A data set in the cache. */
export interface CachedDataset {
  readonly dataset: string
  readonly folder: string
  /** Where the data came from: an address, `npm:NAME@VERSION`, or a path. */
  readonly source: string
  /** Was it fetched now? */
  readonly fetched: boolean
  readonly files: readonly CachedFile[]
  readonly classes: number
  /** Images of each class. */
  readonly train: readonly number[]
  readonly validation: readonly number[]
}

/** Of the training images' channels, scaled to [0, 1], as the paper's authors have them, for CIFAR-100 too. */
export const CIFAR_NORMALIZATION = { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] } as const

/**
 * CIFAR-10: 50,000 images of 32×32 in 10 classes to train on, 10,000 to validate. Taken from the cache, into which it is fetched
 * on first use, 139 to 170 MB, and from where it is fetched again if a file is not as it was.
 * @throws ModelError where it is not there and cannot be fetched
 */
export async function loadCifar10(options: CifarOptions = {}): Promise<Dataset> {
  return loadCifar(CIFAR10, 'fine', options)
}

/**
 * CIFAR-100, the same with 100 `fine` classes (default) or the 20 `coarse` ones that they fall into.
 * @throws ModelError where it is not there and cannot be fetched
 */
export async function loadCifar100(
  options: CifarOptions & { readonly labels?: 'fine' | 'coarse' } = {},
): Promise<Dataset> {
  return loadCifar(CIFAR100, options.labels ?? 'fine', options)
}

/** See `loadCifar10`. */
export async function loadCifar(
  format: CifarFormat,
  labels: 'fine' | 'coarse',
  options: CifarOptions,
): Promise<Dataset> {
  if (options.folder !== undefined) return datasetOf(format, labels, recordsIn(options.folder))
  return (await withCache(format, options, (read) => datasetOf(format, labels, read))).result
}

/**
 * Makes sure that a data set is in the cache, whole.
 * @throws ModelError where it is not there and cannot be fetched
 */
export async function fetchDataset(
  name: CifarFormat['name'] | CifarFormat,
  options: FetchOptions = {},
): Promise<CachedDataset> {
  const format = typeof name === 'string' ? (name === 'cifar10' ? CIFAR10 : CIFAR100) : name
  const at = format.labels.findIndex((label) => label.name === 'fine')
  const classes = format.labels[at]?.classes as number
  const { result, manifest, folder, fetched } = await withCache(format, options, (read) => {
    const counts = { train: Array<number>(classes).fill(0), validation: Array<number>(classes).fill(0) }
    for (const file of format.files) {
      const bytes = read(file)
      for (let i = at; i < bytes.length; i += recordBytes(format)) (counts[file.part][bytes[i] as number] as number)++
    }
    return counts
  })
  return { dataset: format.name, folder, source: manifest.source, fetched, files: manifest.files, classes, ...result }
}

type ReadRecords = (file: RecordFile) => Uint8Array

/** Gives `use` the cached files, checked as they are read, and fetches them first if they are missing or damaged. */
async function withCache<T>(
  format: CifarFormat,
  options: FetchOptions,
  use: (read: ReadRecords) => T,
): Promise<{ readonly result: T; readonly manifest: Manifest; readonly folder: string; readonly fetched: boolean }> {
  const cache = cacheFolder(options.cache)
  const folder = path.join(cache, format.name)
  const used = (fetched: boolean) => {
    const manifest = readManifest(folder, format)
    return { result: use((file) => readCached(folder, format, file)), manifest, folder, fetched }
  }
  if (options.force !== true && options.from === undefined)
    try {
      return used(false)
    } catch (error) {
      if (!(error instanceof DamagedCache)) throw error
      if (fs.existsSync(folder))
        options.onWarning?.(`the cached ${format.title} is damaged: ${error.message}; fetching it again`)
    }
  await obtain(format, cache, options)
  return used(true)
}

function recordsIn(folder: string): ReadRecords {
  return ({ name }) => {
    const file = path.join(folder, name)
    return attempt(`cannot read ${quoted(file)}`, () => fs.readFileSync(file))
  }
}

function datasetOf(format: CifarFormat, labels: 'fine' | 'coarse', read: ReadRecords): Dataset {
  const at = format.labels.findIndex((label) => label.name === labels)
  const part = (name: 'train' | 'validation') =>
    imagesOfRecords(
      format,
      at,
      format.files.filter((file) => file.part === name),
      read,
    )
  const train = part('train')
  return {
    name: format.name,
    classes: format.labels[at]?.classes as number,
    shape: train.shape,
    train,
    validation: part('validation'),
  }
}

/** Pixels go into shared memory, which a worker that prepares batches reads as it is. */
function imagesOfRecords(
  format: CifarFormat,
  labelAt: number,
  files: readonly RecordFile[],
  read: ReadRecords,
): Images {
  const stride = recordBytes(format)
  const contents = files.map((file) => {
    const bytes = read(file)
    return { bytes, records: checkRecords(format, bytes, file.name) }
  })
  const count = contents.reduce((sum, { records }) => sum + records, 0)
  const pixels = new Uint8Array(new SharedArrayBuffer(count * PIXELS))
  const labels = new Int32Array(count)
  let image = 0
  for (const { bytes, records } of contents)
    for (let i = 0; i < records; i++, image++) {
      const end = (i + 1) * stride
      labels[image] = bytes[i * stride + labelAt] as number
      pixels.set(bytes.subarray(end - PIXELS, end), image * PIXELS)
    }
  return imagesOf([3, 32, 32], pixels, labels, CIFAR_NORMALIZATION)
}
