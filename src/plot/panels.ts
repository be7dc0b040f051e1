import { laidAxis, type Axis, type LaidAxis } from './axis.js'
import { legendOf } from './legend.js'
import type { Mark } from './mark.js'
import { dataArea } from './data-area.js'
import { stylesOf } from './series.js'
import { FONT_FAMILY, LINE, round, textLines, TICK_SIZE, INK, textWidth, wrapped } from './text.js'
import { escaped } from './xml.js'

export type { Axis } from './axis.js'
export type { Mark } from './mark.js'

/** One drawing of several that share a legend. */
export interface Panel {
  readonly title?: string
  readonly x: Axis
  readonly y: Axis
  readonly marks: readonly Mark[]
}

export interface PanelsOptions {
  /** Over all panels. */
  readonly title?: string
  /** What a reader who sees no picture is told; default the panels' titles and axes. */
  readonly description?: string
  /** Default: as many as there are, at most 3; 2 of 4. */
  readonly columns?: number
  /** Series' labels in their order; default all that are drawn, as first seen. Empty for no legend. */
  readonly legend?: readonly string[]
  /** Of the whole; default 960. */
  readonly width?: number
  /** Of a panel's data area; default 230. */
  readonly panelHeight?: number
  /** All panels have the same y domain, or x domain; default false. */
  readonly sharedX?: boolean
  readonly sharedY?: boolean
}

const MARGIN = 14
const GAP = 26
const LABEL_SIZE = 12
const TITLE_SIZE = 13
const HEADING_SIZE = 16

/**
 * Draws panels in rows, under one legend, as an SVG that stands by itself: white ground, no references, no ids or style sheets that could
 * meet those of another on one page; the same bytes for the same data.
 */
export function panels(drawn: readonly Panel[], options: PanelsOptions = {}): string {
  const { width = 960, panelHeight = 230, title } = options
  const columns = Math.max(1, Math.min(drawn.length, options.columns ?? (drawn.length === 4 ? 2 : 3)))
  const cell = (width - 2 * MARGIN - (columns - 1) * GAP) / columns
  const labels = [...new Set(drawn.flatMap(({ marks }) => marks.flatMap(({ series }) => series ?? [])))]
  const styles = stylesOf([...new Set([...(options.legend ?? []), ...labels])])
  const parts: string[] = []
  let top = MARGIN
  if (title !== undefined) {
    const lines = wrapped(title, HEADING_SIZE, width - 2 * MARGIN)
    parts.push(textLines(lines, MARGIN, top, HEADING_SIZE, true))
    top += lines.length * HEADING_SIZE * LINE + 8
  }
  const legend = legendOf(
    options.legend ?? labels,
    drawn.flatMap(({ marks }) => marks),
    styles,
    width - 2 * MARGIN,
  )
  if (legend.height > 0) {
    parts.push(`<g transform="translate(${MARGIN},${round(top)})">${legend.svg}</g>`)
    top += legend.height + 10
  }
  const everything = drawn.flatMap(({ marks }) => marks)
  for (let first = 0; first < drawn.length; first += columns) {
    const row = drawn.slice(first, first + columns)
    const headers = row.map((panel) => headerOf(panel, cell))
    const headerHeight = Math.max(...headers.map(({ height }) => height))
    const inner = row.map((panel) => {
      const y = laidAxis(panel.y, options.sharedY === true ? everything : panel.marks, 'ys', panelHeight, 42)
      const left =
        10 + Math.max(0, ...y.texts.flatMap((text) => text.split('\n')).map((text) => textWidth(text, TICK_SIZE)))
      const length = cell - left - 8
      const x = laidAxis(panel.x, options.sharedX === true ? everything : panel.marks, 'xs', length, 70)
      return { panel, x: fitted(x, length), y, left }
    })
    // Data areas of a row begin at the same place within their cells.
    const bottom = Math.max(
      ...inner.map(({ x }) => 10 + LINE * TICK_SIZE * Math.max(1, ...x.texts.map((text) => text.split('\n').length))),
    )
    const footers = row.map((panel) => wrapped(panel.x.label, LABEL_SIZE, cell))
    inner.forEach(({ panel, x, y, left }, i) => {
      const at = MARGIN + i * (cell + GAP)
      const header = headers[i] as Header
      parts.push(header.svg(at, top + headerHeight))
      const frame = { width: cell, height: panelHeight + bottom, left, bottom, right: 8 }
      parts.push(
        `<g text-anchor="middle" transform="translate(${round(at)},${round(top + headerHeight)})">${dataArea(panel, x, y, frame, styles)}</g>`,
      )
      const middle = at + (left + cell - 8) / 2
      const below = top + headerHeight + panelHeight + bottom + 2
      parts.push(textLines(footers[i] as string[], middle, below, LABEL_SIZE, false, 'middle'))
    })
    const footer = Math.max(...footers.map((lines) => lines.length)) * LABEL_SIZE * LINE
    top += headerHeight + panelHeight + bottom + footer + 2 + 18
  }
  const height = Math.ceil(top - 18 + MARGIN)
  const name = title ?? drawn.map((panel) => panel.title ?? `${panel.y.label} over ${panel.x.label}`).join('; ')
  const description =
    options.description ??
    drawn
      .map((panel) => `${panel.title === undefined ? '' : `${panel.title}: `}${panel.y.label} over ${panel.x.label}`)
      .join('; ')
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" width="${round(width)}" height="${height}" viewBox="0 0 ${round(width)} ${height}" font-family="${FONT_FAMILY}" font-size="${TICK_SIZE}" fill="${INK}"><title>${escaped(name)}</title><desc>${escaped(description)}</desc><rect width="100%" height="100%" fill="#fff"/>${parts.join('\n')}</svg>\n`
}

interface Header {
  readonly height: number
  /** @param bottom where the header ends */
  readonly svg: (left: number, bottom: number) => string
}

/** A panel's title and, under it, the y axis' label: horizontal, it is never too long for its axis. */
function headerOf({ title, y }: Panel, width: number): Header {
  const titles = title === undefined ? [] : wrapped(title, TITLE_SIZE, width)
  const labels = wrapped(y.label, LABEL_SIZE, width)
  const titleHeight = titles.length * TITLE_SIZE * LINE + (titles.length > 0 ? 3 : 0)
  const labelHeight = labels.length * LABEL_SIZE * LINE
  const height = titleHeight + labelHeight + 8
  return {
    height,
    svg: (left, bottom) =>
      textLines(titles, left, bottom - height, TITLE_SIZE, true) +
      textLines(labels, left, bottom - height + titleHeight, LABEL_SIZE, false),
  }
}

/** Texts of ticks that are wider than their place are broken into lines. */
function fitted(axis: LaidAxis, length: number): LaidAxis {
  if (axis.scale.type !== 'category') return axis
  const room = length / Math.max(1, axis.texts.length) - 6
  return { ...axis, texts: axis.texts.map((text) => wrapped(text, TICK_SIZE, room).join('\n')) }
}
