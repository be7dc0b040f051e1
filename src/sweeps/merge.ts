import type { ConfigPart } from './sweep.js'

/** Puts `over` over `base`: objects are merged key by key, and all else, lists too, is replaced. */
export function merged(base: ConfigPart, over: ConfigPart): ConfigPart {
  const result: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const below = Object.hasOwn(result, key) ? result[key] : undefined
    const both = isObject(below) && isObject(value) ? merged(below, value) : value
    // A key may be called __proto__.
    Object.defineProperty(result, key, { value: both, enumerable: true, writable: true, configurable: true })
  }
  return result
}

export function isObject(value: unknown): value is ConfigPart {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
