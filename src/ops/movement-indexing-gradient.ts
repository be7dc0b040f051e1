import { intOf } from '../graph/attributes.js'
import { isNumber } from '../graph/dims.js'
import { axisOf } from './facts.js'
import type { GradientRule } from './rule.js'
import { scatterAlong, shapeWith, sizeAlong } from './scatter-along.js'

/** Gather: what was picked several times gets the sum. */
export const gathered: GradientRule = (context) => {
  const { node, builder, x, dy, give } = context
  give(0, () => {
    const { dims, rank } = x(0)
    const indices = x(1)
    const axis = axisOf(node, intOf(node, 'axis', 0), rank)
    const size = dims[axis]
    const rows = indices.rank === 0 ? dy.unsqueeze([axis]) : dy
    const only = indices.rank < 2 ? context.integers(1) : undefined
    if (only?.length === 1 && isNumber(size)) {
      // One index alone, as in x[:, 0]: zeros around it.
      const at = ((only[0] as number) + size) % size
      return rows.pad(
        dims.map((_, i) => (i === axis ? at : 0)),
        dims.map((_, i) => (i === axis ? size - 1 - at : 0)),
      )
    }
    const flat = indices.rank > 1 ? rows.reshape(shapeWith(x(0), axis, builder.ints([-1]))) : rows
    return scatterAlong(flat, indices.reshape([-1]), axis, sizeAlong(x(0), axis))
  })
}
