import * as dagre from '@dagrejs/dagre'
import { ModelError } from '../graph/model.js'

/** What is used of dagre, whose own declarations cannot be resolved by Node's rules (their imports lack extensions). */
interface DagreGraph {
  setGraph(label: object): void
  setDefaultEdgeLabel(label: () => object): void
  setNode(name: string, label: object): void
  setEdge(from: string, to: string, label: object, name: string): void
  node(name: string): Partial<Point>
  edge(edge: { readonly v: string; readonly w: string; readonly name: string }): Partial<Point> & {
    readonly points?: readonly Point[]
  }
}
const { Graph, layout } = dagre as unknown as {
  readonly Graph: new (options: { readonly multigraph: boolean }) => DagreGraph
  readonly layout: (graph: DagreGraph) => void
}

export interface Size {
  readonly width: number
  readonly height: number
}

export interface Link {
  readonly from: number
  readonly to: number
  /** Width of what is written beside it; 0 for nothing. */
  readonly label: number
}

export interface Point {
  readonly x: number
  readonly y: number
}

export interface LaidOut {
  /** Centres of the boxes. */
  readonly boxes: readonly Point[]
  readonly links: readonly { readonly points: readonly Point[]; readonly label?: Point }[]
  readonly width: number
  readonly height: number
}

const RANK_GAP = 26
const LABEL_HEIGHT = 12
const COLUMN_GAP = 70
/** dagre's time grows with the square of the boxes: more than this many are laid out in pieces. */
const MANY = 300
/** Beyond this many in one piece nobody would wait for the drawing, or find anything in it. */
const TOO_MANY = 2000

/**
 * Lays boxes out in rows from top to bottom by data flow (dagre). A tall result is folded into columns at places that a single
 * box's links cross, so that it comes near to `aspect` = width ÷ height.
 * @param links from a box to a later one
 * @throws ModelError for more boxes than can be laid out in sensible time
 */
export function layered(sizes: readonly Size[], links: readonly Link[], aspect = 1.4): LaidOut {
  const boxes: Point[] = []
  const drawn: Drawn[] = []
  let top = 0
  for (const [start, end] of piecesOf(sizes.length, links)) {
    const piece = layoutPiece(sizes, links, start, end)
    const down = (p: Point): Point => ({ x: p.x, y: p.y + top })
    piece.boxes.forEach((box, i) => (boxes[start + i] = down(box)))
    for (const [i, link] of piece.links)
      drawn[i] = { points: link.points.map(down), ...(link.label && { label: down(link.label) }) }
    top += piece.height + RANK_GAP
  }
  return fold(sizes, links, boxes, drawn, aspect)
}

type Drawn = LaidOut['links'][number]

/** Ranges of boxes between which all links come from one box; few pieces, but none much larger than need be. */
function piecesOf(count: number, links: readonly Link[]): [number, number][] {
  if (count <= MANY) return [[0, count]]
  const reach = new Map<number, number>()
  for (const { from, to } of links) reach.set(from, Math.max(reach.get(from) ?? 0, to))
  const pieces: [number, number][] = []
  let start = 0
  let open: number[] = []
  for (let i = 0; i < count; i++) {
    open = open.filter((box) => (reach.get(box) ?? 0) >= i)
    if (open.length <= 1 && i - start >= MANY / 6) {
      pieces.push([start, i])
      start = i
    }
    open.push(i)
  }
  pieces.push([start, count])
  const largest = Math.max(...pieces.map(([from, to]) => to - from))
  if (largest > TOO_MANY)
    throw new ModelError(`the quiver has ${count} boxes, ${largest} of them in one piece, which is too many to draw`)
  return pieces
}

interface Piece {
  readonly boxes: readonly Point[]
  readonly links: readonly (readonly [number, Drawn])[]
  readonly height: number
}

/** Lays out the boxes from `start` to `end`, with the links that lead to them; those from before come from a point above. */
function layoutPiece(sizes: readonly Size[], links: readonly Link[], start: number, end: number): Piece {
  const graph = new Graph({ multigraph: true })
  graph.setGraph({ rankdir: 'TB', nodesep: 18, ranksep: RANK_GAP })
  graph.setDefaultEdgeLabel(() => ({}))
  for (let i = start; i < end; i++) graph.setNode(String(i), { ...sizes[i] })
  const own = links.flatMap((link, i) => (link.to >= start && link.to < end ? [{ ...link, i }] : []))
  const entry = (from: number): string => (from < start ? 'before' : String(from))
  if (own.some(({ from }) => from < start)) graph.setNode('before', { width: 1, height: 1 })
  for (const { from, to, label, i } of own)
    graph.setEdge(
      entry(from),
      String(to),
      label > 0 ? { width: label, height: LABEL_HEIGHT, labelpos: 'r', labeloffset: 4 } : {},
      String(i),
    )
  layout(graph)
  const boxes = Array.from({ length: end - start }, (_, i) => pointOf(graph.node(String(start + i))))
  const drawn = own.map(({ from, to, label, i }) => {
    const edge = graph.edge({ v: entry(from), w: String(to), name: String(i) })
    const points = (edge.points ?? []).map(pointOf)
    return [i, label > 0 ? { points, label: pointOf(edge) } : { points }] as const
  })
  const height = Math.max(...boxes.map((box, i) => box.y + (sizes[start + i] as Size).height / 2))
  return { boxes, links: drawn, height }
}

function pointOf(at: Partial<Point>): Point {
  return { x: at.x ?? 0, y: at.y ?? 0 }
}

interface Column {
  readonly top: number
  readonly bottom: number
  left: number
  right: number
}

function fold(
  sizes: readonly Size[],
  links: readonly Link[],
  boxes: readonly Point[],
  drawn: LaidOut['links'],
  aspect: number,
): LaidOut {
  const cuts = cutsOf(sizes, links, boxes)
  const bounds = boundsOf(sizes, boxes, drawn)
  const width = bounds.right - bounds.left + COLUMN_GAP
  const height = bounds.bottom - bounds.top
  // k columns: k·width ÷ (height ÷ k) = aspect.
  const tall = height / Math.max(1, Math.round(Math.sqrt((aspect * height) / width)))
  const columns: Column[] = []
  let top = bounds.top
  for (const [i, cut] of cuts.entries()) {
    const next = cuts[i + 1] ?? bounds.bottom
    if (next - top <= tall || bounds.bottom - cut < tall / 4) continue
    columns.push({ top, bottom: cut, left: Infinity, right: -Infinity })
    top = cut
  }
  columns.push({ top, bottom: bounds.bottom, left: Infinity, right: -Infinity })
  const columnOf = (y: number): number => columns.findLastIndex((column, i) => i === 0 || y >= column.top)
  const widen = (index: number, left: number, right: number): void => {
    const column = columns[index] as Column
    column.left = Math.min(column.left, left)
    column.right = Math.max(column.right, right)
  }
  const place = boxes.map((box, i) => {
    const index = columnOf(box.y)
    const half = (sizes[i] as Size).width / 2
    widen(index, box.x - half, box.x + half)
    return index
  })
  const crosses = links.map(({ from, to }) => place[from] !== place[to])
  drawn.forEach(({ points, label }, i) => {
    const { from, label: labelWidth } = links[i] as Link
    if (crosses[i] === true) return
    for (const { x } of points) widen(place[from] as number, x, x)
    if (label !== undefined) widen(place[from] as number, label.x - labelWidth / 2, label.x + labelWidth / 2)
  })
  let x = 0
  const shifts = columns.map((column) => {
    const shift = { x: x - column.left, y: -column.top, right: x + column.right - column.left }
    x = shift.right + COLUMN_GAP
    return shift
  })
  const moved = (point: Point, index: number): Point => {
    const shift = shifts[index] as { x: number; y: number }
    return { x: point.x + shift.x, y: point.y + shift.y }
  }
  const placed = boxes.map((box, i) => moved(box, place[i] as number))
  const routed = drawn.map(({ points, label }, i) => {
    const { from, to } = links[i] as Link
    const index = place[from] as number
    if (crosses[i] !== true) {
      const route = points.map((p) => moved(p, index))
      const bottom = (placed[from] as Point).y + (sizes[from] as Size).height / 2
      // A link from another piece begins at a point above its own.
      if (route[0] !== undefined && route[0].y > bottom + 1) route.unshift({ x: (placed[from] as Point).x, y: bottom })
      return { points: route, ...(label && { label: moved(label, index) }) }
    }
    const column = columns[index] as Column
    const a = placed[from] as Point
    const target = place[to] as number
    const low = column.bottom - column.top + 4
    const lane = (shifts[target] as { x: number }).x + (columns[target] as Column).left - 30
    const start = { x: a.x, y: a.y + (sizes[from] as Size).height / 2 }
    // In its column the link goes as it was laid, around the boxes.
    const rest = points.filter((p) => columnOf(p.y) === target).map((p) => moved(p, target))
    const entry = rest[0] ?? { x: (placed[to] as Point).x, y: 0 }
    const corners = [
      start,
      { x: a.x, y: low },
      { x: lane, y: low },
      { x: lane, y: -12 },
      { x: entry.x, y: -12 },
      ...rest,
    ]
    const at = label === undefined ? undefined : { x: a.x + 4 + (links[i] as Link).label / 2, y: low - 10 }
    const first = links.findIndex((link, k) => link.from === from && crosses[k] === true && link.label > 0) === i
    return { points: corners, ...(at && first && { label: at }) }
  })
  const tallest = Math.max(...columns.map((column) => column.bottom - column.top))
  return { boxes: placed, links: routed, width: x - COLUMN_GAP, height: tallest + 8 }
}

/** Heights, between rows, at which all links that cross come from one box. */
function cutsOf(sizes: readonly Size[], links: readonly Link[], boxes: readonly Point[]): number[] {
  const top = (i: number): number => (boxes[i] as Point).y - (sizes[i] as Size).height / 2
  const bottom = (i: number): number => (boxes[i] as Point).y + (sizes[i] as Size).height / 2
  const order = sizes.map((_, i) => i).sort((a, b) => top(a) - top(b))
  // How far down the links of each box above the cut reach.
  const reach = new Map<number, number>()
  for (const { from, to } of links) reach.set(from, Math.max(reach.get(from) ?? -Infinity, top(to)))
  const cuts: number[] = []
  let lowest = -Infinity
  let open: number[] = []
  for (const [position, i] of order.entries()) {
    const at = top(i)
    open = open.filter((box) => (reach.get(box) ?? -Infinity) >= at)
    if (position > 0 && at > lowest && open.length <= 1) cuts.push(at - Math.min(14, (at - lowest) / 2))
    lowest = Math.max(lowest, bottom(i))
    open.push(i)
  }
  return cuts
}

function boundsOf(sizes: readonly Size[], boxes: readonly Point[], drawn: LaidOut['links']) {
  const bounds = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity }
  boxes.forEach((box, i) => {
    const { width, height } = sizes[i] as Size
    bounds.left = Math.min(bounds.left, box.x - width / 2)
    bounds.right = Math.max(bounds.right, box.x + width / 2)
    bounds.top = Math.min(bounds.top, box.y - height / 2)
    bounds.bottom = Math.max(bounds.bottom, box.y + height / 2)
  })
  for (const { points } of drawn)
    for (const { x } of points) {
      bounds.left = Math.min(bounds.left, x)
      bounds.right = Math.max(bounds.right, x)
    }
  return bounds
}
