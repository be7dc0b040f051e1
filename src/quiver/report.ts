import type { Scope } from '../ops/rule.js'
import type { Quiver } from './quiver.js'

/** How many neurons may move, and why the others may not. */
export interface QuiverReport {
  readonly scope: Scope
  readonly vertices: number
  /** Neurons, without those that reach an output of the graph unchanged (output vertices have τ = 1 by definition). */
  readonly neurons: number
  /** Any τ but 0. */
  readonly free: number
  /** τ > 0. */
  readonly positive: number
  /** τ = ±1. */
  readonly sign: number
  /** τ = 1. */
  readonly pinned: number
  /** Output vertices' neurons, not among `neurons`. */
  readonly outputs: number
  /** Neurons that are not pinned ÷ neurons; null where there are none. */
  readonly coverage: number | null
  /** Why neurons are pinned, most frequent first. */
  readonly pinnedReasons: readonly { readonly reason: string; readonly neurons: number }[]
  /** Numbers that can be drawn independently of each other: classes of joined channels. */
  readonly degreesOfFreedom: number
  /** Neurons before a quantiser or another rounding operator: their |τ| is a power of two. */
  readonly powersOfTwo: number
}

/** The same for one vertex. `free`, `positive`, `sign` and `pinned` count its neurons. */
export interface VertexReport {
  /** The name of its output value, by which a CoB, `include` and `exclude` call it. */
  readonly name: string
  /** Operator and node name, for messages. */
  readonly node: string
  readonly neurons: number
  /** All of its neurons reach an output of the graph unchanged. */
  readonly output: boolean
  readonly free: number
  readonly positive: number
  readonly sign: number
  readonly pinned: number
  /** Why neurons are pinned, each reason once. */
  readonly reasons: readonly string[]
}

/** What each vertex may do, in the order of the graph. */
export function vertexReports(quiver: Quiver): readonly VertexReport[] {
  return quiver.vertices.map((vertex) => {
    const counts = { free: 0, positive: 0, sign: 0, pinned: 0 }
    const reasons = new Set<string>()
    let outputs = 0
    for (let i = 0; i < vertex.size; i++) {
      const scale = vertex.first + i + 1
      if (quiver.classes.isOutput(scale)) outputs++
      const domain = quiver.classes.domainOf(scale)
      counts[domain]++
      if (domain === 'pinned') reasons.add(quiver.classes.reasonOf(scale) ?? 'joined with a pinned channel')
    }
    const output = outputs > 0 && outputs === vertex.size
    return { name: vertex.name, node: vertex.node, neurons: vertex.size, output, ...counts, reasons: [...reasons] }
  })
}

/** What the network as a whole may do. */
export function reportOf(quiver: Quiver): QuiverReport {
  const counts = { free: 0, positive: 0, sign: 0, pinned: 0 }
  const reasons = new Map<string, number>()
  const classes = new Set<number>()
  let outputs = 0
  let powersOfTwo = 0
  for (const vertex of quiver.vertices)
    for (let i = 0; i < vertex.size; i++) {
      const scale = vertex.first + i + 1
      if (quiver.classes.isOutput(scale)) {
        outputs++
        continue
      }
      const domain = quiver.classes.domainOf(scale)
      counts[domain]++
      if (domain === 'pinned') {
        const reason = quiver.classes.reasonOf(scale) ?? 'joined with a pinned channel'
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
        continue
      }
      const powers = quiver.classes.powersOf(scale)
      for (const [variable] of powers) classes.add(variable)
      if (domain !== 'sign' && powers.some(([variable]) => quiver.rounded.has(variable))) powersOfTwo++
    }
  const neurons = counts.free + counts.positive + counts.sign + counts.pinned
  return {
    scope: quiver.scope,
    vertices: quiver.vertices.length,
    neurons,
    ...counts,
    outputs,
    coverage: neurons === 0 ? null : (neurons - counts.pinned) / neurons,
    pinnedReasons: [...reasons]
      .map(([reason, count]) => ({ reason, neurons: count }))
      .sort((a, b) => b.neurons - a.neurons),
    degreesOfFreedom: classes.size,
    powersOfTwo,
  }
}
