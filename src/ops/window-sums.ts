import { describe } from '../graph/attributes.js'
import { isNumber } from '../graph/dims.js'
import { ModelError, type Node } from '../graph/model.js'
import { sizeOf } from '../graph/tensor.js'
import { quoted } from '../graph/text.js'
import type { Operand, Value } from '../graph/value.js'
import { range } from './facts.js'
import { windowOf } from './windows.js'

/** The windows of a pooling along one spatial axis: window o sees the positions o·stride + k·dilation − begin, k < kernel. */
interface Windows {
  readonly size: number
  readonly count: number
  readonly kernel: number
  readonly stride: number
  readonly dilation: number
  readonly begin: number
  readonly end: number
}

/**
 * @throws ModelError for padding to the same size under dilations, which ONNX Runtime pads as if there were none, and for windows that
 * step over all of the data (only dilations make them, and only where sizes are known it can be told)
 */
export function refuseDilations(node: Node, x: Value, y: Value): void {
  const { dilations, autoPad } = windowOf(node, [])
  if (dilations.every((dilation) => dilation === 1)) return
  if (autoPad.startsWith('SAME'))
    throw new ModelError(
      `${describe(node)}: with auto_pad ${quoted(autoPad)} and dilations, ONNX and ONNX Runtime disagree on the output's size, so there is no gradient; give pads instead`,
    )
  if ([x, y].every(({ dims }) => dims.slice(2).every(isNumber))) seenAlong(node, x, y, false)
}

/** @param x what is pooled, and `y` a value of the result's shape; their spatial sizes have to be known */
function windowsOf(node: Node, x: Value, y: Value): Windows[] {
  const { kernel, strides, dilations, pads, padsBegin, autoPad } = windowOf(node, [])
  return range(0, x.rank - 2).map((axis) => {
    const along = (list: readonly unknown[]) => list[axis] as number
    const [size, count] = [x.size(axis + 2), y.size(axis + 2)]
    const window = { size, count, kernel: along(kernel), stride: along(strides), dilation: along(dilations) }
    if (autoPad === 'VALID') return { ...window, begin: 0, end: 0 }
    if (autoPad !== 'SAME_UPPER' && autoPad !== 'SAME_LOWER')
      return { ...window, begin: along(padsBegin), end: along(pads) - along(padsBegin) }
    const total = reachOf(window) - size
    if (total < 0)
      throw new ModelError(
        `${describe(node)}: with auto_pad ${quoted(autoPad)} and strides larger than the windows, ONNX Runtime pads less than nothing, so there is no gradient; give pads instead`,
      )
    // An odd one goes to the end for SAME_UPPER, to the begin for SAME_LOWER.
    const begin = autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2)
    return { ...window, begin, end: total - begin }
  })
}

/** How many positions all windows cover, from the begin of the first to the end of the last. */
function reachOf({
  count,
  kernel,
  stride,
  dilation,
}: Pick<Windows, 'count' | 'kernel' | 'stride' | 'dilation'>): number {
  return (count - 1) * stride + (kernel - 1) * dilation + 1
}

/** More than a network that can be run has; a damaged one would have them all counted. */
const MOST = 2 ** 24

function refuseTooMany(node: Node, count: number): void {
  if (count > MOST)
    throw new ModelError(
      `${describe(node)}: it has ${count} windows, or positions in a window; its gradient is known for up to ${MOST}`,
    )
}

/** How many positions each window sees along each axis. @throws ModelError where there is one that sees nothing but padding */
function seenAlong(node: Node, x: Value, y: Value, padding: boolean): number[][] {
  const counts = windowsOf(node, x, y).map(({ size, count, kernel, stride, dilation, begin, end }) => {
    const [from, to] = padding ? [-begin, size + end] : [0, size]
    refuseTooMany(node, count)
    // How many positions of a window, whose first is `start`, lie before a bound.
    const before = (bound: number, start: number) =>
      Math.max(0, Math.min(kernel, Math.ceil((bound - start) / dilation)))
    return range(0, count).map((o) => {
      const start = o * stride - begin
      return before(to, start) - before(from, start)
    })
  })
  if (counts.flat().includes(0))
    throw new ModelError(
      `${describe(node)}: some of its windows see nothing but padding, so that there is no gradient; give smaller pads or dilations`,
    )
  return counts
}

/**
 * How many positions each window sees: a number, or a constant of the result's spatial shape. `padding`: padded ones count too, but
 * not those that lie behind all padding, which ceil_mode makes.
 */
export function seenByWindows(node: Node, x: Value, y: Value, padding: boolean): Operand {
  const counts = seenAlong(node, x, y, padding)
  if (counts.every((along) => along.every((count) => count === along[0])))
    return counts.reduce((product, [count = 1]) => product * count, 1)
  const sizes = counts.map((along) => along.length)
  refuseTooMany(
    node,
    sizes.reduce((product, size) => product * size, 1),
  )
  const products = counts.reduce((seen, along) => seen.flatMap((a) => along.map((b) => a * b)), [1])
  return y.builder.constant(y.dtype ?? 'float32', sizes, products)
}

/** The transpose of summing over windows: each position of x gets the sum of `value` over the windows that see it. */
export function spreadOverWindows(node: Node, value: Value, x: Value): Value {
  const windows = windowsOf(node, x, value)
  const side = windows.every(sideBySide) ? repeated(value, windows) : transposedConvolution(node, value, windows)
  // Cut to x's positions: padding goes, and what no window reaches gets zeros.
  const none = [0, 0]
  const before = windows.map(({ begin }) => -begin)
  const after = windows.map((window) => window.size + window.begin - reachOf(window))
  return side.pad([...none, ...before], [...none, ...after])
}

function sideBySide({ kernel, stride, dilation }: Windows): boolean {
  return kernel === stride && (dilation === 1 || kernel === 1)
}

/** Windows that neither overlap nor leave gaps: each element stands as often as its window is large. (An Expand does it ten times slower.) */
function repeated(value: Value, windows: readonly Windows[]): Value {
  const scales = [1, 1, ...windows.map(({ kernel }) => kernel)]
  if (scales.every((scale) => scale === 1)) return value
  return value.op('Resize', [undefined, value.builder.constant('float32', [scales.length], scales)], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  })
}

/** Every plane alone is convolved with a window of ones. */
function transposedConvolution(node: Node, value: Value, windows: readonly Windows[]): Value {
  const { builder } = value
  const kernels = windows.map(({ kernel }) => kernel)
  const size = sizeOf(kernels)
  refuseTooMany(node, size)
  const ones = builder.constant(value.dtype ?? 'float32', [1, 1, ...kernels], new Array<number>(size).fill(1))
  const planes = value.reshape([-1, 1, ...windows.map(({ count }) => count)])
  const spread = planes.op('ConvTranspose', [ones], {
    strides: windows.map(({ stride }) => stride),
    dilations: windows.map(({ dilation }) => dilation),
  })
  const back = builder.op('Concat', [builder.op('Shape', [value], { end: 2 }), builder.ints(windows.map(reachOf))], {
    axis: 0,
  })
  return spread.reshape(back)
}
