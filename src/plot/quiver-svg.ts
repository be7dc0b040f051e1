import type { Quiver, Vertex } from '../quiver/quiver.js'
import { reportOf, type VertexReport, vertexReports } from '../quiver/report.js'
import { layered, type Point, type Size } from './layered.js'
import { type Dot, joinedGroups, quiverGraph } from './quiver-graph.js'
import { escaped } from './xml.js'

export interface QuiverSvgOptions {
  /** Default: the graph's name. */
  readonly title?: string
}

/** Okabe and Ito's colours, which people with any kind of colour vision tell apart. */
const COLOURS = { free: '#009E73', positive: '#56B4E9', sign: '#E69F00', pinned: '#999999' } as const
const MEANINGS = { free: 'free: any τ but 0', positive: 'τ > 0', sign: 'τ = ±1', pinned: 'pinned: τ = 1' } as const
const DOMAINS = ['free', 'positive', 'sign', 'pinned'] as const

/** Width of a character of the sans-serif at 11 pixels, on the safe side. */
const CHARACTER = 6.4
const MARGIN = 24
const HEAD = 84
const LEGEND_WIDTH = 640

/**
 * The quiver as an SVG: layers of neurons as boxes, with a bar that shows what τ their neurons may take; arrows for the flow of
 * data, with the operators on the way; a letter where layers' factors are joined. Sizes are in pixels.
 */
export function quiverSvg(quiver: Quiver, options: QuiverSvgOptions = {}): string {
  const { dots, arrows } = quiverGraph(quiver)
  const reports = new Map(vertexReports(quiver).map((report) => [report.name, report]))
  const letters = joinedGroups(quiver)
  const boxes = dots.map((dot) => boxOf(dot, reports, letters))
  const labels = arrows.map(({ operators }) => cut(operators.join(' · '), 24))
  const laid = layered(
    boxes.map((box) => box.size),
    arrows.map(({ from, to }, i) => ({ from, to, label: (labels[i] ?? '').length * CHARACTER * 0.8 })),
  )
  const width = Math.max(laid.width, LEGEND_WIDTH) + 2 * MARGIN
  const height = laid.height + HEAD + 2 * MARGIN
  const title = options.title ?? quiver.model.graph.name
  const lines = laid.links.map((link, i) =>
    arrowSvg(link.points, link.label, labels[i] ?? '', (arrows[i]?.operators ?? []).join(' · ')),
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${round(width)}" height="${round(height)}" viewBox="0 0 ${round(width)} ${round(height)}" font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif" font-size="11">
<title>${escaped(title)}</title>
<defs><marker id="head" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0.5 8 4 0 7.5z" fill="#555"/></marker></defs>
<rect width="100%" height="100%" fill="#fff"/>
${headSvg(quiver, title, letters.size > 0)}
<g transform="translate(${MARGIN} ${HEAD + MARGIN})">
${lines.join('\n')}
${boxes.map((box, i) => box.svg(laid.boxes[i] as Point)).join('\n')}
</g>
</svg>
`
}

function headSvg(quiver: Quiver, title: string, joined: boolean): string {
  const report = reportOf(quiver)
  const coverage = report.coverage === null ? 'no neurons' : `${Math.floor(report.coverage * 1000) / 10} % may move`
  const facts = `scope ${report.scope} · ${report.vertices} layers · ${report.neurons} neurons, ${coverage}`
  let x = MARGIN
  const keys = DOMAINS.map((domain) => {
    const key = `<rect x="${x}" y="62" width="14" height="10" fill="${COLOURS[domain]}"/><text x="${x + 19}" y="71">${escaped(MEANINGS[domain])}</text>`
    x += 19 + MEANINGS[domain].length * CHARACTER + 14
    return key
  })
  keys.push(
    `<rect x="${x}" y="61" width="14" height="11" fill="#fff" stroke="#333" stroke-dasharray="3 2"/><text x="${x + 19}" y="71">output, τ = 1</text>`,
  )
  x += 19 + 13 * CHARACTER + 14
  if (joined) keys.push(`${badge(x, 60, 'A')}<text x="${x + 20}" y="71">same letter: joined factors</text>`)
  return `<text x="${MARGIN}" y="${MARGIN + 6}" font-size="17" font-weight="bold">${escaped(cut(title, 70))}</text>
<text x="${MARGIN}" y="${MARGIN + 24}" fill="#444">${escaped(facts)}</text>
${keys.join('')}`
}

interface Box {
  readonly size: Size
  /** Drawn around a centre. */
  svg(centre: Point): string
}

function boxOf(dot: Dot, reports: ReadonlyMap<string, VertexReport>, letters: ReadonlyMap<string, string>): Box {
  if (dot.kind !== 'vertex') return pill(dot.kind, cut(dot.label, 30), dot.label)
  const { vertex } = dot
  const report = reports.get(vertex.name)
  const letter = letters.get(vertex.name)
  const name = cutLeft(shortName(vertex), 32)
  const facts = `${vertex.opType} · ${vertex.size} ${vertex.size === 1 ? 'neuron' : 'neurons'}`
  const width = Math.max(110, Math.max(name.length, facts.length) * CHARACTER + 20 + (letter === undefined ? 0 : 18))
  const height = 42
  return {
    size: { width, height },
    svg({ x, y }) {
      const [left, top] = [round(x - width / 2), round(y - height / 2)]
      const output = report?.output === true
      const tip = [vertex.node, vertex.name, `${vertex.size} neurons`, ...(report?.reasons ?? [])].join('\n')
      return `<g><title>${escaped(tip)}</title><rect x="${left}" y="${top}" width="${round(width)}" height="${height}" rx="4" fill="#fff" stroke="#333"${output ? ' stroke-dasharray="4 3"' : ''}/><text x="${left + 8}" y="${top + 15}">${escaped(name)}</text><text x="${left + 8}" y="${top + 29}" fill="#444">${escaped(facts)}</text>${output || report === undefined ? '' : bar(report, left + 1, top + height - 8, width - 2)}${letter === undefined ? '' : badge(round(left + width - 19), top + 5, letter)}</g>`
    },
  }
}

function bar(report: VertexReport, left: number, top: number, width: number): string {
  let x = left
  return DOMAINS.map((domain) => {
    if (report[domain] === 0) return ''
    const share = (width * report[domain]) / report.neurons
    const part = `<rect x="${round(x)}" y="${top}" width="${round(share)}" height="7" fill="${COLOURS[domain]}"/>`
    x += share
    return part
  }).join('')
}

function badge(x: number, y: number, letter: string): string {
  return `<circle cx="${x + 7}" cy="${y + 7}" r="8" fill="#333"/><text x="${x + 7}" y="${y + 10.5}" fill="#fff" font-size="${letter.length > 1 ? 8 : 10}" text-anchor="middle">${letter}</text>`
}

function pill(kind: 'merge' | 'input' | 'output', label: string, full: string): Box {
  const width = label.length * CHARACTER + 20
  const height = 20
  const fill = kind === 'merge' ? '#eee' : '#333'
  return {
    size: { width, height },
    svg: ({ x, y }) =>
      `<g><title>${escaped(`${kind} ${full}`)}</title><rect x="${round(x - width / 2)}" y="${round(y - height / 2)}" width="${round(width)}" height="${height}" rx="10" fill="${fill}" stroke="#333"/><text x="${round(x)}" y="${round(y + 4)}" text-anchor="middle" fill="${kind === 'merge' ? '#000' : '#fff'}">${escaped(label)}</text></g>`,
  }
}

function arrowSvg(points: readonly Point[], at: Point | undefined, label: string, full: string): string {
  const path = points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${round(x)} ${round(y)}`).join('')
  const text =
    at === undefined || label === ''
      ? ''
      : `<text x="${round(at.x)}" y="${round(at.y + 3)}" font-size="9" fill="#555" text-anchor="middle">${escaped(label)}</text>`
  return `<g><title>${escaped(full)}</title><path d="${path}" fill="none" stroke="#555" stroke-linejoin="round" marker-end="url(#head)"/>${text}</g>`
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}

/** PyTorch calls a value `/layer1/conv1/Conv_output_0`; the box says Conv anyway. */
function shortName({ name, opType }: Vertex): string {
  const short = name.replace(/_output_0$/, '')
  return short.endsWith(`/${opType}`) && short.length > opType.length + 1 ? short.slice(0, -opType.length - 1) : short
}

/** The end of a name tells more than its start. */
function cutLeft(text: string, length: number): string {
  return text.length > length ? `…${text.slice(1 - length)}` : text
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
