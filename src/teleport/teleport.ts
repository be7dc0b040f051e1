import { assign, type Assignment } from '../cob/assign.js'
import type { Cob } from '../cob/cob.js'
import { floatOf } from '../graph/attributes.js'
import type { FloatDType } from '../graph/dtype.js'
import type { Model, Node } from '../graph/model.js'
import { aligned, type Field } from '../ops/field.js'
import type { Part } from '../ops/rule.js'
import type { GraphPlan } from '../quiver/plan.js'
import type { Quiver } from '../quiver/quiver.js'
import { ConstantScaler } from './constants.js'
import { Draft, type DraftNode, withGraph } from './draft.js'
import { multiplied, type Numbers, simplify } from './factor.js'
import { Rescaler } from './rescaling.js'

/** What a teleportation changed. */
export interface Changes {
  /**
   * Nodes inserted less nodes taken out (an inverse takes out what the first teleportation inserted). In scope `weights` 0, but for
   * copies of nodes that compute one constant for users that want different scales.
   */
  readonly nodesAdded: number
  /** Tensors that were rewritten. */
  readonly tensorsChanged: number
  /** Elements of those tensors. */
  readonly weightsChanged: number
  /** Copies of constants whose users wanted different scales. */
  readonly copies: number
}

/** A teleported model. Its changed tensors are computed from the original's when they are read. */
export interface TeleportedModel extends Model {
  readonly changes: Changes
}

/**
 * Move a model by a change of basis: W' = (τ_out / τ_in) · W, b' = τ_out · b, f'(z) = τ · f(z / τ) (paper, section 3). The function
 * stays the same. The result shares the bytes of every tensor that is not touched; products are formed in double and rounded
 * once to the tensor's type.
 * @throws ModelError if the CoB does not fit the quiver
 */
export function teleport(model: Model, quiver: Quiver, cob: Cob): TeleportedModel {
  const assignment = assign(quiver, cob)
  const draft = new Draft(quiver.plan)
  const rescaler = new Rescaler(model.irVersion)
  const scaler = new ConstantScaler(model.irVersion)
  rewrite(draft, assignment, rescaler, scaler)
  scaler.apply(draft)
  rescaler.finish()
  const changes = {
    nodesAdded: rescaler.nodesAdded + scaler.changes.nodes,
    tensorsChanged: scaler.changes.tensors,
    weightsChanged: scaler.changes.weights,
    copies: scaler.changes.copies,
  }
  return { ...withGraph(model, draft.finish()), changes }
}

function rewrite(draft: Draft, assignment: Assignment, rescaler: Rescaler, scaler: ConstantScaler): void {
  for (const child of draft.children) rewrite(child, assignment, rescaler, scaler)
  const { plan } = draft
  for (const { node, input, terms, view, dims } of plan.constants) {
    const numbers = terms.flatMap((term) => {
      const values = assignment.ofField(term.field)
      if (term.magnitude === true) for (let i = 0; i < values.length; i++) values[i] = Math.abs(values[i] as number)
      if (term.power === -1) for (let i = 0; i < values.length; i++) values[i] = 1 / (values[i] as number)
      return simplify({ dims: term.field.dims, values }) ?? []
    })
    scaler.ask(find(draft, node), input, { view, dims, terms: numbers })
  }
  for (const { node, name, fallback, scale, power } of plan.attributes) {
    const factor = assignment.of(scale) ** power
    if (factor === 1) continue
    const value = Math.fround(floatOf(node, name, fallback) * factor)
    find(draft, node).attributes.set(name, { type: 'float', value })
  }
  rescaler.arrows(draft, arrowFactors(draft, plan, assignment))
  for (const { node, output, field, part, dtype } of plan.restores) {
    const numbers = simplify({ dims: field.dims, values: assignment.ofField(field).map((tau) => partOf(tau, part)) })
    if (numbers !== undefined) rescaler.output(draft, find(draft, node), output, numbers, dtype)
  }
}

function find(draft: Draft, node: Node): DraftNode {
  const found = draft.byNode.get(node)
  if (found === undefined) throw new Error(`the plan speaks of a node '${node.name}' that is not in its graph`)
  return found
}

function partOf(tau: number, part: Part): number {
  return part === 'ratio' ? tau : part === 'sign' ? Math.sign(tau) : Math.abs(tau)
}

function arrowFactors(draft: Draft, plan: GraphPlan, assignment: Assignment) {
  const factors = new Map<DraftNode, Map<number, { numbers: Numbers; dtype: FloatDType }>>()
  for (const { node, input, from, to, part, dtype } of plan.rescales) {
    const numbers = simplify(ratio(assignment, from, to, part))
    if (numbers === undefined) continue
    const draftNode = node === undefined ? draft.sink : find(draft, node)
    let inputs = factors.get(draftNode)
    if (inputs === undefined)
      factors.set(draftNode, (inputs = new Map<number, { numbers: Numbers; dtype: FloatDType }>()))
    const before = inputs.get(input)
    inputs.set(input, { dtype, numbers: before === undefined ? numbers : multiplied(before.numbers, numbers) })
  }
  return factors
}

function ratio(assignment: Assignment, from: Field, to: Field, part: Part): Numbers {
  const numerator = { dims: to.dims, values: assignment.ofField(to) }
  const denominator = { dims: from.dims, values: assignment.ofField(from).map((tau) => 1 / tau) }
  // Checks that the two fit each other.
  aligned(from, to)
  const { dims, values } = multiplied(numerator, denominator)
  return { dims, values: values.map((tau) => partOf(tau, part)) }
}
