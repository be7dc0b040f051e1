import { intOf, intsOf, stringOf } from '../../../src/graph/attributes.js'
import type { Node } from '../../../src/graph/model.js'
import { sizeOf } from '../../../src/graph/tensor.js'
import type { Numbers, Reference } from './evaluate.js'

/** How positions correspond: i = o·stride + k·dilation − begin, along each spatial axis. */
interface Positions {
  readonly stride: number
  readonly dilation: number
  readonly begin: number
}

/** What is common to the two: attributes with their defaults. */
function attributesOf(node: Node, rank: number) {
  const of = (name: string, fallback: number, count = rank) =>
    intsOf(node, name) ?? new Array<number>(count).fill(fallback)
  return {
    strides: of('strides', 1),
    dilations: of('dilations', 1),
    pads: of('pads', 0, 2 * rank),
    groups: intOf(node, 'group', 1),
    autoPad: stringOf(node, 'auto_pad', 'NOTSET'),
  }
}

/** Calls back with the flat indices of every pair of positions (o, k) whose i lies within `inner`. */
function eachTriple(
  outer: readonly number[],
  kernel: readonly number[],
  inner: readonly number[],
  positions: readonly Positions[],
  visit: (o: number, k: number, i: number) => void,
): void {
  const walk = (axis: number, o: number, k: number, i: number): void => {
    if (axis === outer.length) return visit(o, k, i)
    const { stride, dilation, begin } = positions[axis] as Positions
    const size = inner[axis] as number
    for (let a = 0; a < (outer[axis] as number); a++)
      for (let b = 0; b < (kernel[axis] as number); b++) {
        const at = a * stride + b * dilation - begin
        if (at < 0 || at >= size) continue
        walk(axis + 1, o * (outer[axis] as number) + a, k * (kernel[axis] as number) + b, i * size + at)
      }
  }
  walk(0, 0, 0, 0)
}

const conv: Reference = ([x, w, bias], node) => {
  const { dims, data } = x as Numbers
  const weight = w as Numbers
  const kernel = weight.dims.slice(2)
  const inner = dims.slice(2)
  const { strides, dilations, pads, groups, autoPad } = attributesOf(node, kernel.length)
  const outer: number[] = []
  const positions = kernel.map((size, axis): Positions => {
    const stride = strides[axis] as number
    const dilation = dilations[axis] as number
    const length = inner[axis] as number
    const reach = (size - 1) * dilation + 1
    let [begin, end] = [pads[axis] as number, pads[axis + kernel.length] as number]
    if (autoPad === 'VALID') begin = end = 0
    if (autoPad.startsWith('SAME')) {
      const total = Math.max((Math.ceil(length / stride) - 1) * stride + reach - length, 0)
      begin = autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2)
      end = total - begin
    }
    outer.push(Math.floor((length + begin + end - reach) / stride) + 1)
    return { stride, dilation, begin }
  })
  const [batch = 1, channels = 1] = dims
  const [outputs = 1, perGroup = 1] = weight.dims
  const result = new Float64Array(batch * outputs * sizeOf(outer))
  const [outerSize, innerSize, kernelSize] = [sizeOf(outer), sizeOf(inner), sizeOf(kernel)]
  for (let n = 0; n < batch; n++)
    for (let m = 0; m < outputs; m++) {
      const y = (n * outputs + m) * outerSize
      if (bias !== undefined) result.fill(bias.data[m] as number, y, y + outerSize)
      const group = Math.floor(m / (outputs / groups))
      for (let c = 0; c < perGroup; c++) {
        const from = (n * channels + group * perGroup + c) * innerSize
        const by = (m * perGroup + c) * kernelSize
        eachTriple(outer, kernel, inner, positions, (o, k, i) => {
          ;(result[y + o] as number) += (data[from + i] as number) * (weight.data[by + k] as number)
        })
      }
    }
  return [{ dims: [batch, outputs, ...outer], data: result }]
}

const convTranspose: Reference = ([x, w, bias], node) => {
  const { dims, data } = x as Numbers
  const weight = w as Numbers
  const kernel = weight.dims.slice(2)
  const outer = dims.slice(2)
  const { strides, dilations, pads, groups, autoPad } = attributesOf(node, kernel.length)
  const extra = intsOf(node, 'output_padding')
  const given = intsOf(node, 'output_shape')?.slice(-kernel.length)
  const inner: number[] = []
  const positions = kernel.map((size, axis): Positions => {
    const stride = strides[axis] as number
    const dilation = dilations[axis] as number
    const full = ((outer[axis] as number) - 1) * stride + (size - 1) * dilation + 1 + (extra?.[axis] ?? 0)
    let [begin, end] = [pads[axis] as number, pads[axis + kernel.length] as number]
    if (autoPad === 'VALID') begin = end = 0
    if (given !== undefined || autoPad.startsWith('SAME')) {
      const wanted = given?.[axis] ?? (outer[axis] as number) * stride
      const total = Math.max(full - wanted, 0)
      begin = autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2)
      inner.push(wanted)
    } else inner.push(full - begin - end)
    return { stride, dilation, begin }
  })
  const [batch = 1, channels = 1] = dims
  const perGroup = weight.dims[1] as number
  const outputs = perGroup * groups
  const result = new Float64Array(batch * outputs * sizeOf(inner))
  const [outerSize, innerSize, kernelSize] = [sizeOf(outer), sizeOf(inner), sizeOf(kernel)]
  for (let n = 0; n < batch; n++) {
    for (let m = 0; m < outputs && bias !== undefined; m++)
      result.fill(bias.data[m] as number, (n * outputs + m) * innerSize, (n * outputs + m + 1) * innerSize)
    for (let c = 0; c < channels; c++) {
      const group = Math.floor(c / (channels / groups))
      for (let m = 0; m < perGroup; m++) {
        const to = (n * outputs + group * perGroup + m) * innerSize
        eachTriple(outer, kernel, inner, positions, (o, k, i) => {
          ;(result[to + i] as number) +=
            (data[(n * channels + c) * outerSize + o] as number) *
            (weight.data[(c * perGroup + m) * kernelSize + k] as number)
        })
      }
    }
  }
  return [{ dims: [batch, outputs, ...inner], data: result }]
}

export const convolutions: Readonly<Record<string, Reference>> = { Conv: conv, ConvTranspose: convTranspose }
