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
    const key = JSON.stringify([data, data.name === 'random' ? (data.seed ?? seed) : beside])
    const at = this.#kept.findIndex((entry) => entry.key === key)
    const entry = this.#kept[at] ?? { key, dataset: datasetOf(config, beside, listeners) }
    if (at >= 0) this.#kept.splice(at, 1)
    this.#kept.unshift(entry)
    this.#kept.length = Math.min(this.#kept.length, this.#size)
    return entry.dataset
  }
}
