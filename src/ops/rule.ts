import type { Dim } from '../graph/dims.js'
import type { GraphBuilder } from '../graph/builder.js'
import type { DType } from '../graph/dtype.js'
import type { Node } from '../graph/model.js'
import type { Value } from '../graph/value.js'
import type { Field, Scale, Scales } from './field.js'

/** What is known of a value before the model runs. Absent means unknown. */
export interface Facts {
  readonly dtype?: DType
  readonly shape?: readonly Dim[]
  /** The elements of a small integer (or bool) tensor, row-major: shape arithmetic is followed with symbols in it. */
  readonly numbers?: readonly Dim[]
}

/** An operator as its rules see it. Inputs and outputs are addressed by position. */
export interface NodeContext {
  readonly node: Node
  /** The version of the operator's domain that the model imports. */
  readonly opset: number
  /** True if the optional input is given. */
  has(input: number): boolean
  /** Facts of an input; `{}` where nothing is known or the input is left out. */
  input(input: number): Facts
  /** True if the input depends on constants alone. */
  isConstant(input: number): boolean
  /**
   * The elements of a constant input of at most `limit` elements (default 65,536), as doubles, also behind Identity, Cast and
   * movements; undefined where it is not constant, too large, or computed.
   */
  constant(input: number, limit?: number): Float64Array | undefined
  /** The integers of an input whatever it comes from: constant, or shape arithmetic that turned out to be numbers. */
  integers(input: number): readonly number[] | undefined
}

/** One entry for each output that something is known of. The driver fills in declared types where a rule knows nothing. */
export type ShapeRule = (context: NodeContext) => readonly Facts[]

/** `weights`: no node is added. `full`: every vertex is free, and what cannot be absorbed becomes a node. */
export type Scope = 'weights' | 'full'

/** A field, to a power, with which a constant is multiplied. */
export interface Term {
  /** Broadcastable to the constant's view (see `scaleConstant`), of the view's rank. */
  readonly field: Field
  readonly power: 1 | -1
  /** Multiply by |τ| instead of τ. */
  readonly magnitude?: boolean
}

/**
 * Which part of a field is undone before an operator and restored after it, in scope `full`:
 * `ratio` all of it; `sign` its sign (for positively homogeneous operators: no node where τ > 0); `magnitude` its absolute value
 * (for odd operators: no node where τ = ±1).
 */
export type Part = 'ratio' | 'sign' | 'magnitude'

/**
 * What a scale rule may ask and demand. In scope `weights` a demand restricts the classes that channels belong to (union–find
 * with domains); in scope `full` it inserts a rescaling node on the arrow, where one is needed. A rule is written once for both.
 */
export interface ScaleContext extends NodeContext {
  readonly scope: Scope
  readonly scales: Scales
  /** The shape of an input. @throws CannotScale where its rank is unknown */
  shape(input: number): readonly Dim[]
  /** The shape of an output. @throws CannotScale where its rank is unknown */
  outputShape(output: number): readonly Dim[]
  /** True if the two inputs are the same value. */
  sameValue(a: number, b: number): boolean
  /** The position in the graph at which an input is computed; −1 for inputs of the graph and constants. */
  producedAt(input: number): number

  /**
   * The scale field of an input, of the input's rank. Uniformly one for integers, graph inputs and absent inputs. A float constant
   * (which can carry any scale) gets fresh scales of its own, which yield to whatever they meet; a rule that would rather scale
   * the constant itself asks `isConstant` first.
   */
  field(input: number): Field

  /** The input must carry this field. Returns it. `reason` is reported for channels that get pinned by it. */
  require(input: number, field: Field, reason: string): Field
  /** The input must arrive unscaled (in `full`: a division before the operator). */
  requireOne(input: number, reason: string): Field
  /** The field must not vary along these axes. Returns the field that the operator then sees (in `full`: one). */
  requireUniform(input: number, axes: readonly number[] | 'all', reason: string): Field
  /**
   * The operator commutes with positive scales only (`part: 'sign'`), with ±1 only (`'magnitude'`) or with none (`'ratio'`).
   * `weights`: the classes are restricted. `full`: that part is divided out before the operator; the rule restores it after the
   * operator by giving `output` the same part. Returns the field to be restored: in `weights` what is left of the field, in
   * `full` the whole field.
   */
  undo(input: number, part: Part, reason: string): Field

  /**
   * This output is a vertex: fresh scales, one per neuron, along `axes` of the output (usually one axis), whose sizes are given.
   * At most one vertex per node. Returns its field; hand it to `output`, and scale the weights with it. `uniform`: all its neurons
   * share one positive τ (for weights that a single quantisation scale belongs to).
   */
  vertex(output: number, axes: readonly number[], sizes: readonly number[], options?: { uniform?: boolean }): Field
  /** Fresh scales that belong to no neuron and yield to whatever they meet (e.g. zeros that a Pad adds), of these dims. */
  free(dims: readonly number[]): Field
  /** The scale field of an output; outputs not mentioned are unscaled. `restore` undoes `undo`. */
  output(output: number, field: Field, restore?: Part): void

  /** Axes of a constant input along which its scale can vary; 'all', or fewer behind e.g. a DequantizeLinear. */
  scalableAxes(input: number): 'all' | readonly number[]
  /**
   * Multiply a constant input by terms. `view` is the shape in which the terms are broadcast (default: the constant's dims; it
   * has as many elements). `dims` makes the constant larger first (numpy's broadcasting), where a scale varies along an axis
   * that the constant does not have. @throws CannotScale where the constant cannot be scaled so
   */
  scaleConstant(
    input: number,
    terms: readonly Term[],
    options?: { view?: readonly number[]; dims?: readonly number[] },
  ): void
  /** Multiply a float attribute by τ^power (e.g. the ε of a normalisation by τ²). `fallback` is the operator's default. */
  scaleAttribute(name: string, fallback: number, scale: Scale, power: number): void
}

export type ScaleRule = (context: ScaleContext) => void

/**
 * An operator as its gradient rule sees it, with L the scalar whose gradient is wanted. Its functions may be taken apart:
 * `({ x, dy, give }) => give(0, () => dy.mul(x(1)))`.
 */
export interface GradientContext extends NodeContext {
  /** Emits nodes. What a rule emits has to have gradient rules itself, so that a gradient can be differentiated again. */
  readonly builder: GraphBuilder
  /** ∂L/∂output of the first output, in that output's shape. @throws ModelError where L does not depend on it */
  readonly dy: Value
  /** ∂L/∂output; undefined where L does not depend on it. At least one output has one. */
  readonly dyOf: (output: number) => Value | undefined
  /** An input of the node. @throws ModelError if it is left out */
  readonly x: (input: number) => Value
  /** An output of the node. An optional output that the node does not have yet is added to it. */
  readonly y: (output: number) => Value
  /** True if ∂L/∂input is wanted: the input is a float that depends on what L is differentiated by. */
  readonly needs: (input: number) => boolean
  /**
   * Adds to ∂L/∂input; what is given to one input several times is summed. Axes along which the input was broadcast are summed away.
   * `gradient` is only called where the input needs it.
   */
  readonly give: (input: number, gradient: () => Value) => void
}

export type GradientRule = (context: GradientContext) => void

/** One operator: its rules side by side. */
export interface Operator {
  /** Facts of the outputs. Without it only what the file declares is known. */
  readonly shape?: ShapeRule
  /** How teleportation sees it. `{ pinned: reason }`: its inputs and outputs keep τ = 1. */
  readonly scale: ScaleRule | { readonly pinned: string }
  /**
   * How gradients flow back through it, over operators in their form of opset 18 and later (earlier ones are upgraded first).
   * `'zero'`: piecewise constant, the gradient is zero. Without it a gradient through the operator is an error.
   */
  readonly gradient?: GradientRule | 'zero'
  /** For docs/operators.md: the class of DESIGN 2.2 and, in a few words, what happens to τ. */
  readonly summary: string
}

export type OperatorTable = Readonly<Record<string, Operator>>
