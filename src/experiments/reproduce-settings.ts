import { parse, YAMLParseError } from 'yaml'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { Figure, Scale, Settings } from './figure.js'
import { checkValue } from './reproduce-values.js'

/** Settings in place of those of the scale, by key (`epochs`: of every figure that has it), or by figure and key (`fig6.epochs`). */
export type Overrides = Readonly<Record<string, unknown>>

/**
 * Reads `epochs=3`, `ranges=[0.1, 0.9]`, `fig6.seeds=[1, 2]`: values are YAML. Of two for one key the later one counts.
 * @throws ModelError for text of another form
 */
export function parseOverrides(texts: readonly string[]): Overrides {
  return Object.fromEntries(
    texts.map((text): [string, unknown] => {
      const at = text.indexOf('=')
      if (at < 1) throw new ModelError(`${quoted(text)}: expected KEY=VALUE, such as epochs=3 or fig6.seeds=[1,2]`)
      try {
        return [text.slice(0, at).trim(), parse(text.slice(at + 1))]
      } catch (error) {
        if (!(error instanceof YAMLParseError)) throw error
        throw new ModelError(`${quoted(text)}: the value is not YAML (${error.message.split('\n')[0] ?? ''})`)
      }
    }),
  )
}

/**
 * The settings of each figure, by its name: those of the scale, with overrides put over them.
 * @throws ModelError for a key that no figure has, and for a value of another type than the one that it replaces
 */
export function settingsOf(figures: readonly Figure[], scale: Scale, overrides: Overrides = {}): Map<string, Settings> {
  const unused = new Set(Object.keys(overrides))
  const settings = new Map(
    figures.map((figure): [string, Settings] => {
      const given = figure.settings[scale]
      const changed = Object.entries(given).map(([key, value]) => {
        const name = [`${figure.name}.${key}`, key].find((candidate) => Object.hasOwn(overrides, candidate))
        for (const candidate of [`${figure.name}.${key}`, key]) unused.delete(candidate)
        return [key, name === undefined ? value : checked(figure.name, key, value, overrides[name])]
      })
      return [figure.name, Object.fromEntries(changed) as Settings]
    }),
  )
  for (const key of unused) throw unknown(figures, scale, key)
  return settings
}

function unknown(figures: readonly Figure[], scale: Scale, key: string): ModelError {
  const [, name] = /^(\w+)\./.exec(key) ?? []
  const meant = figures.filter((figure) => figure.name === name)
  const asked = meant.length > 0 ? meant : figures
  const keys = [...new Set(asked.flatMap((figure) => Object.keys(figure.settings[scale])))].sort()
  const of = asked.map((figure) => figure.name).join(', ')
  return new ModelError(
    `no setting ${quoted(key)} in ${of}; there ${keys.length === 1 ? 'is' : 'are'} ${keys.join(', ')}`,
  )
}

type Value = Settings[string]

function checked(figure: string, key: string, before: Value, after: unknown): Value {
  const [expected, got] = [typeText(before), typeText(after)]
  const number = typeof after === 'number' && !Number.isFinite(after)
  // An empty list is of every type.
  if (before !== null && (number || (expected !== got && !(expected.startsWith('a list of ') && got === 'a list'))))
    throw new ModelError(
      `${figure}, ${key} = ${JSON.stringify(after) ?? ''}: expected ${expected}, as ${JSON.stringify(before)}, got ${got}`,
    )
  checkValue(figure, key, before, after as Value)
  return after as Value
}

/** `a number`, `a list of lists of numbers`. */
function typeText(value: unknown): string {
  if (!Array.isArray(value)) return value === null || value === undefined ? 'nothing' : `a ${typeof value}`
  const kinds = [...new Set(value.map((element) => typeText(element).replace(/^a (list|\w+)/, '$1s')))]
  return kinds.length === 0 ? 'a list' : `a list of ${kinds.join(' and ')}`
}

/** Values of a list that are spelt out; of longer ones the number is said. */
const SPELT_OUT = 6

/**
 * What differs from the paper's settings, one text for each key: `epochs 3 (paper: 100)`, `ranges: 5 values (paper: 15)`.
 * Empty where nothing does.
 */
export function reducedFrom(settings: Settings, paper: Settings): string[] {
  return Object.keys(settings).flatMap((key) => {
    const [now, theirs] = [settings[key] ?? null, paper[key] ?? null]
    if (JSON.stringify(now) === JSON.stringify(theirs)) return []
    if (!Array.isArray(now) || !Array.isArray(theirs))
      return [`${words(key)} ${valueText(now)} (paper: ${valueText(theirs)})`]
    const long = Math.max(now.length, theirs.length) > SPELT_OUT
    return long && now.length !== theirs.length
      ? [`${words(key)}: ${now.length} ${now.length === 1 ? 'value' : 'values'} (paper: ${theirs.length})`]
      : [`${words(key)} ${valueText(now)} (paper: ${valueText(theirs)})`]
  })
}

/** `batchSizes` as `batch sizes`. */
function words(key: string): string {
  return key.replace(/([a-z0-9])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`)
}

type Part = Exclude<Value, readonly unknown[]>

function valueText(value: Value | readonly Part[]): string {
  if (isList(value))
    return value.length === 0
      ? 'none'
      : value.map((part) => (isList(part) ? `[${valueText(part)}]` : partText(part))).join(', ')
  return partText(value)
}

function partText(value: Part): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return typeof value === 'number' ? numberText(value) : (value ?? 'none')
}

function isList<T>(value: T): value is Extract<T, readonly unknown[]> {
  return Array.isArray(value)
}

function numberText(value: number): string {
  return Math.abs(value) >= 1000 && Number.isInteger(value) ? value.toLocaleString('en-US') : String(value)
}

/** The keys in which two settings differ, those that only one of them has included. */
export function differingKeys(a: Settings, b: Settings): string[] {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...keys].filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]))
}
