import path from 'node:path'
import { z } from 'zod'
import { ModelError } from '../graph/model.js'
import { type ModelOptions, modelOf } from '../models/registry.js'
import { configSchema } from '../runs/config-schema.js'
import { scheduleOf, stepOptions } from '../runs/training-options.js'
import { readYaml } from '../runs/yaml-file.js'
import { labelText, runsOf } from './enumerate.js'
import { imagesOf } from './identity.js'
import { isObject, isOther } from './merge.js'
import { slurmSchema } from './slurm-options.js'
import type { ConfigPart, SweepRun } from './sweep.js'

const count = z.int().min(1)
/** `none:` with nothing after it changes nothing. */
const part = z
  .record(z.string(), z.unknown())
  .nullable()
  .transform((value) => value ?? {})

/** What a sweep's configuration may say. */
const sweepSchema = z.strictObject({
  base: part,
  axes: z.record(z.string(), z.record(z.string(), part)).default({}),
  /** A list, or how many: 3 stands for 1, 2, 3. */
  seeds: z
    .union([count.transform((n) => Array.from({ length: n }, (_, i) => i + 1)), z.array(z.int()).min(1)], {
      error: 'expected a list of whole numbers, or how many',
    })
    .default([1]),
  exclude: z.array(z.record(z.string(), z.union([z.string(), z.number()]))).default([]),
  local: z.strictObject({ processes: count.optional(), threads: count.optional() }).default({}),
  slurm: slurmSchema.optional(),
})

export type SweepFile = z.infer<typeof sweepSchema>

/** Reads a sweep's configuration, but not what its runs are. @throws ModelError in one line, with its number */
export function readSweepFile(text: string, file: string): SweepFile {
  return readYaml(text, file, sweepSchema).value
}

/**
 * The runs of a sweep's configuration, each of them checked as far as it can be without its data.
 * @param file names of files in the configuration are relative to its folder
 * @throws ModelError in one line, with its number, for the first thing that is wrong
 */
export function runsOfFile(text: string, file: string): SweepRun[] {
  const { value, where, depth } = readYaml(text, file, sweepSchema)
  /** What stands at a path of a run's configuration may come from the base or from an axis: from the last that goes that far. */
  const place = (at: readonly PropertyKey[], labels: SweepRun['labels']): string => {
    let best: readonly PropertyKey[] = ['base', ...at]
    let most = Math.min(depth(...best) - 1, replacedFrom(value, at, labels))
    for (const [axis, label] of Object.entries(labels)) {
      const other = ['axes', axis, String(label), ...at]
      const found = depth(...other) - 3
      if (found <= 0 || found < most) continue
      best = other
      most = found
    }
    return `${where(...best)} (run ${labelText(labels)})`
  }
  try {
    const runs = runsOf(value, { beside: path.dirname(path.resolve(file)), where: place })
    checkNetworks(runs, place)
    return runs
  } catch (error) {
    if (!(error instanceof ModelError) || error.message.startsWith(`${file}:`)) throw error
    throw new ModelError(`${file}: ${error.message}`, { cause: error })
  }
}

/** How much of a path can come from the base: an axis may put another object in place of the base's. */
function replacedFrom({ base, axes }: SweepFile, at: readonly PropertyKey[], labels: SweepRun['labels']): number {
  const parts = Object.entries(labels).map(([axis, label]) => axes[axis]?.[String(label)])
  const replaced = at.findIndex((_, i) => {
    const path = at.slice(0, i + 1)
    const below = partAt(base, path)
    return parts.map((part) => partAt(part, path)).some((over) => below && over && isOther(below, over))
  })
  return replaced < 0 ? Infinity : replaced + 1
}

function partAt(part: unknown, path: readonly PropertyKey[]): ConfigPart | undefined {
  let at = part
  for (const key of path) at = isObject(at) ? at[String(key)] : undefined
  return isObject(at) ? at : undefined
}

/** Each network is built once, without drawing its weights, and each optimiser made. */
function checkNetworks(
  runs: readonly SweepRun[],
  place: (at: readonly PropertyKey[], labels: SweepRun['labels']) => string,
): void {
  const seen = new Set<string>()
  const once = (what: unknown, at: readonly PropertyKey[], labels: SweepRun['labels'], check: () => void) => {
    const key = JSON.stringify([at, what])
    if (seen.has(key)) return
    seen.add(key)
    try {
      check()
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      throw new ModelError(`${place(at, labels)}: ${error.message}`, { cause: error })
    }
  }
  for (const { config, labels } of runs) {
    const read = configSchema.parse(config)
    const { model } = read
    if (model.file === undefined)
      once([model, read.data], ['model'], labels, () => {
        const { name, file: _, ...options } = model
        return modelOf(name, { ...imagesOf(read.data), ...(options as ModelOptions) })
      })
    once(read.training, ['training', 'optimizer'], labels, () => stepOptions(read))
    once(read.training, ['training', 'schedule'], labels, () => scheduleOf(read))
  }
}
