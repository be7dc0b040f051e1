import { SAMPLINGS } from '../cob/sample.js'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { INITIALIZERS } from '../models/initializers/initializer.js'
import { ACTIVATIONS } from '../models/options.js'
import type { Settings } from './figure.js'
import { networkNamed } from './networks.js'
import { NO_TELEPORTATION, PSEUDO_TELEPORTATION, TELEPORTATION } from './training/settings.js'

type Value = Settings[string]

/** What names may be given, by the setting's key. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  sampling: SAMPLINGS,
  samplings: SAMPLINGS,
  datasets: ['cifar10', 'cifar100', 'random'],
  activations: ACTIVATIONS,
  initializations: ['default', 'Gaussian', 'Xavier'],
  initializers: ['default', ...INITIALIZERS],
  arms: [NO_TELEPORTATION, TELEPORTATION, PSEUDO_TELEPORTATION],
}

/** Of these there must be one at least. */
const COUNTED = /images$|^batchSizes?$|^points$|^bins$|^directions$|^epochs$|^seeds$|^teleportations$|^hiddenLayers$/i

/** Lists without which a figure makes sense. */
const MAY_BE_EMPTY = new Set(['smallerRanges', 'learningRateDecayEpochs'])

/** Lists in which a value may stand twice. */
const MAY_REPEAT = new Set(['hiddenLayers'])

/** More than this of anything is a slip, and would fill the memory before anything is trained. */
const MOST = 100_000
export const MOST_SEEDS = 1000

/**
 * Refuses a value that makes no sense before anything is written: unknown names, negative numbers, half a seed, a list with nothing in it.
 * @param before what it replaces, of the same type: where that is whole, so must be the new one
 * @throws ModelError that names figure, key and value
 */
export function checkValue(figure: string, key: string, before: Value, after: Value): void {
  const refuse = (expected: string, value: unknown): never => {
    throw new ModelError(`${figure}, ${key} = ${JSON.stringify(after)}: expected ${expected}, got ${textOf(value)}`)
  }
  const values: readonly unknown[] = [after].flat(2)
  if (Array.isArray(after)) {
    if (after.length === 0 && !MAY_BE_EMPTY.has(key)) refuse('one value or more', after)
    const texts = after.map((value) => JSON.stringify(value))
    const twice: unknown = after.find((_, i) => texts.indexOf(texts[i] ?? '') < i)
    if (twice !== undefined && !MAY_REPEAT.has(key)) refuse('each value once', twice)
    if (after.length > MOST_SEEDS) refuse(`at most ${MOST_SEEDS} values`, after.length)
  }
  const whole = [before].flat(2).every((value) => Number.isInteger(value))
  for (const value of values) {
    if (typeof value === 'number') checkNumber(key, value, whole, Array.isArray(after), refuse)
    else if (typeof value === 'string') checkName(figure, key, value, refuse)
  }
}

type Refuse = (expected: string, value: unknown) => never

function checkNumber(key: string, value: number, whole: boolean, listed: boolean, refuse: Refuse): void {
  if (!Number.isFinite(value) || value < 0) refuse('a number of at least 0', value)
  if (!whole) return
  if (!Number.isInteger(value)) refuse('a whole number', value)
  const isSeed = key === 'seed' || (key === 'seeds' && listed)
  if (!isSeed && value < 1 && COUNTED.test(key)) refuse('at least 1', value)
  const most = isSeed ? 2 ** 32 - 1 : key === 'seeds' ? MOST_SEEDS : MOST
  if (value > most) refuse(`at most ${most}`, value)
}

function checkName(figure: string, key: string, value: string, refuse: Refuse): void {
  if (key === 'network' || key === 'networks') {
    try {
      networkNamed(value)
    } catch (error) {
      throw error instanceof ModelError ? new ModelError(`${figure}, ${key}: ${error.message}`) : error
    }
  }
  const names = Object.hasOwn(NAMES, key) ? NAMES[key] : undefined
  if (names !== undefined && !names.includes(value)) refuse(names.map(quoted).join(', '), value)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? quoted(value) : (JSON.stringify(value) ?? '').replace('null', 'no number')
}
