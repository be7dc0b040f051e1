import type { FloatDType } from '../graph/dtype.js'
import type { Graph, Node } from '../graph/model.js'
import type { Field, Scale } from '../ops/field.js'
import type { Part, Term } from '../ops/rule.js'
import type { Through } from '../shapes/constants.js'

/** What teleportation will do to one graph, in terms of scales that are not drawn yet. */
export interface GraphPlan {
  readonly graph: Graph
  readonly constants: readonly ConstantScaling[]
  readonly rescales: readonly Rescale[]
  readonly restores: readonly Restore[]
  readonly attributes: readonly AttributeScaling[]
  /** Constants that are computed: how a factor passes on to what they are computed from, and the shapes of those inputs. */
  readonly computed: ReadonlyMap<string, ComputedConstant>
  /** Plans of the graphs in the attributes of this graph's nodes. */
  readonly subgraphs: ReadonlyMap<Graph, GraphPlan>
}

export interface ComputedConstant {
  readonly through: Through
  /** One shape for each of `through.inputs`. */
  readonly inputDims: readonly (readonly number[])[]
}

/** Multiply the constant that a node reads. */
export interface ConstantScaling {
  readonly node: Node
  readonly input: number
  readonly terms: readonly Term[]
  /** The shape in which the terms are broadcast; as many elements as the constant, after enlarging. */
  readonly view: readonly number[]
  /** The constant's shape, after enlarging. */
  readonly dims: readonly number[]
}

/** Multiply what arrives at a node's input by a part of to ÷ from (scope `full`). */
export interface Rescale {
  /** Absent for what leaves a subgraph: `input` is then the position among its outputs. */
  readonly node?: Node
  readonly input: number
  readonly from: Field
  readonly to: Field
  readonly part: Part
  readonly dtype: FloatDType
}

/** Multiply a node's output by a part of a field (scope `full`). */
export interface Restore {
  readonly node: Node
  readonly output: number
  readonly field: Field
  readonly part: Part
  readonly dtype: FloatDType
}

/** Multiply a float attribute by scale^power. */
export interface AttributeScaling {
  readonly node: Node
  readonly name: string
  readonly fallback: number
  readonly scale: Scale
  readonly power: number
  /** The attribute, a float32, is coarser than the values: only powers of two leave its digits alone. */
  readonly narrow: boolean
}
