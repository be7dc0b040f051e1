import * as Plot from '@observablehq/plot'
import type { CurvePoint } from './bands.js'
import type { Mark, MarkContext, Value } from './mark.js'
import type { Style } from './series.js'
import { plotSymbol } from './symbol.js'

/** What may be changed of any mark that belongs to a series. */
export interface MarkOptions {
  /** In place of parts of the series' own style. */
  readonly style?: Partial<Style>
}

const INK = '#333'
/** A line shows about as many symbols. */
const SYMBOLS = 6

/**
 * A line, with a band where its points have `low` and `high`, and a few symbols, so that lines are told apart in grey too. It breaks where y is
 * null or not finite.
 * @param options.symbols whether to draw symbols; default true
 * @param options.width of the line, default 1.8 pixels
 */
export function curve(
  points: readonly CurvePoint[],
  series: string,
  { symbols = true, width = 1.8, style }: MarkOptions & { readonly symbols?: boolean; readonly width?: number } = {},
): Mark {
  const measured = points.filter(({ x, y }) => isFinite(x) && isFinite(y))
  const banded = points.some(({ low, high }) => isFinite(low) && isFinite(high))
  return {
    kind: 'curve',
    series,
    ...(style && { restyled: style }),
    key: { line: true, band: banded, symbol: symbols },
    xs: measured.map(({ x }) => x),
    ys: points.flatMap(({ y, low, high }) => [y, low, high]),
    empty: measured.length === 0,
    draw(context) {
      const { style: look, x, y, clip } = context
      const every = Math.max(1, Math.ceil(measured.length / SYMBOLS))
      // Symbols of several lines are apart, where there are points enough.
      const phase = Math.floor((every * (context.index + 0.5)) / context.count)
      const marked = symbols ? measured.filter((_, i) => i % every === phase) : []
      const px = (point: CurvePoint) => x.at(point.x)
      return [
        ...(banded
          ? [
              Plot.areaY(points, {
                x: px,
                y1: ({ y: middle, low }: CurvePoint) => y.at(isFinite(middle) ? low : null),
                y2: ({ y: middle, high }: CurvePoint) => y.at(isFinite(middle) ? high : null),
                fill: look.colour,
                fillOpacity: 0.16,
                clip,
              }),
            ]
          : []),
        Plot.line(points, {
          x: px,
          y: (point: CurvePoint) => y.at(point.y),
          stroke: look.colour,
          strokeWidth: width,
          ...(look.dash !== '' && { strokeDasharray: look.dash }),
          clip,
        }),
        Plot.dot(marked, {
          x: px,
          y: (point: CurvePoint) => y.at(point.y),
          symbol: plotSymbol(look.symbol),
          fill: look.colour,
          stroke: '#fff',
          strokeWidth: 0.7,
          r: 3.6,
          clip,
        }),
      ]
    },
  }
}

/**
 * Points without a line, as a scatter or over categories.
 * @param options.radius default 3 pixels
 * @param options.opacity default 0.75
 * @param options.filled default true; outlines show more where many lie on one another
 */
export function points(
  data: readonly { readonly x: Value; readonly y: Value }[],
  series: string,
  {
    radius = 3,
    opacity = 0.75,
    filled = true,
    style,
  }: MarkOptions & { readonly radius?: number; readonly opacity?: number; readonly filled?: boolean } = {},
): Mark {
  const shown = data.filter(({ x, y }) => exists(x) && exists(y))
  return {
    kind: 'points',
    series,
    ...(style && { restyled: style }),
    key: { symbol: true },
    xs: shown.map(({ x }) => x),
    ys: shown.map(({ y }) => y),
    empty: shown.length === 0,
    draw: ({ style: look, x, y, clip }) => [
      Plot.dot(shown, {
        x: (point: { x: Value }) => x.at(point.x),
        y: (point: { y: Value }) => y.at(point.y),
        symbol: plotSymbol(look.symbol),
        ...(filled ? { fill: look.colour } : { stroke: look.colour, strokeWidth: 1.2 }),
        opacity,
        r: radius,
        clip,
      }),
    ],
  }
}

/** A bar of a histogram: `count` may be a density or a share too. */
export interface Bin {
  readonly low: number
  readonly high: number
  readonly count: number | null
}

/**
 * A histogram. The first of a panel is filled, those after it are outlined, so that what overlaps can be read.
 * @param bins neighbours touch, in the order of their values
 * @param options.filled overrides that
 */
export function histogram(
  bins: readonly Bin[],
  series: string,
  { filled, style }: MarkOptions & { readonly filled?: boolean } = {},
): Mark {
  const shown = bins.filter(({ low, high, count }) => isFinite(low) && isFinite(high) && isFinite(count))
  return {
    kind: 'histogram',
    series,
    ...(style && { restyled: style }),
    key: { box: true, line: true },
    xs: shown.flatMap(({ low, high }) => [low, high]),
    ys: [0, ...shown.map(({ count }) => count)],
    empty: shown.length === 0,
    draw(context) {
      const { style: look, x, y, clip } = context
      const fill = filled ?? context.index === 0
      const base =
        y.type === 'log' ? Math.min(...shown.flatMap(({ count }) => ((count ?? 0) > 0 ? [count as number] : []))) : 0
      const steps = outline(shown, base)
      const at = { x: (step: Step) => x.at(step.x), clip }
      return [
        ...(fill
          ? [
              Plot.areaY(steps, {
                ...at,
                y1: () => y.at(base),
                y2: (step: Step) => y.at(Math.max(base, step.y)),
                fill: look.colour,
                fillOpacity: 0.28,
              }),
            ]
          : []),
        Plot.line(steps, {
          ...at,
          y: (step: Step) => y.at(Math.max(base, step.y)),
          stroke: look.colour,
          strokeWidth: fill ? 1 : 1.6,
          strokeLinejoin: 'miter',
          ...(look.dash !== '' && !fill && { strokeDasharray: look.dash }),
        }),
      ]
    },
  }
}

interface Step {
  readonly x: number
  readonly y: number
}

function outline(bins: readonly Bin[], base: number): Step[] {
  const steps: Step[] = []
  for (const { low, high, count } of bins) {
    const last = steps.at(-1)
    if (last === undefined || Math.abs(last.x - low) > (high - low) * 1e-6) {
      if (last !== undefined) steps.push({ x: last.x, y: base })
      steps.push({ x: low, y: base })
    }
    steps.push({ x: low, y: count as number }, { x: high, y: count as number })
  }
  const last = steps.at(-1)
  if (last !== undefined) steps.push({ x: last.x, y: base })
  return steps
}

/** A value with its interval, at a category or a number of the other axis. */
export interface IntervalPoint {
  readonly at: Value
  readonly value: number | null
  readonly low?: number | null
  readonly high?: number | null
}

/**
 * Values with their intervals, drawn as a symbol on a bar: horizontally as in a forest plot (`along: 'x'`, the categories on the y axis), or
 * vertically (`along: 'y'`). Several of a panel are drawn beside one another.
 * @param options.along the axis of the values; default x
 */
export function intervals(
  data: readonly IntervalPoint[],
  series: string,
  { along = 'x', style }: MarkOptions & { readonly along?: 'x' | 'y' } = {},
): Mark {
  const shown = data.filter(({ at, value }) => exists(at) && isFinite(value))
  const values = shown.flatMap(({ value, low, high }) => [value, low, high])
  const places = shown.map(({ at }) => at)
  return {
    kind: 'intervals',
    series,
    ...(style && { restyled: style }),
    key: { symbol: true, line: true },
    xs: along === 'x' ? values : places,
    ys: along === 'x' ? places : values,
    empty: shown.length === 0,
    draw(context) {
      const { style: look, clip } = context
      const [valued, placed] = along === 'x' ? [context.x, context.y] : [context.y, context.x]
      const steps = new Set(places).size
      const room = (along === 'x' ? context.height : context.width) / Math.max(1, steps)
      const shift = (context.index - (context.count - 1) / 2) * Math.min(14, (0.7 * room) / Math.max(1, context.count))
      const at = (point: IntervalPoint) => placed.at(point.at)
      const bounded = shown.filter(({ low, high }) => isFinite(low) && isFinite(high))
      const low = (point: IntervalPoint) => valued.at(point.low)
      const high = (point: IntervalPoint) => valued.at(point.high)
      const value = (point: IntervalPoint) => valued.at(point.value)
      const bar = { stroke: look.colour, strokeWidth: 1.8, clip }
      const symbol = { symbol: plotSymbol(look.symbol), fill: look.colour, r: 4, clip }
      return along === 'x'
        ? [
            Plot.link(bounded, { x1: low, x2: high, y: at, dy: shift, ...bar }),
            Plot.dot(shown, { x: value, y: at, dy: shift, ...symbol }),
          ]
        : [
            Plot.link(bounded, { y1: low, y2: high, x: at, dx: shift, ...bar }),
            Plot.dot(shown, { x: at, y: value, dx: shift, ...symbol }),
          ]
    },
  }
}

/**
 * A thin line across the panel at a value of one axis, with an optional label beside it.
 * @param place where the label stands along the line: at its `end` (right, top) or its `start`; default end
 */
export function referenceLine(line: {
  readonly x?: number
  readonly y?: number
  readonly label?: string
  readonly place?: 'start' | 'end'
}): Mark {
  const { x: atX, y: atY, label = '', place = 'end' } = line
  const stroke = { stroke: '#555', strokeWidth: 1, strokeDasharray: '4 3' }
  const text = { text: () => label, fill: INK, fontSize: 11, stroke: '#fff', strokeWidth: 3, paintOrder: 'stroke' }
  return {
    kind: 'reference',
    key: { line: true },
    xs: [atX],
    ys: [atY],
    empty: true,
    draw: ({ x, y, width, height }) =>
      [
        ...(atX === undefined ? [] : [Plot.ruleX([x.at(atX)], stroke)]),
        ...(atY === undefined ? [] : [Plot.ruleY([y.at(atY)], stroke)]),
        ...(label === ''
          ? []
          : [
              atX === undefined
                ? Plot.text([atY], {
                    y: (value: Value) => y.at(value),
                    frameAnchor: place === 'end' ? 'right' : 'left',
                    dy: -7,
                    dx: place === 'end' ? -3 : 3,
                    ...text,
                  })
                : Plot.text([atX], {
                    x: (value: Value) => x.at(value),
                    frameAnchor: place === 'end' ? 'top' : 'bottom',
                    textAnchor: 'start',
                    dx: 4,
                    dy: place === 'end' ? 8 : -8,
                    ...text,
                  }),
            ]),
      ].slice(0, width > 0 && height > 0 ? undefined : 0),
  }
}

/** A thin dark dashed curve, such as an expectation by theory, named in the legend by `series`. It breaks where y is null or not finite. */
export function referenceCurve(
  points: readonly { readonly x: number; readonly y: number | null }[],
  series: string,
  { style }: MarkOptions = {},
): Mark {
  const look: Partial<Style> = { colour: '#000', dash: '4 2', ...style }
  return {
    ...curve(points, series, { symbols: false, width: 1.2, style: look }),
    kind: 'reference',
  }
}

/** A text beside a point of the data, or in a corner of the panel. Lines are parted by \n. */
export function annotation(
  text: string,
  where:
    | { readonly x: Value; readonly y: Value; readonly side?: 'left' | 'right' | 'above' | 'below' }
    | { readonly corner: 'top-left' | 'top-right' | 'bottom-left' | 'bottom-right' },
): Mark {
  const look = { text: () => text, fill: INK, fontSize: 11, stroke: '#fff', strokeWidth: 3, paintOrder: 'stroke' }
  return {
    kind: 'annotation',
    key: {},
    xs: 'x' in where ? [where.x] : [],
    ys: 'y' in where ? [where.y] : [],
    empty: true,
    draw({ x, y }: MarkContext) {
      if ('corner' in where)
        return [
          Plot.text([text], {
            frameAnchor: where.corner,
            dx: where.corner.endsWith('left') ? 4 : -4,
            dy: where.corner.startsWith('top') ? 4 : -4,
            ...look,
          }),
        ]
      const { side = 'right' } = where
      const aside = {
        left: { textAnchor: 'end', dx: -7 },
        right: { textAnchor: 'start', dx: 7 },
        above: { lineAnchor: 'bottom', dy: -7 },
        below: { lineAnchor: 'top', dy: 7 },
      } as const
      return [Plot.text([where], { x: () => x.at(where.x), y: () => y.at(where.y), ...aside[side], ...look })]
    },
  }
}

function isFinite(value: Value): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function exists(value: Value): value is number | string {
  return typeof value === 'string' || isFinite(value)
}
