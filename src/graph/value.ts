import type { AttributeValues, GraphBuilder, Known } from './builder.js'
import { type Dim, isNumber, same, sameShape } from './dims.js'
import { DTYPES, type DType } from './dtype.js'
import { ModelError } from './model.js'
import { sizeOf } from './tensor.js'
import { quoted } from './text.js'

/** A number stands for a scalar constant of the other operand's type. */
export type Operand = Value | number

/**
 * A value of a graph that is being built. Its methods emit nodes, so that a formula reads as one: `dy.mul(y).mul(one.sub(y))`.
 * Elementwise methods broadcast as numpy does.
 */
export class Value {
  readonly builder: GraphBuilder
  readonly name: string
  /** Absent where it is not known. */
  readonly dtype: DType | undefined
  /** Absent where the rank is not known. */
  readonly shape: readonly Dim[] | undefined

  constructor(builder: GraphBuilder, name: string, { dtype, shape }: Known) {
    this.builder = builder
    this.name = name
    this.dtype = dtype
    this.shape = shape
  }

  /** @throws ModelError where the rank is not known */
  get dims(): readonly Dim[] {
    if (this.shape === undefined)
      throw new ModelError(
        `value ${quoted(this.name)}: its rank is not known, and a gradient depends on it; run shape inference on the model first (onnx.shape_inference)`,
      )
    return this.shape
  }

  get rank(): number {
    return this.dims.length
  }

  /** The size along an axis (negative: from the end). @throws ModelError where it is not a number */
  size(axis: number): number {
    const dim = this.dims.at(axis)
    if (!isNumber(dim))
      throw new ModelError(
        `value ${quoted(this.name)}: its size along axis ${axis} is not known; give the model's inputs fixed sizes (bindDims)`,
      )
    return dim
  }

  /** All sizes. @throws ModelError where one is not a number */
  sizes(): number[] {
    return this.dims.map((_, axis) => this.size(axis))
  }

  op(opType: string, others: readonly (Operand | undefined)[] = [], attributes: AttributeValues = {}): Value {
    const inputs = others.map((other) => (typeof other === 'number' ? this.constant(other) : other))
    return this.builder.op(opType, [this, ...inputs], attributes)
  }

  /** A scalar constant of this value's type. */
  constant(value: number): Value {
    return this.builder.constant(this.dtype ?? 'float32', [], [value])
  }

  add(other: Operand): Value {
    return other === 0 ? this : this.op('Add', [other])
  }
  sub(other: Operand): Value {
    return other === 0 ? this : this.op('Sub', [other])
  }
  mul(other: Operand): Value {
    if (other === 1) return this
    return other === -1 ? this.neg() : this.op('Mul', [other])
  }
  div(other: Operand): Value {
    return other === 1 ? this : this.op('Div', [other])
  }
  /** other − this */
  subtractedFrom(other: number): Value {
    return this.constant(other).sub(this)
  }
  /** other ÷ this */
  dividing(other: number): Value {
    return this.constant(other).div(this)
  }
  pow(exponent: Operand): Value {
    return this.op('Pow', [exponent])
  }
  max(other: Operand): Value {
    return this.op('Max', [other])
  }
  min(other: Operand): Value {
    return this.op('Min', [other])
  }

  neg(): Value {
    return this.op('Neg')
  }
  abs(): Value {
    return this.op('Abs')
  }
  sign(): Value {
    return this.op('Sign')
  }
  exp(): Value {
    return this.op('Exp')
  }
  log(): Value {
    return this.op('Log')
  }
  sqrt(): Value {
    return this.op('Sqrt')
  }
  reciprocal(): Value {
    return this.op('Reciprocal')
  }
  square(): Value {
    return this.mul(this)
  }

  /* Comparisons give bool; `where` and `cast` use it. */
  greater(other: Operand): Value {
    return this.op('Greater', [other])
  }
  greaterOrEqual(other: Operand): Value {
    return this.op('GreaterOrEqual', [other])
  }
  less(other: Operand): Value {
    return this.op('Less', [other])
  }
  lessOrEqual(other: Operand): Value {
    return this.op('LessOrEqual', [other])
  }
  equal(other: Operand): Value {
    return this.op('Equal', [other])
  }
  and(other: Value): Value {
    return this.op('And', [other])
  }
  or(other: Value): Value {
    return this.op('Or', [other])
  }
  not(): Value {
    return this.op('Not')
  }
  /** This (bool) ? yes : no. At least one of the two is a Value. */
  where(yes: Operand, no: Operand): Value {
    const like = typeof yes === 'number' ? (no as Value) : yes
    const value = (operand: Operand) => (typeof operand === 'number' ? like.constant(operand) : operand)
    return this.builder.op('Where', [this, value(yes), value(no)])
  }
  cast(dtype: DType): Value {
    return this.dtype === dtype ? this : this.op('Cast', [], { to: DTYPES.indexOf(dtype) + 1 })
  }
  /** In the type of another value. */
  castLike(other: Value): Value {
    return other.dtype === undefined ? this.op('CastLike', [other]) : this.cast(other.dtype)
  }

  matmul(other: Value): Value {
    return this.op('MatMul', [other])
  }
  /** Axes permuted; default: the last two exchanged. */
  transpose(permutation?: readonly number[]): Value {
    const { rank } = this
    const axes = permutation ?? [...Array(rank - 2).keys(), rank - 1, rank - 2]
    return axes.every((axis, i) => axis === i) ? this : this.op('Transpose', [], { perm: axes })
  }

  /** Sum over axes (default all; none given: unchanged), which stay with size 1 unless `keepdims` is false. */
  sum(axes?: readonly number[], keepdims = true): Value {
    return this.#reduce('ReduceSum', axes, keepdims)
  }
  mean(axes?: readonly number[], keepdims = true): Value {
    return this.#reduce('ReduceMean', axes, keepdims)
  }
  maximum(axes?: readonly number[], keepdims = true): Value {
    return this.#reduce('ReduceMax', axes, keepdims)
  }

  #reduce(opType: string, axes: readonly number[] | undefined, keepdims: boolean): Value {
    if (axes?.length === 0) return this
    return this.op(opType, [axes && this.builder.ints(axes)], { keepdims: keepdims ? 1 : 0 })
  }

  /**
   * 1 ÷ the number of elements along these axes (default all): what a mean multiplies its sum by. In this value's type, in which the
   * number itself might be none: halves end at 65,504.
   */
  share(axes?: readonly number[]): Operand {
    const dims = axes === undefined ? this.dims : axes.map((axis) => this.dims.at(axis) as Dim)
    if (dims.every(isNumber)) return 1 / sizeOf(dims)
    const { builder } = this
    const sizes = builder.op('Shape', [this])
    const chosen =
      axes === undefined ? sizes : sizes.gather(builder.ints(axes.map((axis) => (axis + this.rank) % this.rank)), 0)
    const count = chosen.op('ReduceProd', [], { keepdims: 0 })
    return count
      .cast(this.dtype === 'float64' ? 'float64' : 'float32')
      .reciprocal()
      .castLike(this)
  }

  unsqueeze(axes: readonly number[]): Value {
    return axes.length === 0 ? this : this.op('Unsqueeze', [this.builder.ints(axes)])
  }
  squeeze(axes: readonly number[]): Value {
    return axes.length === 0 ? this : this.op('Squeeze', [this.builder.ints(axes)])
  }
  /** Sizes as `Reshape` takes them (−1: what is left; a 0 is a size of 0), or a value that holds them. */
  reshape(shape: readonly number[] | Value): Value {
    if (shape instanceof Value) return this.op('Reshape', [shape], { allowzero: 1 })
    if (sameShape(this.shape, shape)) return this
    return this.op('Reshape', [this.builder.ints(shape)], shape.includes(0) ? { allowzero: 1 } : {})
  }
  /** In the shape of another value with as many elements. */
  reshapeLike(other: Value): Value {
    const { shape } = other
    if (shape === undefined) return this.reshape(this.builder.shapeOf(other))
    if (sameShape(this.shape, shape)) return this
    const unknown = shape.filter((dim) => !isNumber(dim)).length
    if (unknown > 1 || shape.includes(0)) return this.reshape(this.builder.shapeOf(other))
    return this.reshape(shape.map((dim) => (isNumber(dim) ? dim : -1)))
  }
  /**
   * This value, of which the caller knows that it has the shape of another: sizes that are only names then have the same names.
   * (A Reshape that moves nothing, where shape inference had not found out.)
   */
  shapedLike(other: Value): Value {
    return sameShape(this.shape, other.shape) ? this : this.reshape(this.builder.shapeOf(other))
  }
  /** Broadcast to these sizes, given as numbers or as a value that holds them. */
  expand(shape: readonly number[] | Value): Value {
    if (shape instanceof Value) return this.op('Expand', [shape])
    if (sameShape(this.shape, shape)) return this
    return this.op('Expand', [this.builder.ints(shape)])
  }
  expandLike(other: Value): Value {
    return sameShape(this.shape, other.shape) ? this : this.expand(this.builder.shapeOf(other))
  }
  /** Zeros of this value's shape and type. */
  zeros(): Value {
    return this.constant(0).expandLike(this)
  }

  slice(axis: number, start: number, end: number, step = 1): Value {
    const { builder } = this
    return this.op('Slice', [builder.ints([start]), builder.ints([end]), builder.ints([axis]), builder.ints([step])])
  }
  /** Zeros before and after each axis; a negative number takes elements away. Lists are as long as the rank. */
  pad(before: readonly number[], after: readonly number[]): Value {
    const pads = [...before, ...after]
    return pads.every((count) => count === 0) ? this : this.op('Pad', [this.builder.ints(pads)])
  }
  gather(indices: Value, axis: number): Value {
    return this.op('Gather', [indices], { axis })
  }

  /**
   * The sum over the axes along which `target` was broadcast to this value's shape: what a gradient needs to have its value's own
   * shape. @throws ModelError where sizes that are only names leave open whether there was broadcasting
   */
  sumTo(target: Value): Value {
    const own = this.dims
    const wanted = target.dims
    const added = own.length - wanted.length
    const axes: number[] = []
    let taken = false
    own.forEach((dim, axis) => {
      const to = axis < added ? undefined : (wanted[axis - added] as Dim)
      if (to === undefined || (to === 1 && dim !== 1)) axes.push(axis)
      else if (same(to, dim) || (isNumber(to) && to !== 1)) return
      else if (isUnderived(to, dim)) taken = true
      else
        throw new ModelError(
          `value ${quoted(target.name)}: whether its axis ${axis - added} is broadcast cannot be told from the sizes' names; give the model's inputs fixed sizes (bindDims)`,
        )
    })
    const summed = this.sum(axes, true)
    const result = added === 0 ? summed : summed.squeeze([...Array(added).keys()])
    // Should there have been broadcasting after all, the Reshape fails: a wrong gradient does not come about.
    return taken ? result.shapedLike(target) : result
  }
}

/** Of two sizes that are only names, one is that of an output whose rule could not tell (`?y.0`): it is taken to be the other. */
function isUnderived(a: Dim, b: Dim): boolean {
  const underived = (dim: Dim) => !isNumber(dim) && dim.symbols.some((name) => name.startsWith('?'))
  return !isNumber(a) && !isNumber(b) && (underived(a) || underived(b))
}
