import { assign } from '../cob/assign.js'
import type { Cob } from '../cob/cob.js'
import type { Quiver } from '../quiver/quiver.js'
import type { FieldOf } from './verify-locate.js'

/**
 * The scale fields that a change of basis gives to the values of a model, for `verify`: with them, the first divergence of a
 * teleported network is found although all its values differ.
 * @throws ModelError if the CoB does not fit the quiver
 */
export function scaleFields(quiver: Quiver, cob: Cob): FieldOf {
  const assignment = assign(quiver, cob)
  return (value) => {
    const field = quiver.fields.get(value)
    return field === undefined ? undefined : { dims: field.dims, values: assignment.ofField(field) }
  }
}
