import { describe, intOf, intsOf } from '../graph/attributes.js'
import type { AttributeValues } from '../graph/builder.js'
import { type Dim, isNumber, same } from '../graph/dims.js'
import { ModelError, type Node } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { Value } from '../graph/value.js'
import { range } from './facts.js'
import type { GradientRule } from './rule.js'
import { type Window, windowOf } from './windows.js'

/**
 * Conv, ConvTranspose and all their derivatives are the three partial derivatives of one form, which is linear in x, in w and in y:
 *
 *     Σ x[n, g·C + c, i] · w[g·M + m, c, k] · y[n, g·M + m, o]    over all n, g, c, m, o, k, with i = o·stride + k·dilation − begin
 *
 * along each spatial axis; outside of x there are zeros. Conv is ∂/∂y, ConvTranspose (whose input is called y here) is ∂/∂x, and the
 * gradient of either's weight is ∂/∂w.
 */
interface Form {
  readonly group: number
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly begins: readonly number[]
  /** How far windows may reach beyond the end of x. */
  readonly ends: readonly number[]
}

/** Y = X ∗ W + B */
export const convGradient: GradientRule = ({ node, x, needs, dy, give }) => {
  give(2, () => sumOverPositions(dy))
  if (!needs(0) && !needs(1)) return
  const form = formOfConv(node, x(0), x(1))
  give(0, () => byInput(dy, x(1), x(0), form))
  give(1, () => byWeight(x(0), dy, x(1), form))
}

/** A ConvTranspose leads from the output of a Conv to its input, so that the two gradients change places. */
export const convTransposeGradient: GradientRule = ({ node, x, needs, dy, give }) => {
  give(2, () => sumOverPositions(dy))
  if (!needs(0) && !needs(1)) return
  const form = formOfTranspose(node, x(0), x(1))
  give(0, () => byOutput(dy, x(1), x(0), form))
  give(1, () => byWeight(dy, x(0), x(1), form))
}

function sumOverPositions(dy: Value): Value {
  return dy.sum([0, ...spatialAxes(dy)], false)
}

/** ∂/∂y, in the shape of `y`. */
function byOutput(x: Value, w: Value, y: Value, form: Form): Value {
  return inShapeOf(y, x.op('Conv', [w], attributes(form)))
}

/** ∂/∂x, in the shape of `x`. What no window reaches, because the stride does not divide, gets zeros: that is `output_padding`. */
function byInput(y: Value, w: Value, x: Value, form: Form): Value {
  const { strides, begins, ends } = form
  const extra = strides.map((stride, axis) => {
    if (stride === 1) return 0
    const size = x.dims[axis + 2]
    const reach = reachOf(y, w, form, axis)
    // Where sizes are not known, as many as there can be; what is too much is cut off.
    if (!isNumber(size) || reach === undefined) return stride - 1
    return size + at(begins, axis) + at(ends, axis) - reach
  })
  const padding = extra.some((count) => count !== 0) ? { output_padding: extra } : {}
  return inShapeOf(x, y.op('ConvTranspose', [w], { ...attributes(form), ...padding }))
}

/**
 * ∂/∂w, in the shape of `w`: a Conv whose batch are the channels and whose channels are the batch, with strides and dilations exchanged,
 * so that y is its kernel and k its position.
 */
function byWeight(x: Value, y: Value, w: Value, form: Form): Value {
  const { strides, dilations, begins } = form
  const ends = [...form.ends]
  const stops = form.ends.map((_, axis) => {
    const size = x.dims[axis + 2]
    const reach = reachOf(y, w, form, axis)
    if (!isNumber(size) || reach === undefined) return size as Dim
    // What no window reaches would make room for more positions k than there are.
    const stop = Math.max(1, reach - at(begins, axis))
    ends[axis] = Math.max(0, stop - size)
    return Math.min(stop, size)
  })
  const product = exchanged(cut(x, stops), form.group).op(
    'Conv',
    [exchanged(y)],
    attributes({ ...form, strides: dilations, dilations: strides, ends }),
  )
  return inShapeOf(w, exchanged(product))
}

function attributes({ group, strides, dilations, begins, ends }: Form): AttributeValues {
  return { group, strides, dilations, pads: [...begins, ...ends] }
}

/** How many positions all windows together cover, from the first one's begin to the last one's end; undefined where it is not known. */
function reachOf(y: Value, w: Value, { strides, dilations }: Form, axis: number): number | undefined {
  const count = y.dims[axis + 2]
  const kernel = w.dims[axis + 2]
  if (!isNumber(count) || !isNumber(kernel)) return undefined
  return (count - 1) * at(strides, axis) + (kernel - 1) * at(dilations, axis) + 1
}

/** [N, G·C, …] as [C, G·N, …]: batch and channels exchanged within each group. */
function exchanged(value: Value, group = 1): Value {
  const spatial = spatialAxes(value)
  if (group === 1) return value.transpose([1, 0, ...spatial])
  const [batch, channels] = value.dims
  // One of the two sizes is enough.
  const [n, c] = isNumber(channels) ? [-1, channels / group] : [isNumber(batch) ? batch : value.size(0), -1]
  return value
    .reshape(sizesFor([n, group, c], value))
    .transpose([2, 1, 0, ...spatial.map((axis) => axis + 1)])
    .reshape(sizesFor([c, n === -1 ? -1 : group * n], value))
}

/** New sizes in front of the spatial ones of a value (−1: what is left). */
function sizesFor(first: readonly number[], value: Value): readonly number[] | Value {
  const { builder } = value
  const spatial = value.dims.slice(2)
  if (spatial.every(isNumber)) return [...first, ...spatial]
  return builder.op('Concat', [builder.ints(first), value.op('Shape', [], { start: 2 })], { axis: 0 })
}

/** The value without what it has too much at the end of its spatial axes. */
function inShapeOf(like: Value, value: Value): Value {
  const dims = like.dims.slice(2)
  if (dims.every(isNumber)) return cut(value, dims)
  if (dims.every((dim, axis) => same(dim, value.dims[axis + 2] as Dim))) return value
  const { builder } = value
  const axes = builder.ints(spatialAxes(value))
  const starts = builder.ints(dims.map(() => 0))
  return value.op('Slice', [starts, like.op('Shape', [], { start: 2 }), axes]).reshapeLike(like)
}

/** The first elements along each spatial axis, as many as `counts` says. */
function cut(value: Value, counts: readonly Dim[]): Value {
  const axes = spatialAxes(value).filter((axis) => !same(value.dims[axis] as Dim, counts[axis - 2] as Dim))
  if (axes.length === 0) return value
  const { builder } = value
  const ends = builder.ints(axes.map((axis) => counts[axis - 2] as number))
  return value.op('Slice', [builder.ints(axes.map(() => 0)), ends, builder.ints(axes)])
}

function spatialAxes(value: Value): number[] {
  return range(2, value.rank)
}

function at(list: readonly number[], axis: number): number {
  return list[axis] as number
}

function formOfConv(node: Node, x: Value, w: Value): Form {
  const window = windowOf(node, w.dims.slice(2))
  if (!window.autoPad.startsWith('SAME')) return formOf(node, window)
  const total = window.strides.map((stride, axis) => {
    const reach = (w.size(axis + 2) - 1) * at(window.dilations, axis) + 1
    // With stride 1 whatever the size.
    if (stride === 1) return reach - 1
    const size = x.size(axis + 2)
    return Math.max((Math.ceil(size / stride) - 1) * stride + reach - size, 0)
  })
  return formOf(node, window, total)
}

function formOfTranspose(node: Node, y: Value, w: Value): Form {
  const window = windowOf(node, w.dims.slice(2))
  const extra = intsOf(node, 'output_padding')
  const wanted = intsOf(node, 'output_shape')?.slice(-window.strides.length)
  if (wanted === undefined && !window.autoPad.startsWith('SAME')) return formOf(node, window)
  const total = window.strides.map((stride, axis) => {
    const reach = (w.size(axis + 2) - 1) * at(window.dilations, axis) + 1 + (extra?.[axis] ?? 0)
    if (wanted !== undefined) return Math.max((y.size(axis + 2) - 1) * stride + reach - at(wanted, axis), 0)
    if (reach < stride)
      throw new ModelError(
        `${describe(node)}: with auto_pad ${quoted(window.autoPad)}, a window of ${reach} under a stride of ${stride}, ONNX and ONNX Runtime disagree on the output's size, so there is no gradient; give pads and output_padding instead`,
      )
    return reach - stride
  })
  return formOf(node, window, total)
}

/** @param total what is padded at both ends together, where that does not stand in `pads`. */
function formOf(node: Node, window: Window, total?: readonly number[]): Form {
  const { strides, dilations, autoPad } = window
  const pads = total ?? window.pads
  // An odd one goes to the end for SAME_UPPER, else to the begin.
  const half = autoPad === 'SAME_UPPER' ? Math.floor : Math.ceil
  const begins = strides.map((_, axis) => {
    if (total !== undefined) return half(at(total, axis) / 2)
    return autoPad === 'VALID' ? 0 : at(window.padsBegin, axis)
  })
  const ends = begins.map((begin, axis) => (total === undefined && autoPad === 'VALID' ? 0 : at(pads, axis) - begin))
  if ([...begins, ...ends].some((count) => count < 0))
    throw new ModelError(
      `${describe(node)}: pads are negative, for which there is no gradient; take the elements away by a Slice before`,
    )
  return { group: intOf(node, 'group', 1), strides, dilations, begins, ends }
}
