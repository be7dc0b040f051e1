import { type Dim, broadcast, isNumber } from '../graph/dims.js'
import { floatOf, intOf } from '../graph/attributes.js'
import { contract } from './attention.js'
import { facts, range, unknownDim } from './facts.js'
import { CannotScale, type Field, product, uniform, varies, withRank } from './field.js'
import { gemmGradient, matMulGradient } from './linear-gradient.js'
import { lift, lower, matrixOperand, type Operand, needsFloats, ownAxes, scalable, seen } from './operands.js'
import type { NodeContext, OperatorTable, ScaleContext, ShapeRule, Term } from './rule.js'

/** The product of a value x and a constant W, in the product's axes [...batch, row, column]. */
interface Layer {
  readonly x: Operand
  readonly weight: Operand
  readonly output: Operand
  readonly rank: number
  /** Where W's rows and columns stand in the product: the contracted axis, and the axis of the neurons. */
  readonly weightContracted: number
  readonly neuron: number
  /** A constant whose last axis goes with the neurons: the C of a Gemm. */
  readonly bias?: number
}

function sizesOf(context: ScaleContext, operand: Operand): Dim[] {
  const shape = context.shape(operand.input)
  return operand.axes.map((axis) => (axis === undefined ? 1 : (shape[axis] as Dim)))
}

/**
 * x' = s_x ⊙ x is undone by the constant W along the contracted axis, and W's neurons get scales of their own. W's batch axes
 * are like more neurons, x's other axes pass. Returns the output's field, in the product's axes.
 */
function absorb(context: ScaleContext, layer: Layer): Field {
  const { x, weight, output, rank, weightContracted, neuron } = layer
  needsFloats(context)
  const { opType } = context.node
  const sizes = sizesOf(context, weight)
  const batch = range(0, rank - 2).filter((place) => sizes[place] !== 1)
  // x has its contracted axis where W has its neurons, and its own rows (or columns) where W has the contracted axis.
  const contracted = neuron
  const free = weightContracted
  const needed = [weightContracted, ...batch]
  let field = context.isConstant(x.input) ? uniform(rank) : seen(context, context.field(x.input), x)
  if (
    field.ids.length > 1 &&
    !scalable(
      context,
      weight.input,
      ownAxes(
        weight,
        needed.filter((place) => varies(field, place === weightContracted ? contracted : place)),
      ),
    )
  )
    field = seen(
      context,
      context.requireUniform(x.input, 'all', `${opType} whose weight cannot be scaled per input`),
      x,
    )
  const passing = range(0, rank).filter((place) => place === free || (place < rank - 2 && !batch.includes(place)))
  if (varies(field, contracted) || batch.some((place) => varies(field, place))) {
    const moving = passing.filter((place) => varies(field, place))
    if (moving.length > 0)
      field = seen(
        context,
        context.requireUniform(x.input, ownAxes(x, moving), `${opType} over a scale that varies by row`),
        x,
      )
  }
  const passes = passing.some((place) => varies(field, place))

  const places = weight.axes[neuron] === undefined ? batch : [...batch, neuron]
  const vertexSizes = places.map((place) => sizes[place])
  let vertex = uniform(rank)
  if (places.length > 0 && vertexSizes.every(isNumber)) {
    const individually =
      scalable(context, weight.input, ownAxes(weight, places)) &&
      (layer.bias === undefined || scalable(context, layer.bias, [context.shape(layer.bias).length - 1]))
    vertex = lift(
      context.vertex(0, ownAxes(output, places), vertexSizes, individually ? undefined : { uniform: true }),
      output,
    )
    if (!individually) vertex = uniform(rank, vertex.ids[0])
  }
  const terms: Term[] = [{ field: lower(vertex, weight), power: 1 }]
  if (!passes) {
    const moved = swapLast(field)
    terms.push({ field: lower(moved, weight), power: -1 })
  }
  context.scaleConstant(weight.input, terms)
  return passes ? product(vertex, field, context.scales) : vertex
}

/** x's contracted axis stands where W's other axis is: exchange the last two. */
function swapLast(field: Field): Field {
  const rank = field.dims.length
  const dims = [...field.dims]
  dims[rank - 2] = field.dims[rank - 1] as number
  dims[rank - 1] = field.dims[rank - 2] as number
  if (dims[rank - 1] !== 1 && dims[rank - 2] !== 1)
    throw new CannotScale('the scale of a matrix varies along both axes')
  return { dims, ids: field.ids }
}

/** W on the right has its contracted axis in the rows and its neurons in the columns; on the left, the other way round. */
function layerOf(x: Operand, weight: Operand, output: Operand, side: 'left' | 'right'): Layer {
  const rank = output.axes.length
  return {
    x,
    weight,
    output,
    rank,
    weightContracted: side === 'right' ? rank - 2 : rank - 1,
    neuron: side === 'right' ? rank - 1 : rank - 2,
  }
}

function matMul(context: ScaleContext): void {
  const left = context.shape(0).length
  const right = context.shape(1).length
  const rank = Math.max(left, right, 2)
  const a = matrixOperand(0, left, rank, 'left')
  const b = matrixOperand(1, right, rank, 'right')
  const kept = range(0, rank).filter(
    (place) => !(place === rank - 2 && left === 1) && !(place === rank - 1 && right === 1),
  )
  const axes = range(0, rank).map((place) => (kept.includes(place) ? kept.indexOf(place) : undefined))
  const output: Operand = { input: 0, axes }
  const field = context.isConstant(1)
    ? absorb(context, layerOf(a, b, output, 'right'))
    : context.isConstant(0)
      ? absorb(context, layerOf(b, a, output, 'left'))
      : contract(context, a, b)
  context.output(0, lower(field, output))
}

function gemm(context: ScaleContext): void {
  const transposed = { input: 0, axes: [1, 0] }
  const straight = { input: 0, axes: [0, 1] }
  const a = { ...(intOf(context.node, 'transA', 0) ? transposed : straight), input: 0 }
  const b = { ...(intOf(context.node, 'transB', 0) ? transposed : straight), input: 1 }
  const bias = context.has(2) && context.isConstant(2) ? { bias: 2 } : {}
  const field = context.isConstant(1)
    ? absorb(context, { ...layerOf(a, b, straight, 'right'), ...bias })
    : context.isConstant(0)
      ? absorb(context, { ...layerOf(b, a, straight, 'left'), ...bias })
      : contract(context, a, b)
  if (context.has(2) && floatOf(context.node, 'beta', 1) !== 0) addend(context, field)
  context.output(0, field)
}

/** C of a Gemm carries the output's field; a constant is made as large as the field needs. */
function addend(context: ScaleContext, field: Field): void {
  const shape = context.shape(2)
  if (!context.isConstant(2)) {
    context.require(2, withRank(field, shape.length), 'the addend of a Gemm')
    return
  }
  const dims = broadcast(shape, field.dims)
  const term = field.ids.length === 1 ? uniform(shape.length, field.ids[0]) : undefined
  if (term !== undefined) context.scaleConstant(2, [{ field: term, power: 1 }])
  else if (dims.every(isNumber) && !varies(field, 0) && shape.length === 1)
    context.scaleConstant(2, [{ field: withRank(field, 1), power: 1 }], { dims: dims.slice(1) })
  else if (dims.every(isNumber)) context.scaleConstant(2, [{ field, power: 1 }], { dims })
  else throw new CannotScale('the addend of a Gemm has no known shape')
}

/** Whatever is known of its operands, a Gemm's result has two axes. */
const gemmShape: ShapeRule = (context) => {
  const { node } = context
  const a = context.input(0)
  const b = context.input(1)
  const rows = a.shape?.[intOf(node, 'transA', 0) ? 1 : 0] ?? unknownDim(node, 0, 0)
  const columns = b.shape?.[intOf(node, 'transB', 0) ? 0 : 1] ?? unknownDim(node, 0, 1)
  return [facts(a.dtype ?? b.dtype, [rows, columns])]
}

/** The shape of a product of matrices, vectors and stacks of them, as numpy.matmul has it; undefined where a rank is unknown. */
export function matMulShape(a: readonly Dim[] | undefined, b: readonly Dim[] | undefined): Dim[] | undefined {
  if (a === undefined || b === undefined || a.length === 0 || b.length === 0) return undefined
  return [...broadcast(a.slice(0, -2), b.slice(0, -2)), ...a.slice(-2, -1), ...(b.length === 1 ? [] : b.slice(-1))]
}

export const linear: OperatorTable = {
  Gemm: {
    summary: 'absorbs: B (or A) is scaled by τ_out/τ_in, C by τ_out; two activations: a contraction',
    shape: gemmShape,
    scale: gemm,
    gradient: gemmGradient,
  },
  MatMul: {
    summary:
      'absorbs in a constant on either side; two activations: a contraction, s_a·s_b constant along the contracted axis',
    shape: (context: NodeContext) => [
      facts(
        context.input(0).dtype ?? context.input(1).dtype,
        matMulShape(context.input(0).shape, context.input(1).shape),
      ),
    ],
    scale: matMul,
    gradient: matMulGradient,
  },
}
