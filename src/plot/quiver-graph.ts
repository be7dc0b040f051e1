import { subgraphsOf } from '../graph/attributes.js'
import type { Graph, Node } from '../graph/model.js'
import type { Quiver, Vertex } from '../quiver/quiver.js'

/** A layer of neurons, a place where values meet, or an end of the network. */
export type Dot =
  | { readonly kind: 'vertex'; readonly vertex: Vertex }
  | { readonly kind: 'merge' | 'input' | 'output'; readonly label: string }

export interface Arrow {
  readonly from: number
  readonly to: number
  /** The operators on the way, which are neither vertices nor merges. */
  readonly operators: readonly string[]
}

export interface QuiverGraph {
  readonly dots: readonly Dot[]
  readonly arrows: readonly Arrow[]
}

/** Where a value comes from: a dot, and the operators since. */
interface Origin {
  readonly dot: number
  readonly operators: readonly string[]
}

/** Their results are numbers about a value, not the value. */
const ABOUT = new Set(['Shape', 'Size'])

/**
 * The network as its vertices see it: data flow from vertex to vertex. Where several values meet outside a vertex (Add, Concat,
 * a product) there is a dot of its own, so that the number of arrows stays that of the network's.
 */
export function quiverGraph(quiver: Quiver): QuiverGraph {
  const walk = new Walk(quiver)
  const { graph } = quiver.model
  const origins = new Origins()
  for (const input of graph.inputs)
    if (!graph.initializers.has(input.name)) origins.set(input.name, walk.dot({ kind: 'input', label: input.name }))
  walk.graph(graph, '', origins)
  for (const output of graph.outputs) {
    const origin = origins.find(output.name)
    if (origin !== undefined) walk.arrow(origin, walk.dot({ kind: 'output', label: output.name }).dot)
  }
  return { dots: walk.dots, arrows: walk.arrows }
}

/** Origins of values that can be seen in a graph, those of the graphs around it included. */
class Origins {
  readonly #own = new Map<string, Origin | undefined>()
  readonly #outer: Origins | undefined
  constructor(outer?: Origins) {
    this.#outer = outer
  }
  set(name: string, origin: Origin | undefined): void {
    this.#own.set(name, origin)
  }
  find(name: string): Origin | undefined {
    return this.#own.has(name) ? this.#own.get(name) : this.#outer?.find(name)
  }
}

interface Merge {
  readonly parts: ReadonlySet<number>
  readonly origin: Origin
}

class Walk {
  readonly dots: Dot[] = []
  readonly arrows: Arrow[] = []
  readonly #vertices: ReadonlyMap<string, Vertex>
  /** By operator and first part. */
  readonly #merges = new Map<string, readonly Merge[]>()

  constructor(quiver: Quiver) {
    this.#vertices = new Map(quiver.vertices.map((vertex) => [vertex.name, vertex]))
  }

  dot(dot: Dot): Origin {
    this.dots.push(dot)
    return { dot: this.dots.length - 1, operators: [] }
  }

  arrow(from: Origin, to: number): void {
    this.arrows.push({ from: from.dot, to, operators: from.operators })
  }

  graph(graph: Graph, path: string, origins: Origins): void {
    for (const node of graph.nodes) {
      const origin = this.#node(node, path, origins)
      for (const output of node.outputs) if (output !== '') origins.set(output, origin)
    }
  }

  #node(node: Node, path: string, origins: Origins): Origin | undefined {
    const inputs = node.inputs.flatMap((name) => origins.find(name) ?? [])
    const vertex = node.outputs
      .map((output) => this.#vertices.get(`${path}${output}`))
      .find((found) => found !== undefined)
    if (vertex !== undefined) {
      const made = this.dot({ kind: 'vertex', vertex })
      for (const origin of distinct(inputs)) this.arrow(origin, made.dot)
      return made
    }
    if (node.domain === '' && ABOUT.has(node.opType)) return undefined
    const results = [...inputs, ...this.#subgraphs(node, path, origins, inputs[0])]
    const sources = distinct(results)
    const [only] = sources
    if (only === undefined) return undefined
    if (sources.length === 1) return { dot: only.dot, operators: [...only.operators, node.opType] }
    return this.#merge(node.opType, sources)
  }

  /** What merges all that another merged, and more, continues from there: a dense block is a chain, not a mesh. */
  #merge(operator: string, sources: readonly Origin[]): Origin {
    const parts = new Set(sources.map(({ dot }) => dot))
    const key = `${operator} ${Math.min(...parts)}`
    const others = this.#merges.get(key) ?? []
    const inside = others.filter((other) => [...other.parts].every((part) => parts.has(part)))
    const largest = inside.reduce<Merge | undefined>(
      (best, other) => (best === undefined || other.parts.size > best.parts.size ? other : best),
      undefined,
    )
    const merge = this.dot({ kind: 'merge', label: operator })
    if (largest !== undefined) this.arrow(largest.origin, merge.dot)
    for (const origin of sources) if (largest?.parts.has(origin.dot) !== true) this.arrow(origin, merge.dot)
    this.#merges.set(key, [...others, { parts, origin: merge }])
    return merge
  }

  /** Where the results of a node's subgraphs come from. */
  #subgraphs(node: Node, path: string, origins: Origins, entry: Origin | undefined): Origin[] {
    return subgraphsOf(node).flatMap(({ attribute, index, graph }) => {
      const inner = new Origins(origins)
      for (const input of graph.inputs) inner.set(input.name, entry)
      const place = `${path}${node.name || (node.outputs[0] ?? '')}/${attribute}${index === 0 ? '' : index}/`
      this.graph(graph, place, inner)
      return graph.outputs.flatMap((output) => inner.find(output.name) ?? [])
    })
  }
}

/** One origin per dot: that with the fewest operators on the way. */
function distinct(origins: readonly Origin[]): Origin[] {
  const found = new Map<number, Origin>()
  for (const origin of origins) {
    const other = found.get(origin.dot)
    if (other === undefined || origin.operators.length < other.operators.length) found.set(origin.dot, origin)
  }
  return [...found.values()]
}

/**
 * Letters of vertices whose factors are not independent of each other's: those joined by an Add, say, have the same letter.
 * Vertices that are joined with no other have none.
 */
export function joinedGroups(quiver: Quiver): ReadonlyMap<string, string> {
  const parent = new Map<number, number>()
  const root = (id: number): number => {
    let at = id
    for (let up = parent.get(at); up !== undefined && up !== at; up = parent.get(at)) at = up
    return at
  }
  // Variables are numbers from 0 on; vertices are the negative numbers.
  quiver.vertices.forEach((vertex, i) => {
    for (let k = 0; k < vertex.size; k++) {
      const scale = vertex.first + k + 1
      if (quiver.classes.domainOf(scale) === 'pinned') continue
      for (const [variable] of quiver.classes.powersOf(scale)) {
        const [a, b] = [root(variable), root(-1 - i)]
        if (a !== b) parent.set(a, b)
      }
    }
  })
  const members = new Map<number, string[]>()
  quiver.vertices.forEach((vertex, i) => {
    const group = root(-1 - i)
    members.set(group, [...(members.get(group) ?? []), vertex.name])
  })
  const letters = new Map<string, string>()
  let next = 0
  for (const names of members.values()) {
    if (names.length < 2) continue
    const letter = letterOf(next++)
    for (const name of names) letters.set(name, letter)
  }
  return letters
}

/** A … Z, AA, AB … */
function letterOf(index: number): string {
  const last = String.fromCharCode(65 + (index % 26))
  return index < 26 ? last : letterOf(Math.floor(index / 26) - 1) + last
}
