import { intOf } from '../graph/attributes.js'
import type { Node } from '../graph/model.js'
import type { Value } from '../graph/value.js'
import { facts, range } from './facts.js'
import type { ExpansionContext, InternalOperator } from './internal.js'
import { product } from './internal-product.js'
import type { GradientRule, ShapeRule } from './rule.js'

/** A window that slides along one axis: attributes of MaxAlong. */
interface Along {
  readonly axis: number
  readonly kernel: number
  readonly stride: number
  readonly padBegin: number
  readonly outSize: number
}

function alongOf(node: Node): Along {
  return {
    axis: intOf(node, 'axis', 0),
    kernel: intOf(node, 'kernel', 1),
    stride: intOf(node, 'stride', 1),
    padBegin: intOf(node, 'pad_begin', 0),
    outSize: intOf(node, 'out_size', 1),
  }
}

/**
 * The greatest of each window along one axis. Maxima over columns and then over rows are those of the whole window, and the first of
 * equal ones, row by row, is the first row's first: what PyTorch's max_pool2d gives the gradient to.
 */
export function maxAlong1d(value: Value, along: Along): Value {
  const { axis, kernel, stride, padBegin, outSize } = along
  return value.builder.op(
    'MaxAlong',
    [value],
    { axis, kernel, stride, pad_begin: padBegin, out_size: outSize },
    'teleport',
  )
}

const shape: ShapeRule = (context) => {
  const { dtype, shape: dims } = context.input(0)
  const { axis, outSize } = alongOf(context.node)
  return [facts(dtype, dims?.with(axis, outSize))]
}

/** Where a tap's elements are. Outside the axis stands the element of the same window that is nearest: it changes no maximum. */
function placesOf({ kernel, stride, padBegin, outSize }: Along, size: number): number[][] {
  return range(0, kernel).map((tap) =>
    range(0, outSize).map((output) => Math.min(Math.max(output * stride + tap - padBegin, 0), size - 1)),
  )
}

function tapsOf(x: Value, along: Along): Value[] {
  return placesOf(along, x.size(along.axis)).map((places) => x.gather(x.builder.ints(places), along.axis))
}

/** The first that equals the maximum takes the gradient, and what is left goes on to the next: 0 or all of it, so nothing is rounded. */
const gradient: GradientRule = ({ node, builder, x, y, dy, give }) => {
  give(0, () => {
    const along = alongOf(node)
    const { axis, kernel, outSize } = along
    const size = x(0).size(axis)
    const taps = tapsOf(x(0), along)
    let left = dy
    const parts = taps.map((tap, i) => {
      if (i === kernel - 1) return left
      const part = left.mul(tap.equal(y(0)).castLike(dy))
      left = left.sub(part)
      return part
    })
    if (kernel === 1) return parts[0] as Value
    const sizes = x(0).sizes()
    const disjoint = along.stride === kernel && along.padBegin === 0 && outSize * kernel === size
    if (disjoint) {
      const apart = sizes.toSpliced(axis, 1, outSize, 1)
      return builder
        .op(
          'Concat',
          parts.map((part) => part.reshape(apart)),
          { axis: axis + 1 },
        )
        .reshape(sizes)
    }
    // Elements of several windows get the sum: a product with the matrix that says which tap is which element.
    const places = placesOf(along, size)
    const back = new Float64Array(size * kernel * outSize)
    places.forEach((outputs, tap) =>
      outputs.forEach((place, output) => (back[(place * kernel + tap) * outSize + output] = 1)),
    )
    const matrix = builder.constant(dy.dtype ?? 'float32', [size, kernel * outSize], back)
    const all = builder.op('Concat', parts, { axis })
    const before = sizes.slice(0, axis).reduce((count, dim) => count * dim, 1)
    return product(matrix, all.reshape([...(before === 1 ? [] : [before]), kernel * outSize, -1])).reshape(sizes)
  })
}

function expand({ node, builder, x }: ExpansionContext): readonly Value[] {
  const taps = tapsOf(x(0), alongOf(node))
  return [taps.length === 1 ? (taps[0] as Value) : builder.op('Max', taps)]
}

export const maxAlong: InternalOperator = {
  shape,
  scale: { pinned: 'an internal operator' },
  gradient,
  expand,
  summary: 'maximum over windows along one axis',
}
