import { floatOf, intOf, intsOf, stringOf } from '../../../src/graph/attributes.js'
import type { Node } from '../../../src/graph/model.js'
import { sizeOf } from '../../../src/graph/tensor.js'
import type { Numbers, Reference } from './evaluate.js'

/** One axis: its old and its new size, the factor between them and, of a crop, where it starts and ends. */
interface Axis {
  readonly from: number
  readonly to: number
  readonly scale: number
  readonly start: number
  readonly end: number
}

/** Where element `o` of the result lies in the input, by coordinate_transformation_mode. */
function coordinate(mode: string, o: number, { from, to, scale, start, end }: Axis): number {
  const half = (o + 0.5) / scale - 0.5
  switch (mode) {
    case 'half_pixel':
      return half
    case 'half_pixel_symmetric':
      return (from / 2) * (1 - to / (scale * from)) + half
    case 'pytorch_half_pixel':
      return to > 1 ? half : 0
    case 'align_corners':
      return to > 1 ? (o * (from - 1)) / (to - 1) : 0
    case 'asymmetric':
      return o / scale
    case 'tf_half_pixel_for_nn':
      return (o + 0.5) / scale
    case 'tf_crop_and_resize':
      return to > 1
        ? start * (from - 1) + (o * (end - start) * (from - 1)) / (to - 1)
        : 0.5 * (start + end) * (from - 1)
  }
  throw new Error(`no coordinates ${mode}`)
}

const NEAREST: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
}

/** What each neighbour counts, by mode. */
function neighbours(node: Node, x: number, size: number): { at: number; weight: number }[] {
  const mode = stringOf(node, 'mode', 'nearest')
  if (mode === 'nearest') {
    const round = NEAREST[stringOf(node, 'nearest_mode', 'round_prefer_floor')] as (x: number) => number
    return [{ at: round(x), weight: 1 }]
  }
  const below = Math.floor(x)
  const t = x - below
  if (mode === 'linear')
    return [
      { at: below, weight: 1 - t },
      { at: below + 1, weight: t },
    ]
  // Keys' cubic convolution.
  const a = floatOf(node, 'cubic_coeff_a', -0.75)
  const near = (d: number) => ((a + 2) * d - (a + 3)) * d * d + 1
  const far = (d: number) => ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
  const four = [far(t + 1), near(t), near(1 - t), far(2 - t)].map((weight, i) => ({ at: below - 1 + i, weight }))
  if (intOf(node, 'exclude_outside', 0) === 0) return four
  const inside = four.filter(({ at }) => at >= 0 && at < size)
  const sum = inside.reduce((total, { weight }) => total + weight, 0)
  return inside.map(({ at, weight }) => ({ at, weight: weight / sum }))
}

/** The matrix [new size][size] of one axis; a row is undefined where the value for outside stands. */
function matrixOf(node: Node, axis: Axis): (Float64Array | undefined)[] {
  const mode = stringOf(node, 'coordinate_transformation_mode', 'half_pixel')
  return Array.from({ length: axis.to }, (_, o) => {
    const x = coordinate(mode, o, axis)
    if (mode === 'tf_crop_and_resize' && (x < 0 || x > axis.from - 1)) return undefined
    const row = new Float64Array(axis.from)
    for (const { at, weight } of neighbours(node, x, axis.from)) {
      const inside = Math.min(axis.from - 1, Math.max(0, at))
      row[inside] = (row[inside] as number) + weight
    }
    return row
  })
}

/** Resize of opset 18 as its definition says, without antialias and policies for aspect ratios. */
export const resize: Reference = ([given, roi, scales, sizes], node) => {
  const x = given as Numbers
  const { rank } = { rank: x.dims.length }
  const axes = (intsOf(node, 'axes') ?? [...x.dims.keys()]).map((axis) => (axis + rank) % rank)
  const outside = floatOf(node, 'extrapolation_value', 0)
  return [
    axes.reduce<Numbers>((value, axis, i) => {
      const from = x.dims[axis] as number
      const size = sizes?.data[i]
      const scale = size === undefined ? (scales?.data[i] as number) : size / from
      const to = size ?? Math.floor(from * scale)
      const start = roi?.data[i] ?? 0
      const end = roi?.data[i + axes.length] ?? 1
      return applied(value, axis, matrixOf(node, { from, to, scale, start, end }), outside)
    }, x),
  ]
}

function applied(
  value: Numbers,
  axis: number,
  matrix: readonly (Float64Array | undefined)[],
  outside: number,
): Numbers {
  const from = value.dims[axis] as number
  const inner = sizeOf(value.dims.slice(axis + 1))
  const dims = value.dims.map((dim, i) => (i === axis ? matrix.length : dim))
  const data = Float64Array.from({ length: sizeOf(dims) }, (_, k) => {
    const row = matrix[Math.floor(k / inner) % matrix.length]
    const start = Math.floor(k / (inner * matrix.length)) * from * inner + (k % inner)
    return row?.reduce((sum, weight, i) => sum + weight * (value.data[start + i * inner] as number), 0) ?? outside
  })
  return { dims, data }
}
