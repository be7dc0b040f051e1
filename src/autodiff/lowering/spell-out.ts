import { describe, intOf } from '../../graph/attributes.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { isNumber } from '../../graph/dims.js'
import { type Model, ModelError, type Node } from '../../graph/model.js'
import { withDirectOutputs } from '../../graph/direct-outputs.js'
import { pruned } from '../../graph/prune.js'
import { numbersOf, sizeOf } from '../../graph/tensor.js'
import type { Value } from '../../graph/value.js'
import { columnSum } from '../../ops/column-sum.js'
import { INTERNAL, INTERNAL_DOMAIN } from '../../ops/internal.js'
import { LateTransforms } from './late-transforms.js'
import { prefixFor } from './prefix.js'
import { isRewritable, opsetsOf } from './rewritable.js'
import { modelOfBuilder, newBuilder } from '../../shapes/build.js'

/**
 * The model with its internal operators spelt out in ONNX Runtime's, what is computed twice computed once, and what nobody reads left
 * out. Names of inputs, outputs and initializers stay. A graph for ONNX Runtime on the CPU: it has operators of com.microsoft.
 */
export function spellOut(model: Model): Model {
  if (!isRewritable(model)) return model
  const { graph } = model
  const speller = new Speller(newBuilder(prefixFor(model, 'lowered')))
  for (const { name, dtype, shape = [] } of graph.inputs)
    if (!graph.initializers.has(name) && dtype !== undefined)
      speller.set(name, speller.builder.input(name, dtype, shape as number[]))
  for (const [name, tensor] of graph.initializers) speller.set(name, speller.builder.initializer(tensor))
  for (const node of graph.nodes) speller.node(node)
  return speller.finish(model)
}

/** Elementwise operators whose operand may be given smaller. */
const BROADCASTING = new Set(['Add', 'Sub', 'Mul'])
/** Rows from which a product with ones is faster than ReduceSum. */
const MANY_ROWS = 64

class Speller {
  readonly builder: GraphBuilder
  /** By the names of the model that is rewritten. */
  readonly #values = new Map<string, Value>()
  /** What a value was reshaped from, and what it was expanded from, by the names of the new graph. */
  readonly #reshapedFrom = new Map<string, Value>()
  readonly #expandedFrom = new Map<string, { readonly small: Value; readonly sizes: readonly number[] }>()

  readonly #transforms: LateTransforms
  /** Outputs of Relu, and where they are above 0. */
  readonly #rectified = new Set<string>()
  readonly #active = new Set<string>()

  constructor(builder: GraphBuilder) {
    this.builder = builder
    this.#transforms = new LateTransforms(builder, (value) => this.#origin(value))
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value)
  }

  node(node: Node): void {
    const outputs = this.#rewritten(node) ?? this.#copied(node)
    this.#note(node, outputs[0])
    node.outputs.forEach((name, i) => name !== '' && this.set(name, outputs[i] as Value))
  }

  #x(node: Node, input: number): Value {
    const value = this.#values.get(node.inputs[input] ?? '')
    if (value === undefined) throw new ModelError(`${describe(node)}: input ${input} is missing; the operator needs it`)
    return value
  }

  #copied(node: Node): readonly Value[] {
    const inputs = node.inputs.map((name) => this.#values.get(name))
    return this.builder.ops(node.opType, inputs, Object.fromEntries(node.attributes), node.outputs.length, node.domain)
  }

  /** What stands for a node; undefined where it is as good as it gets. */
  #rewritten(node: Node): readonly Value[] | undefined {
    const { builder } = this
    const x = (input: number) => this.#x(node, input)
    if (node.domain === INTERNAL_DOMAIN)
      return INTERNAL.get(node.opType)?.expand({ node, builder, x: (input) => this.#late(node, input) })
    if (node.domain !== '') return undefined
    if (BROADCASTING.has(node.opType)) return this.#broadcast(node)
    switch (node.opType) {
      case 'Identity':
        return [x(0)]
      case 'Reshape':
        return this.#reshaped(node)
      case 'Expand':
        return this.#expanded(node)
      case 'Gather':
        return this.#firstOfExpanded(node)
      case 'ReduceSum':
        return this.#leadingSum(node)
      case 'Where':
        return this.#masked(node)
      default:
        return undefined
    }
  }

  /** What later nodes want to know of this one. */
  #note(node: Node, output: Value | undefined): void {
    if (output === undefined) return
    const { opType, domain } = node
    if (domain === INTERNAL_DOMAIN && opType === 'MatrixProduct' && intOf(node, 'transA', 0) === 0)
      this.#transforms.note(output, this.#x(node, 0), this.#x(node, 1), intOf(node, 'transB', 0) === 1)
    if (domain !== '') return
    if (opType === 'Relu') this.#rectified.add(output.name)
    if (opType === 'Greater' && this.#rectified.has(this.#x(node, 0).name) && this.#isZero(this.#x(node, 1)))
      this.#active.add(output.name)
  }

  /** An input of an internal operator; a transformed tensor that was needed long ago is computed again. */
  #late(node: Node, input: number): Value {
    const value = this.#x(node, input)
    if (node.opType !== 'MatrixProduct' || input !== 1) return value
    return this.#transforms.again(value, this.#x(node, 0)) ?? value
  }

  /** The gradient of a Relu: a product with the mask takes half of Where's time, and is the same for all that is finite. */
  #masked(node: Node): readonly Value[] | undefined {
    const [mask, dy, zero] = [0, 1, 2].map((input) => this.#x(node, input)) as [Value, Value, Value]
    if (!this.#active.has(mask.name) || !this.#isZero(zero) || dy.dtype !== 'float32') return undefined
    return [dy.mul(mask.cast('float32'))]
  }

  #isZero({ name }: Value): boolean {
    const tensor = this.builder.initializers.get(name)
    return tensor !== undefined && tensor.dims.length === 0 && numbersOf(tensor)[0] === 0
  }

  /** A reshape of a reshape is one of what that was reshaped from. */
  #reshaped(node: Node): readonly Value[] | undefined {
    const from = this.#x(node, 0)
    const output = this.#copied(node)[0] as Value
    if (output.shape?.every(isNumber) !== true) return [output]
    const sizes = output.sizes()
    const value = this.#reshapedOnce(from, sizes)
    const expanded = this.#expandedFrom.get(from.name)
    if (expanded !== undefined) this.#expandedFrom.set(value.name, expanded)
    return [value]
  }

  #expanded(node: Node): readonly Value[] | undefined {
    const output = this.#copied(node)[0] as Value
    const small = this.#x(node, 0)
    if (output.shape?.every(isNumber) === true && small.shape?.every(isNumber) === true)
      this.#expandedFrom.set(output.name, { small, sizes: output.sizes() })
    return [output]
  }

  #broadcast(node: Node): readonly Value[] | undefined {
    for (const side of [0, 1]) {
      const other = this.#x(node, 1 - side)
      const whole = this.#x(node, side)
      const result = this.#withNumber(node, whole, other, side) ?? this.#withExpanded(node, whole, other, side)
      if (result !== undefined) return [result]
    }
    return undefined
  }

  /** A number and a tensor whose last sizes are 1, a kernel of 1×1: as a list ONNX Runtime goes through it twenty times as fast. */
  #withNumber(node: Node, number: Value, tensor: Value, side: number): Value | undefined {
    if (number.shape?.length !== 0 || tensor.shape?.every(isNumber) !== true) return undefined
    const sizes = tensor.sizes()
    if (sizes.length < 2 || sizes.at(-1) !== 1) return undefined
    const list = this.#reshapedOnce(tensor, [sizeOf(sizes)])
    const result = side === 0 ? number.op(node.opType, [list]) : list.op(node.opType, [number])
    return this.#reshapedOnce(result, sizes)
  }

  /** An operand that was expanded, and then perhaps reshaped, is taken as it was before. */
  #withExpanded(node: Node, whole: Value, other: Value, side: number): Value | undefined {
    const expanded = this.#expandedFrom.get(whole.name)
    if (expanded === undefined || other.shape?.every(isNumber) !== true || whole.shape?.every(isNumber) !== true)
      return undefined
    const sizes = other.sizes()
    if (sizes.length !== whole.rank || sizes.some((size, axis) => size !== whole.size(axis))) return undefined
    const { small } = expanded
    const alike = this.#reshapedOnce(other, expanded.sizes)
    const result = side === 0 ? small.op(node.opType, [alike]) : alike.op(node.opType, [small])
    return this.#reshapedOnce(result, sizes)
  }

  /** The first element of what was expanded is that of what it was before. */
  #firstOfExpanded(node: Node): readonly Value[] | undefined {
    const x = this.#x(node, 0)
    const expanded = this.#expandedFrom.get(x.name)
    const index = this.builder.initializers.get(this.#x(node, 1).name)
    if (expanded === undefined || x.rank !== 1 || index === undefined) return undefined
    if (sizeOf(index.dims) !== 1 || numbersOf(index)[0] !== 0) return undefined
    return [this.#reshapedOnce(expanded.small, [sizeOf(expanded.small.sizes())]).gather(this.#x(node, 1), 0)]
  }

  #origin(value: Value): Value {
    return this.#reshapedFrom.get(value.name) ?? value
  }

  #reshapedOnce(value: Value, sizes: readonly number[]): Value {
    const origin = this.#origin(value)
    const reshaped = origin.reshape(sizes)
    if (reshaped !== origin) this.#reshapedFrom.set(reshaped.name, origin)
    return reshaped
  }

  /** A sum over all axes but the last: the gradient of a bias. */
  #leadingSum(node: Node): readonly Value[] | undefined {
    const x = this.#x(node, 0)
    const axes = this.builder.initializers.get(this.#values.get(node.inputs[1] ?? '')?.name ?? '')
    if (x.dtype !== 'float32' || x.shape?.every(isNumber) !== true || x.rank < 2 || axes === undefined) return undefined
    const sizes = x.sizes()
    const last = sizes.length - 1
    const summed = new Set(Array.from(numbersOf(axes), (axis) => (axis + sizes.length) % sizes.length))
    if (summed.size !== last || summed.has(last) || sizeOf(sizes.slice(0, last)) < MANY_ROWS) return undefined
    const columns = sizes[last] as number
    const kept = intOf(node, 'keepdims', 1) === 0 ? [columns] : [...new Array<number>(last).fill(1), columns]
    return [columnSum(x).reshape(kept)]
  }

  finish(model: Model): Model {
    const { graph } = model
    for (const { name } of graph.outputs) this.builder.output(this.#values.get(name) as Value, name)
    const built = modelOfBuilder(this.builder, graph.name)
    const opsets = opsetsOf(model, 'com.microsoft', INTERNAL_DOMAIN)
    const irVersion = Math.max(built.irVersion, model.irVersion)
    return pruned(withDirectOutputs({ ...built, irVersion, opsets }))
  }
}
