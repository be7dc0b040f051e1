import { intOf, intsOf } from '../graph/attributes.js'
import { type Dim, divide, isNumber } from '../graph/dims.js'
import { cutsOf, indicesOf, lengthOf } from './cuts.js'
import { axisOf, facts, range, unknownDim } from './facts.js'
import { CannotScale, type Field, select, varies } from './field.js'
import { concatenated, uncut } from './movement-slicing-gradient.js'
import type { NodeContext, OperatorTable, ScaleRule, ShapeRule } from './rule.js'
import { numbersAt, pick, smallShape } from './shape-arithmetic.js'

const sliceFacts: ShapeRule = (context) => {
  const { dtype, shape, numbers } = context.input(0)
  if (shape === undefined) return [facts(dtype)]
  const cuts = cutsOf(context, shape.length)
  if (cuts === undefined)
    return [
      facts(
        dtype,
        shape.map((_, axis) => unknownDim(context.node, 0, axis)),
      ),
    ]
  const sizes = [...shape]
  for (const cut of cuts)
    sizes[cut.axis] = lengthOf(cut, shape[cut.axis] as Dim) ?? unknownDim(context.node, 0, cut.axis)
  let dims = smallShape(shape)
  let values = numbers
  for (const cut of cuts) {
    const indices = dims && indicesOf(cut, dims[cut.axis] as number)
    values = dims && values && indices && pick(values, dims, cut.axis, indices)
    dims = dims && indices && dims.map((dim, axis) => (axis === cut.axis ? indices.length : dim))
  }
  return [facts(dtype, sizes, values)]
}

const slice: ScaleRule = (context) => {
  const shape = context.shape(0)
  const cuts = cutsOf(context, shape.length)
  const reason = 'Slice of the scaled axis at a place that is not known'
  if (cuts === undefined) return context.output(0, context.requireUniform(0, 'all', reason))
  const unknown = cuts.filter(
    (cut) => varies(context.field(0), cut.axis) && indicesOf(cut, shape[cut.axis] as Dim) === undefined,
  )
  let field =
    unknown.length > 0
      ? context.requireUniform(
          0,
          unknown.map(({ axis }) => axis),
          reason,
        )
      : context.field(0)
  for (const cut of cuts)
    if (varies(field, cut.axis)) field = select(field, cut.axis, indicesOf(cut, shape[cut.axis] as Dim) ?? [])
  context.output(0, field)
}

/** The sizes of the parts of a Split; undefined where they are not known. */
function partsOf(context: NodeContext, size: Dim | undefined): readonly Dim[] | undefined {
  const given = intsOf(context.node, 'split') ?? (context.has(1) ? numbersAt(context, 1) : undefined)
  if (given !== undefined) return given
  if (context.has(1) || size === undefined) return undefined
  const count = context.node.outputs.length
  const exact = divide(size, count)
  if (exact !== undefined) return new Array<Dim>(count).fill(exact)
  if (!isNumber(size)) return undefined
  // All parts are of one size but the last, which is smaller.
  const part = Math.ceil(size / count)
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(part, size - i * part)))
}

const splitFacts: ShapeRule = (context) => {
  const { node } = context
  const { dtype, shape, numbers } = context.input(0)
  if (shape === undefined) return node.outputs.map(() => facts(dtype))
  const axis = axisOf(node, intOf(node, 'axis', 0), shape.length)
  const parts = partsOf(context, shape[axis])
  const dims = smallShape(shape)
  let start: number | undefined = 0
  return node.outputs.map((_, i) => {
    const part = parts?.[i]
    const size = part ?? unknownDim(node, i, axis)
    const end: number | undefined = start !== undefined && isNumber(part) ? start + part : undefined
    const inside = dims !== undefined && end !== undefined && end <= (dims[axis] as number)
    const known = inside && start !== undefined ? range(start, end) : undefined
    start = end
    return facts(
      dtype,
      shape.map((dim, k) => (k === axis ? size : dim)),
      numbers && dims && known && pick(numbers, dims, axis, known),
    )
  })
}

const split: ScaleRule = (context) => {
  const { node } = context
  const shape = context.shape(0)
  const axis = axisOf(node, intOf(node, 'axis', 0), shape.length)
  const parts = partsOf(context, shape[axis])
  const known = parts !== undefined && parts.every(isNumber)
  const field =
    varies(context.field(0), axis) && !known
      ? context.requireUniform(0, [axis], 'Split of the scaled axis into parts of unknown sizes')
      : context.field(0)
  const part = (from: number, to: number): Field => {
    if (!varies(field, axis)) return field
    if (to > (field.dims[axis] as number)) throw new CannotScale('Split into more than there is')
    return select(field, axis, range(from, to))
  }
  let start = 0
  node.outputs.forEach((name, i) => {
    const size = known ? (parts[i] ?? 0) : 0
    if (name !== '') context.output(i, part(start, start + size))
    start += size
  })
}

export const movementSlicing: OperatorTable = {
  Slice: { shape: sliceFacts, scale: slice, gradient: uncut, summary: 'movement: each element keeps its τ' },
  Split: { shape: splitFacts, scale: split, gradient: concatenated, summary: 'movement: each element keeps its τ' },
}
