import type { Value } from '../graph/value.js'
import type { GraphBuilder } from '../graph/builder.js'
import type { Node } from '../graph/model.js'
import { matrixProduct } from './internal-product.js'
import { maxAlong } from './internal-pooling.js'
import { columnNormalization } from './internal-normalization.js'
import type { Operator } from './rule.js'

/** An operator of this project's own domain as it is spelt out. */
export interface ExpansionContext {
  readonly node: Node
  readonly builder: GraphBuilder
  /** The inputs, in the graph that is being built. */
  readonly x: (input: number) => Value
}

/**
 * An operator that training graphs are made of on the way to a fast form, and that no file ever holds: it has rules like any other,
 * and is spelt out in ONNX Runtime's operators once all gradients are there.
 */
export interface InternalOperator extends Operator {
  /** The outputs. What several nodes compute alike is computed once. */
  readonly expand: (context: ExpansionContext) => readonly Value[]
}

/** The domain of `InternalOperator`s. */
export const INTERNAL_DOMAIN = 'teleport'

export const INTERNAL: ReadonlyMap<string, InternalOperator> = new Map(
  Object.entries<InternalOperator>({
    MatrixProduct: matrixProduct,
    ColumnNormalization: columnNormalization,
    MaxAlong: maxAlong,
  }),
)
