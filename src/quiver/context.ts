import { type Dim, same } from '../graph/dims.js'
import { isFloat } from '../graph/dtype.js'
import type { Node } from '../graph/model.js'
import { sameDims, sizeOf } from '../graph/tensor.js'
import {
  aligned,
  CannotScale,
  collapse,
  type Field,
  ONE,
  RESCALE_PREFIX,
  select,
  uniform,
  varies,
  withRank,
} from '../ops/field.js'
import type { Facts, Part, ScaleContext, Scope, Term } from '../ops/rule.js'
import type { AttributeScaling, ConstantScaling, Rescale, Restore } from './plan.js'
import type { ScaleClasses } from './scales.js'
import { constantDims, enlargeable, isQuantised, scalableAxes } from '../shapes/constants.js'
import type { Value, Values } from '../shapes/values.js'
import { NodeView } from '../shapes/view.js'

/** Constants of up to this many elements may take part in movements element by element. */
const LIFT_LIMIT = 1 << 14

/** A constant is not broadcast to more elements than this. */
const ENLARGE_LIMIT = 1 << 22

/** What a rule did to one node: kept only if the rule did not give up. */
export interface Actions {
  readonly constants: ConstantScaling[]
  readonly rescales: Rescale[]
  readonly restores: Restore[]
  readonly attributes: AttributeScaling[]
  /** By output; those that are left out are unscaled. */
  readonly outputs: (Field | undefined)[]
  vertex?: { readonly output: number; readonly first: number; readonly size: number }
}

/** A node as its scale rule sees it. */
export class ScaleView extends NodeView implements ScaleContext {
  readonly scope: Scope
  readonly scales: ScaleClasses
  readonly actions: Actions = { constants: [], rescales: [], restores: [], attributes: [], outputs: [] }
  readonly #outputFacts: readonly Facts[]
  /** By input, once somebody asked. */
  readonly #fields: (Field | undefined)[] = []

  constructor(
    node: Node,
    opset: number,
    values: Values,
    scope: Scope,
    scales: ScaleClasses,
    outputFacts: readonly Facts[],
  ) {
    super(node, opset, values)
    this.scope = scope
    this.scales = scales
    this.#outputFacts = outputFacts
  }

  shape(input: number): readonly Dim[] {
    const shape = this.input(input).shape
    if (shape === undefined) throw new CannotScale(`${this.node.opType} of a value of unknown rank`)
    return shape
  }

  outputShape(output: number): readonly Dim[] {
    const shape = this.#outputFacts[output]?.shape
    if (shape === undefined) throw new CannotScale(`${this.node.opType} gives a value of unknown rank`)
    return shape
  }

  sameValue(a: number, b: number): boolean {
    return this.has(a) && this.node.inputs[a] === this.node.inputs[b]
  }

  producedAt(input: number): number {
    const name = this.node.inputs[input] ?? ''
    return this.values.own(name)?.producedAt ?? -1
  }

  field(input: number): Field {
    let field = this.#fields[input]
    if (field === undefined) {
      const value = this.value(input)
      const rank = value?.facts.shape?.length ?? 0
      if (value?.constant === true) field = this.#lift(input, value, rank)
      else field = value?.field ?? uniform(rank)
      this.#fields[input] = field
    }
    return field
  }

  /** Each element of a constant may take a scale of its own; whatever it meets decides. */
  #lift(input: number, value: Value, rank: number): Field {
    const dims = constantDims(value)
    if (!isFloat(value.facts.dtype) || dims === undefined || sizeOf(dims) > LIFT_LIMIT || sizeOf(dims) === 0)
      return uniform(rank)
    const axes = scalableAxes(value, this.values)
    if (axes === undefined || isQuantised(value, this.values)) return uniform(rank)
    const field = this.free(axes === 'all' ? dims : dims.map((dim, axis) => (axes.includes(axis) ? dim : 1)))
    this.actions.constants.push({ node: this.node, input, terms: [{ field, power: 1 }], view: dims, dims })
    return field
  }

  require(input: number, target: Field, reason: string): Field {
    const field = this.field(input)
    const rank = Math.max(field.dims.length, this.input(input).shape?.length ?? 0)
    const wanted = withRank(target, Math.max(rank, target.dims.length))
    const [left, right] = aligned(field, wanted)
    if (this.scales.unifyEach(left.ids, right.ids, reason, this.scope === 'full'))
      this.#rescale(input, field, wanted, 'ratio')
    this.#fields[input] = wanted
    return wanted
  }

  #rescale(input: number, from: Field, to: Field, part: Part): void {
    const dtype = this.input(input).dtype
    if (!isFloat(dtype))
      throw new CannotScale(`${this.node.opType} of values of ${dtype ?? 'unknown type'} cannot be rescaled`)
    this.actions.rescales.push({ node: this.node, input, from, to, part, dtype })
  }

  requireOne(input: number, reason: string): Field {
    return this.require(input, uniform(this.field(input).dims.length), reason)
  }

  requireUniform(input: number, axes: readonly number[] | 'all', reason: string): Field {
    const field = collapse(this.field(input), (a, b) => this.scales.same(a, b))
    const varying = field.dims.flatMap((dim, axis) =>
      dim !== 1 && (axes === 'all' || axes.includes(axis)) ? [axis] : [],
    )
    this.#fields[input] = field
    if (varying.length === 0) return field
    const target = varying.reduce((result, axis) => select(result, axis, [0]), field)
    if (this.scope === 'weights' || field.ids.every((id) => this.scales.isYielding(id) || this.scales.isOne(id)))
      return this.require(input, target, reason)
    return this.requireOne(input, reason)
  }

  undo(input: number, part: Part, reason: string): Field {
    const field = this.field(input)
    if (part === 'ratio' && this.scope === 'weights') return this.requireOne(input, reason)
    for (let i = 0; i < field.ids.length; i++) {
      const id = field.ids[i] as number
      if (this.scope === 'full' && !this.scales.isYielding(id)) continue
      if (part === 'sign') this.scales.restrictPositive(id, reason)
      else if (part === 'magnitude') this.scales.restrictSign(id, reason)
      else this.scales.unify(id, ONE, reason)
    }
    if (this.scope === 'full' && this.#matters(field, part))
      this.#rescale(input, field, uniform(field.dims.length), part)
    return field
  }

  /** False where a part is known to be 1 whatever is drawn. */
  #matters(field: Field, part: Part): boolean {
    return field.ids.some((id) => {
      const domain = this.scales.domainOf(id)
      if (domain === 'pinned') return false
      return part === 'sign' ? domain !== 'positive' : part === 'magnitude' ? domain !== 'sign' : true
    })
  }

  /** The input is pinned in both scopes: what stands before it keeps τ = 1. For operators that are not understood. */
  pin(input: number, reason: string): void {
    const value = this.value(input)
    if (value?.field === undefined) return
    for (const id of value.field.ids) this.scales.pin(id, reason)
    this.#fields[input] = uniform(value.field.dims.length)
  }

  /** The input arrives unscaled: pinned, or in scope `full` divided, if it holds floats. */
  unscale(input: number, reason: string): void {
    const value = this.value(input)
    if (value?.field === undefined) return
    if (this.scope === 'full' && isFloat(value.facts.dtype)) this.requireOne(input, reason)
    else this.pin(input, reason)
  }

  vertex(
    output: number,
    axes: readonly number[],
    sizes: readonly number[],
    options: { uniform?: boolean } = {},
  ): Field {
    const rank = this.outputShape(output).length
    const dims = new Array<number>(rank).fill(1)
    axes.forEach((axis, i) => (dims[axis] = sizes[i] as number))
    const ids = this.scales.fresh(sizeOf(dims))
    this.actions.vertex = { output, first: (ids[0] ?? 1) - 1, size: ids.length }
    if (options.uniform === true) {
      for (const id of ids) this.scales.unify(ids[0] as number, id, '')
      if (ids.length > 0) this.scales.restrictPositive(ids[0] as number, '')
    }
    return { dims, ids }
  }

  free(dims: readonly number[]): Field {
    return { dims, ids: this.scales.fresh(sizeOf(dims), true) }
  }

  output(output: number, field: Field, restore?: Part): void {
    const rank = this.#outputFacts[output]?.shape?.length
    const whole = rank === undefined ? field : withRank(field, rank)
    this.actions.outputs[output] = whole
    if (restore === undefined || this.scope === 'weights' || !this.#matters(whole, restore)) return
    if ((this.node.outputs[output] ?? '') === '') return
    const dtype = this.#outputFacts[output]?.dtype
    if (!isFloat(dtype))
      throw new CannotScale(`${this.node.opType} gives values of ${dtype ?? 'unknown type'}, which cannot be rescaled`)
    this.actions.restores.push({ node: this.node, output, field: whole, part: restore, dtype })
  }

  scalableAxes(input: number): 'all' | readonly number[] {
    const value = this.value(input)
    if (value !== undefined && this.#isEpsilon(input, value)) return []
    return (value && scalableAxes(value, this.values)) ?? []
  }

  /**
   * The ε of a layer normalisation that is spelt out, over the last axis: added to a mean along it. Runtimes recognise the pattern
   * and take ε for one number (ONNX Runtime: for another one than is there, if there are several), so it must stay one.
   */
  #isEpsilon(input: number, constant: Value): boolean {
    const dims = constantDims(constant)
    if (this.node.opType !== 'Add' || dims === undefined || sizeOf(dims) !== 1) return false
    let mean = this.value(1 - input)
    // What an earlier teleportation inserted there goes again.
    if (mean?.producer?.name.startsWith(RESCALE_PREFIX) === true) mean = this.values.find(mean.producer.inputs[0] ?? '')
    if (mean?.producer?.opType !== 'ReduceMean') return false
    const from = this.values.find(mean.producer.inputs[0] ?? '')?.facts.shape
    const to = mean.facts.shape
    if (from === undefined || from.length !== to?.length || to.at(-1) !== 1) return false
    return from.slice(0, -1).every((dim, axis) => same(dim, to[axis] as Dim))
  }

  scaleConstant(
    input: number,
    terms: readonly Term[],
    options: { view?: readonly number[]; dims?: readonly number[] } = {},
  ): void {
    const value = this.value(input)
    const own = value && constantDims(value)
    if (value === undefined || own === undefined)
      throw new CannotScale(`the shape of a constant of ${this.node.opType} is unknown`)
    const relevant = terms
      .map((term) => ({ ...term, field: collapse(term.field, (a, b) => this.scales.same(a, b)) }))
      .filter((term) => term.field.ids.some((id) => !this.scales.isOne(id)))
    if (relevant.length === 0) return
    const axes = scalableAxes(value, this.values)
    if (axes === undefined)
      throw new CannotScale(`a constant of ${this.node.opType} is computed in a way that cannot be scaled`)
    const dims = options.dims ?? own
    const view = options.view ?? dims
    if (sizeOf(view) !== sizeOf(dims))
      throw new CannotScale(`the view of a constant of ${this.node.opType} has another size`)
    if (sizeOf(dims) > ENLARGE_LIMIT && sizeOf(dims) !== sizeOf(own))
      throw new CannotScale(`a constant of ${this.node.opType} would grow to ${sizeOf(dims)} elements`)
    if (!sameDims(dims, own) && !enlargeable(value, this.values))
      throw new CannotScale(`a computed constant of ${this.node.opType} cannot be enlarged`)
    if (axes !== 'all') {
      if (isQuantised(value, this.values))
        for (const term of relevant)
          for (const id of term.field.ids) this.scales.restrictPositive(id, 'a quantisation scale is positive')
      const followed = sameDims(view, dims)
      for (const term of relevant)
        term.field.dims.forEach((_, axis) => {
          if (varies(term.field, axis) && !(followed && axes.includes(axis)))
            throw new CannotScale(`a computed constant of ${this.node.opType} cannot be scaled along every axis`)
        })
    }
    this.actions.constants.push({ node: this.node, input, terms: relevant, view, dims })
  }

  scaleAttribute(name: string, fallback: number, scale: number, power: number): void {
    if (this.scales.isOne(scale)) return
    const narrow = this.input(0).dtype === 'float64'
    this.actions.attributes.push({ node: this.node, name, fallback, scale, power, narrow })
  }
}
