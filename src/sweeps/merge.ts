import type { ConfigPart } from './sweep.js'

/** What says which of several kinds of thing an object is: which network, optimizer, schedule, initialiser … A network may come from a file. */
const KINDS = ['name', 'type', 'file'] as const

/**
 * Puts `over` over `base`: objects are merged key by key, and all else, lists too, is replaced. An object that is another kind of thing than the
 * one below it, such as another optimizer, replaces it: the settings of the one are not the other's.
 */
export function merged(base: ConfigPart, over: ConfigPart): ConfigPart {
  const result: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const below = Object.hasOwn(result, key) ? result[key] : undefined
    const both = isObject(below) && isObject(value) && !isOther(below, value) ? merged(below, value) : value
    // A key may be called __proto__.
    Object.defineProperty(result, key, { value: both, enumerable: true, writable: true, configurable: true })
  }
  return result
}

/** Do both say what they are, and not the same? */
export function isOther(below: ConfigPart, over: ConfigPart): boolean {
  const kind = (part: ConfigPart) => KINDS.find((key) => typeof part[key] === 'string')
  const [a, b] = [kind(below), kind(over)]
  return a !== undefined && b !== undefined && (a !== b || below[a] !== over[b])
}

export function isObject(value: unknown): value is ConfigPart {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
