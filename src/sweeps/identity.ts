import { createHash } from 'node:crypto'
import { settledOptions } from '../models/defaults.js'
import type { ModelOptions } from '../models/registry.js'
import type { RunConfig } from '../runs/config-schema.js'
import { teleportationSeed } from '../train/teleportation-seed.js'

/** What stands in an identity for a file: the SHA-256 of its bytes, for example. */
export type FileIdentity = (file: string) => string

/** The identity of a run: the name of its folder. @param fileIdentity of files that the configuration names */
export function identityOf(config: RunConfig, fileIdentity: FileIdentity): string {
  const text = JSON.stringify(sorted(canonical(config, fileIdentity)))
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** Are they one run? Files are not compared: a run keeps copies of them, which may be laid out in another way. */
export function sameRun(a: RunConfig, b: RunConfig): boolean {
  const text = (config: RunConfig) => JSON.stringify(sorted(canonical(config, () => '')))
  return text(a) === text(b)
}

/** A configuration in the one form that all its spellings have, without what does not change the results. */
function canonical(config: RunConfig, fileIdentity: FileIdentity): unknown {
  const { threads: _, checkpoints: __, data, model, training, teleportations, seed, ...rest } = config
  const images = imagesOf(data)
  return {
    ...rest,
    seed,
    data: dataOf(data, seed),
    model:
      model.file !== undefined
        ? { file: fileIdentity(model.file) }
        : {
            name: model.name,
            ...settledOptions(model.name, { ...images, seed, ...withoutUndefined(model as ModelOptions) }),
          },
    training: {
      ...training,
      schedule:
        training.schedule.name === 'cosine'
          ? { ...training.schedule, epochs: training.schedule.epochs ?? training.epochs }
          : training.schedule,
    },
    // In the order in which they are done: it decides the seeds of those that have none.
    teleportations: [...teleportations]
      .sort((a, b) => a.epoch - b.epoch)
      .map((teleportation, i) =>
        teleportation.kind === 'given'
          ? { ...teleportation, cob: fileIdentity(teleportation.cob) }
          : { ...teleportation, seed: teleportation.seed ?? teleportationSeed(seed, i) },
      ),
  }
}

/** What the images of a configuration's data are like, as far as its network depends on it. */
export function imagesOf(data: RunConfig['data']): Required<Pick<ModelOptions, 'inputShape' | 'classes'>> {
  if (data.name === 'random') return { inputShape: data.shape ?? [3, 32, 32], classes: data.classes ?? 10 }
  return { inputShape: [3, 32, 32], classes: data.name === 'cifar10' ? 10 : 100 }
}

/** Without where data are kept. */
function dataOf(data: RunConfig['data'], seed: number): unknown {
  const { name } = data
  if (name !== 'random') return { name, training: data.training ?? 50_000, validation: data.validation ?? 10_000 }
  const { inputShape: shape, classes } = imagesOf(data)
  return {
    name,
    training: data.training ?? 1024,
    validation: data.validation ?? 1024,
    shape,
    classes,
    seed: data.seed ?? seed,
  }
}

/** With the keys of all objects in one order, and without what is undefined. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, part]) => part !== undefined)
  // By code units: the same wherever it runs.
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, part]) => [key, sorted(part)]))
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as T
}
