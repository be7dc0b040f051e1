import type { Node } from '../graph/model.js'
import { activation } from './activation.js'
import { attention } from './attention.js'
import { comparison } from './comparison.js'
import { control } from './control.js'
import { convolution } from './convolution.js'
import { elementwise } from './elementwise.js'
import { INTERNAL, INTERNAL_DOMAIN } from './internal.js'
import { linear } from './linear.js'
import { merge } from './merge.js'
import { movement } from './movement.js'
import { normalization } from './normalization.js'
import { pooling } from './pooling.js'
import { quantization } from './quantization.js'
import { recurrence } from './recurrent.js'
import { reduction } from './reduction.js'
import type { Operator, OperatorTable } from './rule.js'
import { shaping } from './shaping.js'

/** The operators by family: a file each, the many movements in several. No operator is in two of them. */
export const FAMILIES: Readonly<Record<string, OperatorTable>> = {
  linear,
  convolution,
  normalization,
  pooling,
  activation,
  elementwise,
  merge,
  attention,
  reduction,
  movement,
  shaping,
  comparison,
  recurrence,
  quantization,
  control,
}

/** Every operator of the standard's own domain that has rules. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map(
  Object.values(FAMILIES).flatMap(Object.entries<Operator>),
)

/** The rules of a node's operator; undefined where there are none, and for operators of other domains. */
export function operatorOf(node: Node): Operator | undefined {
  if (node.domain === '') return OPERATORS.get(node.opType)
  return node.domain === INTERNAL_DOMAIN ? INTERNAL.get(node.opType) : undefined
}
