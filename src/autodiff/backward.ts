import { describe } from '../graph/attributes.js'
import { type GraphBuilder, isDifferentiable } from '../graph/builder.js'
import { ModelError, type Node } from '../graph/model.js'
import { readBy } from '../graph/reads.js'
import { quoted } from '../graph/text.js'
import type { Value } from '../graph/value.js'
import { operatorOf } from '../ops/index.js'
import type { GradientContext } from '../ops/rule.js'
import type { Continuation } from '../shapes/build.js'
import { refusing } from '../shapes/infer.js'
import type { Values } from '../shapes/values.js'
import { NodeView } from '../shapes/view.js'

/**
 * Reverse mode: from ∂L/∂L = 1 through the nodes in reverse order, each of which adds to the gradients of its inputs by its
 * operator's rule. Only nodes that lie between `wrt` and L are looked at.
 */
export function backward(continuation: Continuation, of: string, wrt: readonly string[]): Value[] {
  const { values } = continuation
  const nodes = [...continuation.nodes()]
  const dependent = dependents(nodes, values, new Set(wrt))
  const contributions = new Map<string, Value[]>()
  const add = (name: string, value: Value) => {
    const list = contributions.get(name)
    if (list === undefined) contributions.set(name, [value])
    else list.push(value)
  }
  const scalar = continuation.value(of)
  if (dependent.has(of)) add(of, scalar.constant(1).expand(scalar.sizes()))
  const total = (name: string): Value | undefined => {
    const list = contributions.get(name)
    if (list === undefined || list.length === 0) return undefined
    if (list.length > 1) contributions.set(name, [list.reduce((sum, value) => sum.add(value))])
    return contributions.get(name)?.[0]
  }
  for (const node of nodes.reverse()) {
    if (!node.outputs.some((name) => contributions.has(name))) continue
    const dy = node.outputs.map(total)
    const rule = operatorOf(node)?.gradient
    const through = readsOf(node, dependent)
    // A value of `wrt` itself may come from nodes that do not depend on any.
    if (rule === 'zero' || through === undefined) continue
    if (rule === undefined) throw noRule(node, through)
    naming(node, () => rule(new GradientView(node, continuation, dependent, dy, add)))
  }
  return wrt.map((name) => total(name) ?? continuation.value(name).zeros())
}

/** What a rule asks of a value may be refused by the value, which does not know at which node it was asked. */
function naming(node: Node, action: () => void): void {
  try {
    refusing(node, action)
  } catch (error) {
    if (!(error instanceof ModelError) || error.message.startsWith(describe(node))) throw error
    throw new ModelError(`${describe(node)}: its gradient cannot be formed: ${error.message}`, { cause: error })
  }
}

function noRule(node: Node, through: string): ModelError {
  const operator = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`
  return new ModelError(
    `${describe(node)}: ${operator} has no gradient rule, and the gradient of ${quoted(through)} passes through it; differentiate by values behind it, or express it by other operators (docs/operators.md lists those that have one)`,
  )
}

/** The first of these values that a node reads, itself or in a graph inside it. */
function readsOf(node: Node, names: ReadonlySet<string>): string | undefined {
  for (const name of readBy(node)) if (names.has(name)) return name
  return undefined
}

/** The values through which a change of `sources` reaches others, themselves among them. */
function dependents(nodes: readonly Node[], values: Values, sources: ReadonlySet<string>): Set<string> {
  const found = new Set(sources)
  for (const node of nodes) {
    if (readsOf(node, found) === undefined) continue
    for (const name of node.outputs)
      if (name !== '' && isDifferentiable(values.find(name)?.facts ?? {})) found.add(name)
  }
  return found
}

/** A node as its gradient rule sees it. */
class GradientView extends NodeView implements GradientContext {
  readonly builder: GraphBuilder
  readonly #continuation: Continuation
  readonly #dependent: ReadonlySet<string>
  readonly #dy: readonly (Value | undefined)[]
  readonly #add: (name: string, value: Value) => void

  constructor(
    node: Node,
    continuation: Continuation,
    dependent: ReadonlySet<string>,
    dy: readonly (Value | undefined)[],
    add: (name: string, value: Value) => void,
  ) {
    super(node, continuation.opsetOf(node), continuation.values)
    this.builder = continuation.builder
    this.#continuation = continuation
    this.#dependent = dependent
    this.#dy = dy
    this.#add = add
  }

  get dy(): Value {
    const value = this.#dy[0]
    if (value === undefined)
      throw new ModelError(
        `${describe(this.node)}: a gradient through outputs other than the first has no rule; differentiate what depends on the first alone`,
      )
    return value
  }

  readonly dyOf = (output: number): Value | undefined => this.#dy[output]

  readonly needs = (input: number): boolean => {
    const name = this.node.inputs[input] ?? ''
    return name !== '' && this.#dependent.has(name)
  }

  readonly x = (input: number): Value => {
    const name = this.node.inputs[input] ?? ''
    if (name === '') throw new ModelError(`${describe(this.node)}: input ${input} is missing; the operator needs it`)
    return this.#continuation.value(name)
  }

  readonly y = (output: number): Value => this.#continuation.value(this.#continuation.output(this.node, output))

  readonly give = (input: number, gradient: () => Value): void => {
    if (this.needs(input)) this.#add(this.node.inputs[input] as string, gradient().sumTo(this.x(input)))
  }
}
