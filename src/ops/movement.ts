import { movementAxes } from './movement-axes.js'
import { movementIndexing } from './movement-indexing.js'
import { movementJoining } from './movement-joining.js'
import { movementPassing } from './movement-passing.js'
import { movementSlicing } from './movement-slicing.js'
import { movementSpatial } from './movement-spatial.js'
import type { OperatorTable } from './rule.js'

/** Operators that hand elements on, in another order or place: each takes its τ along. */
export const movement: OperatorTable = {
  ...movementAxes,
  ...movementJoining,
  ...movementPassing,
  ...movementSlicing,
  ...movementIndexing,
  ...movementSpatial,
}
