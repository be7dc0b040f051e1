import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { configSchema } from '../runs/config-schema.js'
import { firstIssue } from '../runs/yaml-file.js'
import { attempt } from '../runtime/node/system-errors.js'
import { identityOf } from './identity.js'
import { isObject, merged } from './merge.js'
import type { ConfigPart, Sweep, SweepRun } from './sweep.js'

export interface EnumerateOptions {
  /** The folder that names of files are relative to; default: the working directory. Runs name them absolutely. */
  readonly beside?: string
  /** What a message about a run's setting begins with, such as its place in the sweep's file. Default: the run's labels. */
  readonly where?: (path: readonly PropertyKey[], labels: SweepRun['labels']) => string
}

/**
 * The runs of a sweep, always in the same order: the first axis changes slowest, the seed fastest. Combinations that describe the same run
 * have the same id.
 * @throws ModelError for the first run whose configuration is wrong, and for files that cannot be read
 */
export function runsOf(sweep: Sweep, options: EnumerateOptions = {}): SweepRun[] {
  check(sweep)
  const { beside = process.cwd(), where = (_, labels) => labelText(labels) } = options
  const hashes = new Map<string, string>()
  return combinationsOf(sweep).map(({ labels, config: part }) => {
    const config = withFiles(part, (file) => path.resolve(beside, file))
    const parsed = configSchema.safeParse(config)
    if (!parsed.success) {
      const { path, message } = firstIssue(parsed.error.issues, () => 0)
      throw new ModelError(`${where(path, labels)}: ${message}`)
    }
    const id = identityOf(parsed.data, (file) => {
      const hash = hashes.get(file) ?? hashOf(file, where([], labels))
      hashes.set(file, hash)
      return hash
    })
    return { id, labels, config: config as SweepRun['config'] }
  })
}

/** `optimizer sgd, seed 1`. */
export function labelText(labels: SweepRun['labels']): string {
  return Object.entries(labels)
    .map(([axis, label]) => `${axis} ${label}`)
    .join(', ')
}

interface Combination {
  readonly labels: Readonly<Record<string, string | number>>
  readonly config: ConfigPart
}

/** Axes are put together first, and then over the base: where one names another optimizer, what others say of the optimizer holds for that one. */
function combinationsOf({ base, axes, seeds, exclude = [] }: Sweep): Combination[] {
  let combinations: Combination[] = [{ labels: {}, config: {} }]
  for (const [axis, values] of Object.entries(axes))
    combinations = combinations.flatMap(({ labels, config }) =>
      Object.entries(values).map(([label, part]) => ({
        labels: { ...labels, [axis]: label },
        config: merged(config, part),
      })),
    )
  return combinations
    .flatMap(({ labels, config }) =>
      seeds.map((seed) => ({ labels: { ...labels, seed }, config: { ...merged(base, config), seed } })),
    )
    .filter(
      ({ labels }: Combination) =>
        !exclude.some((entry) =>
          Object.entries(entry).every(([axis, label]) => String(labels[axis]) === String(label)),
        ),
    )
}

function check({ axes, seeds, exclude = [] }: Sweep): void {
  if (Object.hasOwn(axes, 'seed')) throw new ModelError("axes: an axis cannot be called 'seed': seeds are one already")
  for (const [axis, values] of Object.entries(axes))
    if (Object.keys(values).length === 0) throw new ModelError(`axes.${axis}: it has no value, so there is no run`)
  if (seeds.length === 0) throw new ModelError('seeds: there is none, so there is no run')
  exclude.forEach((entry, i) => {
    for (const [axis, label] of Object.entries(entry)) {
      const known = axis === 'seed' ? seeds.map(String) : Object.keys(axes[axis] ?? {})
      if (!known.includes(String(label)))
        throw new ModelError(
          `exclude.${i}: there is no ${axis} ${quoted(String(label))}; expected ${known.length === 0 ? `one of the axes ${Object.keys(axes).join(', ')}` : `one of ${known.join(', ')}`}`,
        )
    }
  })
}

/** With the names of files changed. Whatever is no configuration stays as it is: the schema says what is wrong with it. */
function withFiles(config: ConfigPart, change: (file: string) => string): ConfigPart {
  const changed = (part: unknown, ...keys: readonly string[]): unknown =>
    isObject(part)
      ? Object.fromEntries(
          Object.entries(part).map(([key, value]) => [
            key,
            keys.includes(key) && typeof value === 'string' ? change(value) : value,
          ]),
        )
      : part
  const { data, model, teleportations } = config
  return {
    ...config,
    ...(data !== undefined && { data: changed(data, 'from', 'cache') }),
    ...(model !== undefined && { model: changed(model, 'file') }),
    ...(Array.isArray(teleportations) && { teleportations: teleportations.map((each) => changed(each, 'cob')) }),
  }
}

function hashOf(file: string, where: string): string {
  const bytes = attempt(`${where}: cannot read ${quoted(file)}`, () => fs.readFileSync(file))
  return createHash('sha256').update(bytes).digest('hex')
}
