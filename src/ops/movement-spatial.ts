import { floatOf, intOf, stringOf } from '../graph/attributes.js'
import { add, type Dim, divide, isNumber, multiply, same } from '../graph/dims.js'
import { CannotScale, concatenate, FIELD_LIMIT, type Field, select, varies, varyingAxes } from './field.js'
import { facts, range, unknownDim } from './facts.js'
import { paddingOf } from './padding.js'
import { unpadded } from './padding-gradient.js'
import { resizingOf } from './resizing.js'
import { resampled } from './resizing-gradient.js'
import type { GradientRule, NodeContext, OperatorTable, ScaleContext, ScaleRule, ShapeRule } from './rule.js'
import { floorOf } from './shape-arithmetic.js'

const padFacts: ShapeRule = (context) => {
  const { dtype, shape } = context.input(0)
  const padding = shape && paddingOf(context, shape.length)
  return [
    facts(
      dtype,
      shape?.map((dim, axis) => {
        const before = padding?.before[axis]
        const after = padding?.after[axis]
        return before === undefined || after === undefined
          ? unknownDim(context.node, 0, axis)
          : add(add(dim, before), after)
      }),
    ),
  ]
}

/** The value with which a Pad fills; undefined where it is not known. */
function fillOf(context: NodeContext): number | undefined {
  if (context.has(2)) return context.constant(2)?.[0]
  return floatOf(context.node, 'value', 0)
}

/** Where the elements along a padded axis come from, in a mode that repeats elements. */
function repeated(mode: string, size: number, before: number, after: number): number[] {
  return range(-before, size + after).map((i) => {
    if (mode === 'edge') return Math.min(size - 1, Math.max(0, i))
    if (mode === 'wrap') return ((i % size) + size) % size
    if (mode !== 'reflect') throw new CannotScale(`Pad in mode ${mode}`)
    const period = Math.max(1, 2 * (size - 1))
    const at = ((i % period) + period) % period
    return at < size ? at : period - at
  })
}

/** Zeros that are added may take any scale; they yield to what they meet. */
function withZeros(context: ScaleContext, field: Field, axis: number, before: number, after: number): Field {
  const size = field.dims[axis] as number
  const kept = select(field, axis, range(Math.max(0, -before), size + Math.min(0, after)))
  const zeros = (count: number): Field[] =>
    count > 0 ? [context.free(kept.dims.map((dim, i) => (i === axis ? count : dim)))] : []
  const parts = [...zeros(before), kept, ...zeros(after)]
  return concatenate(
    parts,
    axis,
    parts.map((part) => part.dims[axis] as number),
  )
}

const pad: ScaleRule = (context) => {
  const mode = stringOf(context.node, 'mode', 'constant')
  const shape = context.shape(0)
  const padding = paddingOf(context, shape.length)
  const isPadded = (axis: number): boolean =>
    padding === undefined || padding.before[axis] !== 0 || padding.after[axis] !== 0
  const fill = mode === 'constant' ? fillOf(context) : 0
  if (fill !== 0 && range(0, shape.length).some(isPadded)) {
    // An infinite bound, as before a MaxPool, is its own positive multiple.
    if (fill === undefined || Number.isFinite(fill)) {
      context.requireOne(0, 'Pad with a value other than 0')
      return
    }
    const field = context.requireUniform(0, range(0, shape.length).filter(isPadded), 'Pad of the scaled axis')
    context.undo(0, 'sign', 'Pad with infinity needs τ > 0')
    return context.output(0, field, 'sign')
  }
  const counts = (axis: number): readonly [number, number] | undefined => {
    const before = padding?.before[axis]
    const after = padding?.after[axis]
    return isNumber(before) && isNumber(after) ? [before, after] : undefined
  }
  const unknown = varyingAxes(context.field(0)).filter((axis) => counts(axis) === undefined)
  let field =
    unknown.length > 0
      ? context.requireUniform(0, unknown, 'Pad of the scaled axis by a number that is not known')
      : context.field(0)
  for (const axis of varyingAxes(field).filter(isPadded)) {
    const [before, after] = counts(axis) as readonly [number, number]
    if (Math.max(before, after) > FIELD_LIMIT) throw new CannotScale('Pad of the scaled axis beyond all measure')
    field =
      mode === 'constant'
        ? withZeros(context, field, axis, before, after)
        : select(field, axis, repeated(mode, field.dims[axis] as number, before, after))
  }
  context.output(0, field)
}

const resizeFacts: ShapeRule = (context) => {
  const { dtype, shape } = context.input(0)
  if (shape === undefined) return [facts(dtype)]
  const resizing = resizingOf(context, shape.length)
  return [
    facts(
      dtype,
      shape.map((dim, axis) => {
        const { factor, size } = resizing?.[axis] ?? {}
        if (size !== undefined) return size
        if (factor === undefined) return unknownDim(context.node, 0, axis)
        // Factors are float32, and the runtimes multiply in float32.
        if (isNumber(dim) && isNumber(factor)) return Math.floor(Math.fround(Math.fround(dim) * Math.fround(factor)))
        return floorOf(multiply(dim, factor))
      }),
    ),
  ]
}

const resize: ScaleRule = (context) => {
  const { node } = context
  const { opType } = node
  const shape = context.shape(0)
  const resizing = resizingOf(context, shape.length)
  const crops = stringOf(node, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize'
  if (crops && floatOf(node, 'extrapolation_value', 0) !== 0) {
    context.requireOne(0, `${opType} that extrapolates with a value other than 0`)
    return
  }
  const stays = (axis: number): boolean => {
    const { factor, size } = resizing?.[axis] ?? {}
    return !crops && (factor === 1 || (size !== undefined && same(size, shape[axis] as Dim)))
  }
  const mixed = varyingAxes(context.field(0)).filter((axis) => !stays(axis))
  context.output(0, context.requireUniform(0, mixed, `${opType} along the scaled axis`))
}

const depthToSpaceFacts: ShapeRule = (context) => {
  const { dtype, shape } = context.input(0)
  const block = intOf(context.node, 'blocksize', 1)
  if (shape?.length !== 4) return [facts(dtype)]
  const [n, c, h, w] = shape as readonly [Dim, Dim, Dim, Dim]
  const channels = divide(c, block * block) ?? unknownDim(context.node, 0, 1)
  return [facts(dtype, [n, channels, multiply(h, block), multiply(w, block)])]
}

function blockArea(context: NodeContext): number {
  const block = intOf(context.node, 'blocksize', 1)
  if (block < 1) throw new CannotScale(`${context.node.opType} in blocks of ${block}`)
  return block * block
}

/** The channels that become one output channel's pixels must carry one scale: what follows sees pixels, not their places. */
const depthToSpace: ScaleRule = (context) => {
  const area = blockArea(context)
  const reason = 'DepthToSpace joins channels of different scales'
  const field = context.requireUniform(0, [2, 3], reason)
  if (!varies(field, 1)) return context.output(0, field)
  const channels = (field.dims[1] as number) / area
  if (!Number.isInteger(channels)) throw new CannotScale('DepthToSpace of channels that are no multiple of its blocks')
  const byColumn = stringOf(context.node, 'mode', 'DCR') === 'CRD'
  const first = range(0, channels).map((c) => (byColumn ? c * area : c))
  const joined = range(0, channels * area).map((i) => first[byColumn ? Math.floor(i / area) : i % channels] as number)
  context.output(0, select(context.require(0, select(field, 1, joined), reason), 1, first))
}

const spaceToDepthFacts: ShapeRule = (context) => {
  const { dtype, shape } = context.input(0)
  const block = intOf(context.node, 'blocksize', 1)
  if (shape?.length !== 4) return [facts(dtype)]
  const [n, c, h, w] = shape as readonly [Dim, Dim, Dim, Dim]
  return [
    facts(dtype, [
      n,
      multiply(c, block * block),
      divide(h, block) ?? unknownDim(context.node, 0, 2),
      divide(w, block) ?? unknownDim(context.node, 0, 3),
    ]),
  ]
}

const spaceToDepth: ScaleRule = (context) => {
  const area = blockArea(context)
  const field = context.requireUniform(0, [2, 3], 'SpaceToDepth of scales that vary in space')
  const channels = field.dims[1] as number
  if (channels * area > FIELD_LIMIT) throw new CannotScale('SpaceToDepth to channels beyond all measure')
  context.output(
    0,
    select(
      field,
      1,
      range(0, channels * area).map((i) => i % channels),
    ),
  )
}

const gridSampleFacts: ShapeRule = (context) => {
  const { dtype, shape } = context.input(0)
  const grid = context.input(1).shape
  return [facts(dtype, shape && grid && [...shape.slice(0, 2), ...grid.slice(1, -1)])]
}

/** Linear in the image at every point of the grid, zeros outside. */
const gridSample: ScaleRule = (context) => {
  context.requireOne(1, 'the grid of a GridSample needs τ = 1')
  const axes = range(2, context.shape(0).length)
  context.output(0, context.requireUniform(0, axes, 'GridSample of scales that vary in space'))
}

/** SpaceToDepth undoes DepthToSpace's mode DCR, and but for the order of the channels mode CRD. */
const toDepth: GradientRule = ({ node, builder, x, dy, give }) => {
  const block = intOf(node, 'blocksize', 1)
  give(0, () => {
    const deep = dy.op('SpaceToDepth', [], { blocksize: block })
    if (stringOf(node, 'mode', 'DCR') === 'DCR') return deep
    const area = block * block
    // Sizes of 0 are taken over; the image's axes are joined, for only one size may be left open.
    const apart = deep.op('Reshape', [builder.ints([0, area, x(0).size(1) / area, -1])])
    return apart.transpose([0, 2, 1, 3]).reshapeLike(x(0))
  })
}

const toSpace: GradientRule = ({ node, dy, give }) =>
  give(0, () => dy.op('DepthToSpace', [], { blocksize: intOf(node, 'blocksize', 1) }))

export const movementSpatial: OperatorTable = {
  Pad: {
    shape: padFacts,
    scale: pad,
    gradient: unpadded,
    summary: 'movement: with 0 or repeated elements τ passes; any other value needs τ = 1',
  },
  Resize: {
    shape: resizeFacts,
    scale: resize,
    gradient: resampled,
    summary: 'linear: τ passes along the axes that keep their size',
  },
  Upsample: {
    shape: resizeFacts,
    scale: resize,
    gradient: resampled,
    summary: 'linear: τ passes along the axes that keep their size',
  },
  DepthToSpace: {
    shape: depthToSpaceFacts,
    scale: depthToSpace,
    gradient: toDepth,
    summary: 'movement: the channels that become one must carry one τ',
  },
  SpaceToDepth: {
    shape: spaceToDepthFacts,
    scale: spaceToDepth,
    gradient: toSpace,
    summary: 'movement: each element keeps its τ',
  },
  GridSample: { shape: gridSampleFacts, scale: gridSample, summary: 'linear: τ passes along the channels' },
}
