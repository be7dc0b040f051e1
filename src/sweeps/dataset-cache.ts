import path from 'node:path'
import type { Dataset } from '../data/dataset.js'
import { datasetOf } from '../runs/sources.js'

type Load = typeof datasetOf

/** The data sets that a process has used last: runs that come one after the other mostly want the same. */
export class DatasetCache {
  readonly #kept: { readonly key: string; readonly dataset: Promise<Dataset> }[] = []
  readonly #size: number

  /** @param size how many are kept */
  constructor(size = 2) {
    this.#size = size
  }

  /** As `datasetOf`. What could not be loaded is not tried again for each run, which may mean a download. */
  readonly load: Load = (config, beside, listeners) => {
    const { data, seed } = config
    // Each run has a folder of its own, which only names of files that are relative depend on.
    const key =
      data.name === 'random'
        ? JSON.stringify([data, data.seed ?? seed])
        : JSON.stringify([data, ...[data.from, data.cache].map((file) => file && path.resolve(beside, file))])
    const at = this.#kept.findIndex((entry) => entry.key === key)
    const entry = this.#kept[at] ?? { key, dataset: datasetOf(config, beside, listeners) }
    if (at >= 0) this.#kept.splice(at, 1)
    this.#kept.unshift(entry)
    this.#kept.length = Math.min(this.#kept.length, this.#size)
    return entry.dataset
  }
}
