import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { LaidAxis } from './axis.js'
import type { Mark } from './mark.js'
import type { Style } from './series.js'
import { INK, round, TICK_SIZE } from './text.js'

/** Data stay as far from the frame as symbols are large. */
const INSET = 7

/** A panel without its title and labels: its size, and what of it the ticks take. */
export interface Frame {
  readonly width: number
  readonly height: number
  readonly left: number
  readonly bottom: number
  readonly right: number
}

/** Draws a panel's axes and marks; returns what stands within a group of SVG. */
export function dataArea(
  panel: { readonly title?: string; readonly marks: readonly Mark[] },
  x: LaidAxis,
  y: LaidAxis,
  frame: Frame,
  styles: ReadonlyMap<string, Style>,
): string {
  const empty = panel.marks.every((mark) => mark.empty)
  const size = { width: frame.width - frame.left - frame.right, height: frame.height - frame.bottom }
  const counts = new Map<string, number>()
  for (const { kind } of panel.marks) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  const seen = new Map<string, number>()
  const marks = panel.marks.flatMap((mark) => {
    const index = seen.get(mark.kind) ?? 0
    seen.set(mark.kind, index + 1)
    const style = {
      ...(styles.get(mark.series ?? '') ?? { colour: INK, dash: '', symbol: 'circle' as const }),
      ...mark.restyled,
    }
    return mark.draw({
      style,
      x: x.scale,
      y: y.scale,
      index,
      count: counts.get(mark.kind) ?? 1,
      clip: x.cuts || y.cuts,
      ...size,
    })
  })
  const { document } = parseHTML('<html><body></body></html>') as unknown as { readonly document: object }
  const textOf = (axis: LaidAxis) => (value: number | string) => axis.texts[axis.ticks.indexOf(value)] ?? ''
  const grid = { stroke: '#e4e4e4', strokeOpacity: 1 }
  const ticks = { stroke: '#777', tickSize: 4, label: null, fontSize: TICK_SIZE, fill: INK, color: '#777' }
  const plotted = plot({
    document,
    width: frame.width,
    height: frame.height,
    marginLeft: frame.left,
    marginRight: frame.right,
    marginTop: 0,
    marginBottom: frame.bottom,
    x: { type: plotType(x), domain: [...x.domain], axis: null, inset: INSET },
    y: {
      type: plotType(y),
      domain: [...y.domain],
      axis: null,
      insetTop: INSET,
      insetBottom: y.based ? 0 : INSET,
    },
    marks: empty
      ? [
          Plot.frame({ stroke: '#ddd' }),
          Plot.text(['no data yet'], { frameAnchor: 'middle', fontSize: 13, fill: '#777' }),
        ]
      : [
          Plot.gridY([...y.ticks], grid),
          ...(x.scale.type === 'category' ? [] : [Plot.gridX([...x.ticks], grid)]),
          Plot.frame({ anchor: 'bottom', stroke: '#777' }),
          Plot.frame({ anchor: 'left', stroke: '#777' }),
          Plot.axisX([...x.ticks], { ...ticks, text: textOf(x) }),
          Plot.axisY([...y.ticks], { ...ticks, text: textOf(y) }),
          ...marks,
        ],
  })
  return standalone(plotted, idOf(JSON.stringify([panel.title, x.label, y.label, panel.marks])))
}

function plotType({ scale }: LaidAxis): 'linear' | 'log' | 'point' {
  return scale.type === 'category' ? 'point' : scale.type
}

/** Plot as it is used here: its own declaration asks for a browser's types. */
const plot = Plot.plot as unknown as (
  options: Omit<Plot.PlotOptions, 'document'> & { readonly document: unknown },
) => DrawnElement

/** What is used of a drawn element. */
interface DrawnElement {
  readonly innerHTML: string
  readonly tagName: string
  querySelectorAll(selector: string): Iterable<DrawnElement>
  readonly attributes: Iterable<{ readonly name: string; value: string }>
  setAttribute(name: string, value: string): void
  removeAttribute(name: string): void
  getAttribute(name: string): string | null
  remove(): void
}

/** What Plot drew, without its style sheet, with ids that no other drawing has, and numbers no longer than is seen. */
function standalone(drawn: DrawnElement, id: string): string {
  for (const sheet of drawn.querySelectorAll('style')) sheet.remove()
  const ids = new Map<string, string>()
  for (const element of drawn.querySelectorAll('[id]')) {
    const old = element.getAttribute('id') as string
    ids.set(old, `${id}-${ids.size}`)
    element.setAttribute('id', ids.get(old) as string)
  }
  for (const element of drawn.querySelectorAll('*')) {
    element.removeAttribute('aria-label')
    element.removeAttribute('aria-hidden')
    for (const attribute of [...element.attributes]) {
      const value = attribute.value
        .replace(/^url\(#(.*)\)$/, (whole, old: string) => (ids.has(old) ? `url(#${ids.get(old) as string})` : whole))
        .replace(/-?\d+\.\d{3,}(?:e-?\d+)?/g, (number) => String(round(Number(number))))
      if (value !== attribute.value) element.setAttribute(attribute.name, value)
    }
  }
  return drawn.innerHTML
}

/** Clip paths are referred to by id; two drawings on one page must not share them unless they are alike. */
function idOf(text: string): string {
  let hash = 2166136261
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619) >>> 0
  return `clip-${hash.toString(16)}`
}
