import { sizeOf, tensorOf } from '../../src/graph/tensor.js'
import { type GraphBuilder, Inapplicable, type Picks } from './graph-builder.js'

/**
 * The name of a weight of these dims, drawn with deviation 1/√`fan`, in one of the forms in which exporters leave weights: an
 * initializer, a Constant node, behind Identity, Transpose, Cast, Reshape or DequantizeLinear, a product, or one that another
 * layer uses too.
 */
export function weight(b: GraphBuilder, p: Picks, dims: readonly number[], fan = 1, center = 0): string {
  const form = p.of(FORMS)
  const spread = 1 / Math.sqrt(fan)
  return form(b, p, dims, spread, center)
}

type Form = (b: GraphBuilder, p: Picks, dims: readonly number[], spread: number, center: number) => string

const plain: Form = (b, _, dims, spread, center) => b.random(dims, spread, center)

const shared: Form = (b, p, dims, spread, center) => {
  const alike = [...b.initializers.values()].filter(
    (tensor) =>
      tensor.dtype === b.options.dtype &&
      tensor.dims.length === dims.length &&
      tensor.dims.every((dim, axis) => dim === dims[axis]),
  )
  return alike.length === 0 || center !== 0 ? plain(b, p, dims, spread, center) : p.of(alike).name
}

const constantNode: Form = (b, _, dims, spread, center) => {
  const value = tensorOf('', b.options.dtype, dims, b.drawn(sizeOf(dims), spread, center))
  return b.op('Constant', [], { value: { type: 'tensor', value } })
}

const identity: Form = (b, p, dims, spread, center) => b.op('Identity', [plain(b, p, dims, spread, center)])

const transposed: Form = (b, p, dims, spread, center) => {
  const rank = dims.length
  // A rotation: unlike a reversal it is not its own inverse.
  const perm = dims.map((_, axis) => (axis + 1) % rank)
  const own = dims.map((_, axis) => dims[(axis + rank - 1) % rank] as number)
  return b.op('Transpose', [plain(b, p, own, spread, center)], p.oneIn(2) && rank === 2 ? {} : { perm })
}

const flat: Form = (b, p, dims, spread, center) =>
  b.reshape(plain(b, p, [sizeOf(dims)], spread, center), p.oneIn(2) ? [-1, ...dims.slice(1)] : dims)

/** In half precision, as multiples of 1/64 that it has exactly. */
const cast: Form = (b, _, dims, spread, center) => {
  const values = b.drawn(sizeOf(dims), spread, center).map((value) => Math.round(value * 64) / 64)
  const [stored, to] = b.options.dtype === 'float64' ? (['float32', 11] as const) : (['float16', 1] as const)
  b.stored = stored
  return b.op('Cast', [b.constant(dims, values, stored)], { to })
}

const dequantised: Form = (b, p, dims, spread, center) => {
  if (center !== 0 || dims.length === 0) return plain(b, p, dims, spread, center)
  const axis = b.options.opset >= 13 && p.oneIn(2) ? p.below(dims.length) : undefined
  const size = axis === undefined ? 1 : (dims[axis] as number)
  const steps = b.drawn(sizeOf(dims), 40).map((value) => Math.max(-127, Math.min(127, Math.round(value))))
  const scales = b.drawn(size, 0.1, 1).map((value) => (Math.abs(value) * spread) / 40)
  const inputs = [
    b.constant(dims, steps, 'int8'),
    b.constant(axis === undefined ? [] : [size], scales),
    b.constant(axis === undefined ? [] : [size], new Array<number>(size).fill(0), 'int8'),
  ]
  return b.op('DequantizeLinear', inputs, axis === undefined ? {} : { axis })
}

/** Weight normalisation: direction times length. */
const product: Form = (b, p, dims, spread, center) => {
  if (dims.length < 2) return plain(b, p, dims, spread, center)
  const lengths = b.random(
    dims.map((dim, axis) => (axis === 0 ? dim : 1)),
    0.2,
    1,
  )
  const direction = plain(b, p, dims, spread, center)
  if (p.oneIn(3)) return b.op('Div', [direction, lengths])
  return b.op('Mul', p.oneIn(2) ? [lengths, direction] : [direction, lengths])
}

const twice: Form = (b, p, dims, spread, center) => {
  const name = FORMS[1 + p.below(FORMS.length - 2)]?.(b, p, dims, spread, center)
  if (name === undefined) throw new Inapplicable()
  return b.op('Identity', [name])
}

const FORMS: readonly Form[] = [
  ...new Array<Form>(8).fill(plain),
  shared,
  shared,
  constantNode,
  identity,
  transposed,
  flat,
  cast,
  dequantised,
  product,
  twice,
]
