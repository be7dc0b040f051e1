import { type Dim, add, ceilDivide, floorDivide, isNumber, multiply } from '../graph/dims.js'
import { intOf, intsOf, stringOf } from '../graph/attributes.js'
import type { Node } from '../graph/model.js'

/** A window that slides over the spatial axes: attributes of convolutions and poolings, one number for each spatial axis. */
export interface Window {
  readonly kernel: readonly Dim[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  /** Begin and end of each axis together. */
  readonly pads: readonly number[]
  readonly padsBegin: readonly number[]
  readonly autoPad: string
  readonly ceilMode: boolean
}

/** The window of a node; `kernel` is used where the attribute `kernel_shape` is absent. */
export function windowOf(node: Node, kernel: readonly Dim[]): Window {
  const size = intsOf(node, 'kernel_shape') ?? kernel
  const rank = size.length
  const ones = new Array<number>(rank).fill(1)
  const pads = intsOf(node, 'pads') ?? new Array<number>(2 * rank).fill(0)
  return {
    kernel: size,
    strides: intsOf(node, 'strides') ?? ones,
    dilations: intsOf(node, 'dilations') ?? ones,
    pads: size.map((_, axis) => (pads[axis] ?? 0) + (pads[axis + rank] ?? 0)),
    padsBegin: pads.slice(0, rank),
    autoPad: stringOf(node, 'auto_pad', 'NOTSET'),
    ceilMode: intOf(node, 'ceil_mode', 0) !== 0,
  }
}

/** (kernel − 1)·dilation + 1: how far a window reaches. */
function reach(window: Window, axis: number): Dim {
  return add(multiply(add(window.kernel[axis] ?? 1, -1), window.dilations[axis] ?? 1), 1)
}

/** Sizes of the spatial axes after a convolution or a pooling. */
export function slidingSizes(spatial: readonly Dim[], window: Window): Dim[] {
  return spatial.map((size, axis) => {
    const stride = window.strides[axis] ?? 1
    if (window.autoPad === 'SAME_UPPER' || window.autoPad === 'SAME_LOWER') return ceilDivide(size, stride)
    const padding = window.autoPad === 'VALID' ? 0 : (window.pads[axis] ?? 0)
    const overlap = add(padding, multiply(reach(window, axis), -1))
    // Without a division a size that is only a name stays that name, where nothing is taken from it.
    if (stride === 1) return add(size, add(overlap, 1))
    const room = add(size, overlap)
    if (!window.ceilMode) return add(floorDivide(room, stride), 1)
    const count = add(ceilDivide(room, stride), 1)
    if (!isNumber(size) || !isNumber(count)) return count
    // A window that would start in the padding behind the data is left out.
    const begin = window.autoPad === 'VALID' ? 0 : (window.padsBegin[axis] ?? 0)
    return (count - 1) * stride >= size + begin ? count - 1 : count
  })
}

/** Sizes of the spatial axes after a transposed convolution. */
export function transposedSizes(spatial: readonly Dim[], window: Window, node: Node): Dim[] {
  const given = intsOf(node, 'output_shape')
  if (given !== undefined) return given.slice(-spatial.length)
  const extra = intsOf(node, 'output_padding')
  return spatial.map((size, axis) => {
    const stride = window.strides[axis] ?? 1
    if (window.autoPad === 'SAME_UPPER' || window.autoPad === 'SAME_LOWER') return multiply(size, stride)
    const padding = window.autoPad === 'VALID' ? 0 : (window.pads[axis] ?? 0)
    return add(multiply(size, stride), add(reach(window, axis), (extra?.[axis] ?? 0) - padding - stride))
  })
}
