import { sizeOf } from '../../src/graph/tensor.js'
import type { GraphBuilder, Picks, Value } from './graph-builder.js'
import { alike, demand, project, type Step } from './random-layers.js'

/** Axes along which values of the graph may be cut and joined: not a batch that is declared as N. */
function axisOf(b: GraphBuilder, p: Picks, x: Value): number {
  const axes = [...x.shape.keys()].slice(b.options.symbolic ? 1 : 0)
  // Channels first: there the scales are.
  return p.of([...axes.filter((axis) => axis === 1), ...axes])
}

function resized(x: Value, axis: number, size: number): number[] {
  return x.shape.map((dim, i) => (i === axis ? size : dim))
}

function product(
  b: GraphBuilder,
  x: Value,
  shape: readonly number[],
  opType: string,
  attributes = {},
  more: string[] = [],
): Value {
  return b.value(b.op(opType, [x, ...more], attributes), shape)
}

const flatten: Step = (b, x, p) => {
  demand(x.shape.length >= 2)
  const [batch, ...rest] = x.shape as [number, ...number[]]
  const shape = [batch, sizeOf(rest)]
  if (p.oneIn(2))
    return b.value(
      b.reshape(
        x,
        p.of([
          [0, -1],
          [-1, sizeOf(rest)],
        ]),
      ),
      shape,
    )
  return product(b, x, shape, 'Flatten')
}

const transpose: Step = (b, x, p) => {
  const rank = x.shape.length
  demand(rank >= 3)
  const turn = 1 + p.below(rank - 2)
  const perm = [0, ...Array.from({ length: rank - 1 }, (_, i) => 1 + ((i + turn) % (rank - 1)))]
  product(
    b,
    x,
    perm.map((axis) => x.shape[axis] as number),
    'Transpose',
    { perm },
  )
}

const shuffle: Step = (b, x, p) => {
  const [batch, channels, ...rest] = x.shape as [number, number, ...number[]]
  const groups = p.of([2, 3, 4].filter((g) => channels % g === 0))
  const five = b.reshape(x, [p.of([0, -1]), groups, channels / groups, ...rest])
  const perm = [0, 2, 1, ...rest.map((_, i) => i + 3)]
  b.value(b.reshape(b.op('Transpose', [five], { perm }), [0, channels, ...rest]), [batch, channels, ...rest])
}

/** Rows of tokens and back, as window attention does. */
const tokens: Step = (b, x, p) => {
  demand(x.shape.length === 3)
  const [batch, length, width] = x.shape as [number, number, number]
  const rows = b.value(b.reshape(x, [-1, width]), [batch * length, width])
  const out = project(b, p, rows, 3 + p.below(4))
  b.value(b.reshape(out, [-1, length, out.shape[1] ?? 0]), [batch, length, out.shape[1] ?? 0])
}

const sequence: Step = (b, x) => {
  demand(x.shape.length === 4)
  const [batch, channels, ...space] = x.shape as [number, number, ...number[]]
  const flat = b.reshape(x, [0, 0, -1])
  b.value(b.op('Transpose', [flat], { perm: [0, 2, 1] }), [batch, sizeOf(space), channels])
}

const unsqueeze: Step = (b, x, p) => {
  demand(x.shape.length <= 3)
  const axis = 1 + p.below(x.shape.length)
  b.value(b.axes('Unsqueeze', x, [axis], 13), [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)])
}

const squeeze: Step = (b, x, p) => {
  const axis = p.of([...x.shape.keys()].filter((i) => i > 0 && x.shape[i] === 1))
  b.value(
    b.axes('Squeeze', x, [axis], 13),
    x.shape.filter((_, i) => i !== axis),
  )
}

const concat: Step = (b, x, p) => {
  const axis = axisOf(b, p, x)
  const fitting = b.values.filter(
    ({ shape }) => shape.length === x.shape.length && shape.every((dim, i) => i === axis || dim === x.shape[i]),
  )
  const others = [p.oneIn(3) ? alike(b, p, x) : p.of(fitting)]
  if (p.oneIn(3)) others.push(p.of(fitting))
  const parts = p.oneIn(2) ? [x, ...others] : [...others, x]
  const names = parts.map(({ name }) => name)
  let size = parts.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0)
  if (!b.options.symbolic && p.oneIn(4)) {
    names.push(b.random(resized(x, axis, 2), 1))
    size += 2
  }
  b.value(b.op('Concat', names, { axis }), resized(x, axis, size))
}

const split: Step = (b, x, p) => {
  const axis = axisOf(b, p, x)
  const size = x.shape[axis] ?? 0
  demand(size >= 2)
  const first = size % 2 === 0 && !p.oneIn(3) ? size / 2 : 1 + p.below(size - 1)
  const sizes = [first, size - first]
  const names =
    b.options.opset >= 13
      ? b.node('Split', [x.name, b.ints(...sizes)], { axis }, 2)
      : b.node('Split', [x.name], { axis, split: sizes }, 2)
  const [left, right] = names.map((name, i) => b.value(name, resized(x, axis, sizes[i] as number))) as [Value, Value]
  switch (p.of(['halves', 'swapped', 'gate', 'sum'])) {
    case 'swapped':
      return b.value(b.op('Concat', [right, left], { axis }), x.shape)
    case 'gate':
      demand(first * 2 === size)
      return b.value(b.op('Mul', [left, b.op('Sigmoid', [right])]), left.shape)
    case 'sum':
      demand(first * 2 === size)
      return b.value(b.op('Add', [left, right]), left.shape)
    default:
      return undefined
  }
}

const slice: Step = (b, x, p) => {
  const axis = axisOf(b, p, x)
  const size = x.shape[axis] ?? 0
  demand(size >= 2)
  const [start, end, step, left] = p.of([
    [1, size, 1, size - 1],
    [0, -1, 1, size - 1],
    [0, size, 2, Math.ceil(size / 2)],
    [-1, -size - 1, -1, size],
    [1, 2 ** 31, 2, Math.floor(size / 2)],
  ] as const)
  product(b, x, resized(x, axis, left), 'Slice', {}, [b.ints(start), b.ints(end), b.ints(axis), b.ints(step)])
}

const gather: Step = (b, x, p) => {
  const axis = axisOf(b, p, x)
  const size = x.shape[axis] ?? 0
  if (p.oneIn(4) && x.shape.length > 2 && axis > 0) {
    const index = b.constant([], [p.below(size)], 'int64')
    const shape = x.shape.filter((_, i) => i !== axis)
    return b.value(b.op('Gather', [x, index], { axis }), shape)
  }
  const count = 2 + p.below(5)
  const indices = Array.from({ length: count }, () => p.below(size) - (p.oneIn(4) ? size : 0))
  return b.value(b.op('Gather', [x, b.ints(...indices)], { axis }), resized(x, axis, count))
}

const expand: Step = (b, x, p) => {
  if (p.oneIn(2)) {
    const axis = axisOf(b, p, x)
    const repeats = x.shape.map((_, i) => (i === axis ? 2 : 1))
    return product(b, x, resized(x, axis, 2 * (x.shape[axis] ?? 0)), 'Tile', {}, [b.ints(...repeats)])
  }
  const axis = p.of([...x.shape.keys()].filter((i) => i > 0 && x.shape[i] === 1))
  const target = x.shape.map((_, i) => (i === axis ? 3 : 1))
  return product(b, x, resized(x, axis, 3), 'Expand', {}, [b.ints(...target)])
}

const pad: Step = (b, x, p) => {
  demand(b.options.dtype === 'float32' && x.shape.length >= 2)
  const axis = axisOf(b, p, x)
  const size = x.shape[axis] ?? 0
  const mode = p.of(['constant', 'constant', 'edge', ...(size >= 2 ? ['reflect'] : [])])
  const [before, after] = p.of([
    [1, 1],
    [0, 1],
    [1, 0],
  ] as const)
  const pads = [...x.shape.map((_, i) => (i === axis ? before : 0)), ...x.shape.map((_, i) => (i === axis ? after : 0))]
  const value = mode === 'constant' && p.oneIn(2) ? [b.scalar(p.of([0, 0.5]))] : []
  product(b, x, resized(x, axis, size + before + after), 'Pad', { mode }, [b.ints(...pads), ...value])
}

const resize: Step = (b, x, p) => {
  const [batch, channels, ...space] = x.shape as [number, number, ...number[]]
  demand(space.length === 2 && space.every((size) => size <= 6))
  const mode = p.of(['nearest', 'linear'])
  const scales = b.constant([4], [1, 1, 2, 2], 'float32')
  const roi = b.options.opset >= 13 ? '' : b.constant([0], [], 'float32')
  b.value(b.op('Resize', [x, roi, scales], { mode }), [batch, channels, ...space.map((size) => 2 * size)])
}

const depthSpace: Step = (b, x, p) => {
  demand(x.shape.length === 4)
  const [batch, channels, height, width] = x.shape as [number, number, number, number]
  if (channels % 4 === 0 && !p.oneIn(3))
    return product(b, x, [batch, channels / 4, height * 2, width * 2], 'DepthToSpace', {
      blocksize: 2,
      mode: p.of(['DCR', 'CRD']),
    })
  demand(height % 2 === 0 && width % 2 === 0)
  return product(b, x, [batch, channels * 4, height / 2, width / 2], 'SpaceToDepth', { blocksize: 2 })
}

const pool: Step = (b, x, p) => {
  const [batch, channels, ...space] = x.shape as [number, number, ...number[]]
  demand(space.length > 0)
  const ones = [batch, channels, ...space.map(() => 1)]
  const opType = p.of(['MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'LpPool'])
  if (opType.startsWith('Global')) return product(b, x, ones, opType)
  demand(space.every((size) => size >= 2))
  const stride = p.of([2, 1])
  const shape = space.map((size) => Math.floor((size - 2) / stride) + 1)
  const attributes = { kernel_shape: space.map(() => 2), strides: space.map(() => stride) }
  return product(b, x, [batch, channels, ...shape], opType, attributes)
}

const REDUCTIONS =
  `ReduceMean ReduceMean ReduceSum ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSumExp ReduceProd`.split(
    ' ',
  )

const reduction: Step = (b, x, p) => {
  demand(x.shape.length >= 2)
  const axis = 1 + p.below(x.shape.length - 1)
  const keep = p.oneIn(2) ? 0 : 1
  const shape = keep === 1 ? resized(x, axis, 1) : x.shape.filter((_, i) => i !== axis)
  const value = b.value(b.reduce(p.of(REDUCTIONS), x, [axis], keep), shape)
  // Normalised by it, half of the time: what is left of x shows in the result.
  if (keep === 1 && p.oneIn(2)) b.value(b.op('Sub', [x, value]), x.shape)
}

const selection: Step = (b, x, p) => {
  demand(x.shape.length >= 2)
  const axis = 1 + p.below(x.shape.length - 1)
  const size = x.shape[axis] ?? 0
  demand(size >= 2)
  // Values that are equal (behind a Relu, say) have no order that rounding would leave as it is.
  const apart = b.random(
    x.shape.map((dim, i) => (i === axis ? dim : 1)),
    1,
  )
  const ordered = b.same('Add', x, [apart])
  if (p.oneIn(2)) {
    const [values, indices] = b.node('TopK', [ordered.name, b.ints(2)], { axis }, 2) as [string, string]
    b.indices.push(indices)
    return b.value(values, resized(x, axis, 2))
  }
  const index = b.op(p.of(['ArgMax', 'ArgMin']), [ordered], { axis, keepdims: 0 })
  b.indices.push(index)
  if (!p.oneIn(2)) return undefined
  const rest = x.shape.filter((_, i) => i !== axis)
  return b.value(b.op('Gather', [b.random([size, 3], 1), index]), [...rest, 3])
}

const cumulated: Step = (b, x, p) => {
  const axis = b.constant([], [x.shape.length - 1 - p.below(2)], 'int64')
  product(b, x, x.shape, 'CumSum', { exclusive: p.below(2), reverse: p.below(2) }, [axis])
}

/** What the batch brings with it: its size, read from the value, in a Reshape. */
const shapeArithmetic: Step = (b, x) => {
  demand(x.shape.length >= 3)
  const [batch, ...rest] = x.shape as [number, ...number[]]
  const size = b.op('Gather', [b.op('Shape', [x]), b.constant([], [0], 'int64')])
  const target = b.op('Concat', [b.axes('Unsqueeze', size, [0], 13), b.ints(sizeOf(rest))], { axis: 0 })
  b.value(b.op('Reshape', [x, target]), [batch, sizeOf(rest)])
}

export const MOVEMENTS: Readonly<Record<string, Step>> = {
  flatten,
  transpose,
  shuffle,
  tokens,
  sequence,
  unsqueeze,
  squeeze,
  concat,
  split,
  slice,
  gather,
  expand,
  pad,
  resize,
  depthSpace,
  pool,
  reduction,
  selection,
  cumulated,
  shapeArithmetic,
}
