import type { Mark, Scale, Value } from './mark.js'
import { linearTicks, logTicks, tickTexts } from './ticks.js'

export interface Axis {
  /** With its unit: `wall-clock time (s)`. */
  readonly label: string
  /** Default `linear`; `category` of texts. */
  readonly type?: 'linear' | 'log' | 'category'
  /** Lowest and highest value, or the categories in their order; default what the data need. What lies outside is cut off. */
  readonly domain?: readonly [number, number] | readonly string[]
  /** Values that the axis shows whatever the data are, `[0]` for instance. */
  readonly include?: readonly number[]
  /** Values, or about how many; default as many as there is room for. */
  readonly ticks?: readonly number[] | number
  /** No ticks between whole numbers: epochs, counts. Default false. */
  readonly whole?: boolean
  readonly format?: (value: number) => string
}

/** An axis as it is drawn. */
export interface LaidAxis {
  readonly scale: Scale
  readonly label: string
  readonly domain: readonly [number, number] | readonly string[]
  readonly ticks: readonly (number | string)[]
  readonly texts: readonly string[]
  /** Whether something lies outside of the domain. */
  readonly cuts: boolean
  /** Whether its low end is a base that marks stand on: histograms, bars. */
  readonly based: boolean
}

/** @param side of the marks' values to look at; @param length of the axis in pixels, @param room that a tick needs */
export function laidAxis(
  axis: Axis,
  marks: readonly Mark[],
  side: 'xs' | 'ys',
  length: number,
  room: number,
): LaidAxis {
  const values = marks.flatMap((mark) => mark[side])
  const type = axis.type ?? 'linear'
  if (type === 'category') {
    const given = axis.domain as readonly string[] | undefined
    const found = values.filter((value) => typeof value === 'string')
    const domain = given ?? [...new Set(found)]
    const scale: Scale = { type, at: (value) => (typeof value === 'string' ? value : NaN) }
    return { scale, label: axis.label, domain, ticks: domain, texts: domain, cuts: false, based: false }
  }
  const valid = (value: Value): value is number =>
    typeof value === 'number' && Number.isFinite(value) && (type === 'linear' || value > 0)
  const numbers = [...values, ...(axis.include ?? [])].filter(valid)
  const [lowest, highest] = numbers.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  )
  const domain = (axis.domain as readonly [number, number] | undefined) ?? widened(lowest, highest, type)
  const count = typeof axis.ticks === 'number' ? axis.ticks : Math.max(2, Math.floor(length / room))
  const found =
    typeof axis.ticks === 'object' ? axis.ticks : (type === 'log' ? logTicks : linearTicks)(domain[0], domain[1], count)
  const ticks = axis.whole === true ? found.filter(Number.isInteger) : found
  return {
    scale: { type, at: (value) => (valid(value) ? value : NaN) },
    label: axis.label,
    domain,
    ticks,
    texts: axis.format === undefined ? tickTexts(ticks, type) : ticks.map(axis.format),
    cuts: lowest < domain[0] || highest > domain[1],
    based: side === 'ys' && domain[0] === 0 && marks.some(({ kind }) => kind === 'histogram'),
  }
}

/** A domain has a length, whatever the data are. */
function widened(low: number, high: number, type: 'linear' | 'log'): readonly [number, number] {
  if (low > high) return type === 'log' ? [1, 10] : [0, 1]
  if (low < high) return [low, high]
  if (type === 'log') return [low / 2, high * 2]
  const around = low === 0 ? 1 : Math.abs(low) * 0.1
  return [low - around, high + around]
}
