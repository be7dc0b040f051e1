import { describe, floatOf, intOf } from '../../graph/attributes.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { isNumber } from '../../graph/dims.js'
import type { DType } from '../../graph/dtype.js'
import type { Model, Node } from '../../graph/model.js'
import { ModelError } from '../../graph/model.js'
import type { Value } from '../../graph/value.js'
import { INTERNAL_DOMAIN } from '../../ops/internal.js'
import { maxAlong1d } from '../../ops/internal-pooling.js'
import { slidingSizes, windowOf } from '../../ops/windows.js'
import { BUILT_OPSET, modelOfBuilder, newBuilder } from '../../shapes/build.js'
import { valuesOf } from '../../shapes/infer.js'
import type { Values } from '../../shapes/values.js'
import { NodeView } from '../../shapes/view.js'
import { prefixFor } from './prefix.js'
import { isRewritable, opsetsOf } from './rewritable.js'
import { type Window2d, average, convolution, patchwise, pointwise } from './convolution.js'

/** Elements along an axis up to which the transforms of a convolution are cheaper than what they save. */
const LARGEST_SIZE = 64
/** Elements of a patch up to which patches are gathered instead. */
const SMALL_PATCH = 192

/** From [N, C, H, W] to [H, W, N, C], and back: it is its own inverse. */
const EXCHANGE = [2, 3, 0, 1]

const UNARY = new Set([
  'Relu', 'LeakyRelu', 'Elu', 'Selu', 'Celu', 'Sigmoid', 'HardSigmoid', 'HardSwish', 'Tanh', 'Softplus', 'Softsign', 'Gelu', 'Mish',
  'Erf', 'Exp', 'Log', 'Sqrt', 'Reciprocal', 'Abs', 'Neg', 'Identity', 'ThresholdedRelu',
]) // prettier-ignore
const BINARY = new Set(['Add', 'Sub', 'Mul', 'Div'])

/**
 * The same function with images laid out as [H, W, N, C] inside: positions first, channels last. Convolutions become products of
 * matrices (convolution.ts), a position is one contiguous block whatever the padding, statistics of channels are sums of rows, and
 * concatenating channels moves whole runs. Names of inputs, outputs and initializers and all their shapes stay. An operator that has
 * no such form is left as it is, with its inputs brought back.
 *
 * Of float32 images with fixed sizes. What is new has gradient rules; see `spellOut` for what comes after.
 */
export function spatialMajor(model: Model): Model {
  return isRewritable(model) ? new SpatialMajor(model).run() : model
}

class SpatialMajor {
  readonly #model: Model
  readonly #builder: GraphBuilder
  /** Values in the layout of the model, and those laid out spatially, by the model's names. Either can be made from the other. */
  readonly #plain = new Map<string, Value>()
  readonly #spatial = new Map<string, Value>()
  /** What a Relu was applied to, by the Relu's output, where nothing but a MaxPool reads that. */
  readonly #beforeRelu = new Map<string, string>()
  readonly #uses = new Map<string, number>()
  /** Images of one pixel that were expanded to several, and what these were flattened to: the pixel [N, C], and how often it is repeated. */
  readonly #repeated = new Map<string, { readonly pixel: Value; readonly times: number }>()
  /** What is known of the model's values. */
  readonly #values: Values

  constructor(model: Model) {
    this.#model = model
    this.#values = valuesOf(model)
    this.#builder = newBuilder(prefixFor(model, 'spatial'))
    const use = (name: string) => this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1)
    for (const node of model.graph.nodes) node.inputs.forEach(use)
    for (const { name } of model.graph.outputs) use(name)
  }

  run(): Model {
    const { graph } = this.#model
    for (const { name, dtype, shape } of graph.inputs) {
      if (graph.initializers.has(name)) continue
      this.#plain.set(name, this.#builder.input(name, dtype as DType, shape as number[]))
    }
    for (const [name, tensor] of graph.initializers) this.#plain.set(name, this.#builder.initializer(tensor))
    for (const node of graph.nodes) this.#node(node)
    for (const { name } of graph.outputs) this.#builder.output(this.plain(name), name)
    const built = modelOfBuilder(this.#builder, graph.name)
    return {
      ...built,
      irVersion: Math.max(built.irVersion, this.#model.irVersion),
      opsets: opsetsOf(this.#model, INTERNAL_DOMAIN),
    }
  }

  /** A value in the model's layout. */
  plain(name: string): Value {
    const found = this.#plain.get(name)
    if (found !== undefined) return found
    const spatial = this.#spatial.get(name)
    if (spatial === undefined) throw new ModelError(`there is no value named '${name}'`)
    const [height, width, batch, channels] = spatial.sizes() as [number, number, number, number]
    const value = height === 1 && width === 1 ? spatial.reshape([batch, channels, 1, 1]) : spatial.transpose(EXCHANGE)
    this.#plain.set(name, value)
    return value
  }

  /** A value of rank 4 as [H, W, N, C]. */
  spatial(name: string): Value {
    const found = this.#spatial.get(name)
    if (found !== undefined) return found
    const value = this.plain(name).transpose(EXCHANGE)
    this.#spatial.set(name, value)
    return value
  }

  #isImage(name: string): boolean {
    if (this.#spatial.has(name)) return true
    const { dtype, shape } = this.#plain.get(name) ?? {}
    return dtype === 'float32' && shape?.length === 4 && shape.every(isNumber)
  }

  #node(node: Node): void {
    if (node.domain === '' && this.#lower(node)) return
    const inputs = node.inputs.map((name) => (name === '' ? undefined : this.plain(name)))
    const attributes = Object.fromEntries(node.attributes)
    const name = node.name || (node.outputs[0] ?? '')
    const outputs = this.#builder.ops(node.opType, inputs, attributes, node.outputs.length, node.domain, name)
    node.outputs.forEach((name, i) => name !== '' && this.#plain.set(name, outputs[i] as Value))
  }

  /** False where the operator is left as it is. */
  #lower(node: Node): boolean {
    const [first = ''] = node.inputs
    const [output = ''] = node.outputs
    const give = (value: Value): true => {
      this.#spatial.set(output, value)
      return true
    }
    if (BINARY.has(node.opType)) {
      const [a, b] = node.inputs as readonly [string, string]
      if (!this.#spatial.has(a) && !this.#spatial.has(b)) return false
      if (!this.#isImage(a) || !this.#isImage(b)) return false
      const [left, right] = [this.spatial(a), this.spatial(b)]
      if (left.sizes().some((size, axis) => size !== right.size(axis))) return false
      return give(left.op(node.opType, [right]))
    }
    if (node.opType === 'Gemm') return this.#gemm(node)
    if (node.opType === 'Flatten') this.#flatten(node)
    if (!this.#isImage(first)) return false
    if (node.opType === 'Expand') this.#expand(node)
    if (node.opType === 'Conv') return this.#conv(node, give)
    if (!this.#spatial.has(first)) return false
    const x = () => this.spatial(first)
    if (UNARY.has(node.opType)) {
      if (node.opType === 'Relu') this.#beforeRelu.set(output, first)
      return give(this.#builder.op(node.opType, [x()], Object.fromEntries(node.attributes)))
    }
    switch (node.opType) {
      case 'BatchNormalization':
        return this.#batchNormalization(node, give)
      case 'MaxPool': {
        const window = this.#window(node, first)
        if (window === undefined || node.outputs.length > 1) return false
        // A maximum of non-negative parts is the non-negative part of the maximum, and so are the gradients; there are fewer of them.
        const before = this.#uses.get(first) === 1 ? this.#beforeRelu.get(first) : undefined
        const pooled = maxPool(before === undefined ? x() : this.spatial(before), window)
        return give(before === undefined ? pooled : pooled.op('Relu'))
      }
      case 'AveragePool': {
        const window = this.#window(node, first)
        if (window === undefined || intOf(node, 'ceil_mode', 0) !== 0) return false
        return give(average(x(), window, intOf(node, 'count_include_pad', 0) !== 0))
      }
      case 'GlobalAveragePool': {
        const [height, width] = x().sizes() as [number, number]
        const whole: Window2d = {
          kernel: [height, width], strides: [1, 1], dilations: [1, 1], padsBegin: [0, 0], outSizes: [1, 1],
        } // prettier-ignore
        return give(average(x(), whole, false))
      }
      case 'Pad': {
        // PyTorch writes one before each AveragePool, of nothing.
        const pads = new NodeView(node, this.#model.opsets.get('') ?? BUILT_OPSET, this.#values).constant(1)
        return pads?.every((count) => count === 0) === true && give(x())
      }
      case 'Concat': {
        if (![1, -3].includes(intOf(node, 'axis', 0)) || !node.inputs.every((name) => this.#isImage(name))) return false
        return give(
          this.#builder.op(
            'Concat',
            node.inputs.map((name) => this.spatial(name)),
            { axis: 3 },
          ),
        )
      }
      default:
        return false
    }
  }

  /** An image of one pixel that is repeated, as adaptive pooling to a larger size does. */
  #expand(node: Node): void {
    const [first = '', shape = ''] = node.inputs
    const sizes = this.#values.find(shape)?.facts.numbers
    const [height, width] = this.#sizes(first)
    const [batch, channels] = this.plain(first).sizes() as [number, number]
    const [n, c, toHeight, toWidth] = sizes ?? []
    if (height * width !== 1 || sizes?.length !== 4 || !isNumber(toHeight) || !isNumber(toWidth)) return
    if ((n !== 1 && n !== batch) || (c !== 1 && c !== channels)) return
    const pixel = this.plain(first).reshape([batch, channels])
    this.#repeated.set(node.outputs[0] as string, { pixel, times: toHeight * toWidth })
  }

  #flatten(node: Node): void {
    const repeated = this.#repeated.get(node.inputs[0] as string)
    if (repeated !== undefined && intOf(node, 'axis', 1) === 1) this.#repeated.set(node.outputs[0] as string, repeated)
  }

  /** Features that are the same for several columns of the weights meet the columns' sum. */
  #gemm(node: Node): boolean {
    const [a = '', b = '', c = ''] = node.inputs
    const repeated = this.#repeated.get(a)
    if (repeated === undefined || repeated.pixel.rank !== 2) return false
    if (intOf(node, 'transA', 0) !== 0 || intOf(node, 'transB', 0) === 0) return false
    const { pixel, times } = repeated
    const w = this.plain(b)
    const columns = w.reshape([w.size(0), pixel.size(1), times]).sum([2], false)
    const inputs = [pixel, columns, c === '' ? undefined : this.plain(c)]
    this.#plain.set(node.outputs[0] as string, this.#builder.op('Gemm', inputs, Object.fromEntries(node.attributes)))
    return true
  }

  #conv(node: Node, give: (value: Value) => true): boolean {
    const [first = '', weights = '', bias = ''] = node.inputs
    const window = this.#window(node, first)
    const w = this.plain(weights)
    if (window === undefined || intOf(node, 'group', 1) !== 1 || w.shape?.every(isNumber) !== true) return false
    const [, channels, height, width] = w.sizes() as [number, number, number, number]
    const isPointwise =
      height * width === 1 && window.strides[0] * window.strides[1] === 1 && unpadded(window, this.#sizes(first))
    const few = channels * height * width <= SMALL_PATCH
    let y: Value
    if (isPointwise) y = pointwise(this.spatial(first), w)
    else if (few && !this.#spatial.has(first)) y = patchwise(this.plain(first), w, window)
    else if (Math.max(...this.#sizes(first)) <= LARGEST_SIZE) y = convolution(this.spatial(first), w, window)
    else return false
    return give(bias === '' ? y : y.add(this.plain(bias)))
  }

  /** Height and width. */
  #sizes(name: string): [number, number] {
    const spatial = this.#spatial.get(name)
    return (spatial?.sizes().slice(0, 2) ?? this.plain(name).sizes().slice(2)) as [number, number]
  }

  /** Undefined where the attributes are of a kind that has no form here. */
  #window(node: Node, input: string): Window2d | undefined {
    const kernel =
      node.opType === 'Conv'
        ? this.plain(node.inputs[1] as string)
            .sizes()
            .slice(2)
        : []
    const window = windowOf(node, kernel)
    if (window.kernel.length !== 2 || window.autoPad !== 'NOTSET' || window.ceilMode) return undefined
    if (node.opType !== 'Conv' && window.dilations.some((dilation) => dilation !== 1)) return undefined
    const outSizes = slidingSizes(this.#sizes(input), window)
    if (!outSizes.every((size) => isNumber(size) && size > 0)) return undefined
    return { ...window, outSizes } as unknown as Window2d
  }

  #batchNormalization(node: Node, give: (value: Value) => true): boolean {
    if (intOf(node, 'training_mode', 0) === 0) return false
    const [first, gamma, beta, runningMean, runningVariance] = node.inputs
    const [, nextMean = '', nextVariance = ''] = node.outputs
    const [y, mean, variance] = this.#builder.ops(
      'ColumnNormalization',
      [this.spatial(first as string), this.plain(gamma as string), this.plain(beta as string)],
      { epsilon: { type: 'float', value: floatOf(node, 'epsilon', 1e-5) } },
      5,
      'teleport',
    ) as [Value, Value, Value]
    const momentum = floatOf(node, 'momentum', 0.9)
    const next = (name: string, running: string, statistic: Value) => {
      if (name === '') return
      const old = this.plain(running)
      if (momentum === 0) this.#plain.set(name, statistic.reshapeLike(old))
      else this.#plain.set(name, old.mul(momentum).add(statistic.reshapeLike(old).mul(1 - momentum)))
    }
    next(nextMean, runningMean as string, mean)
    next(nextVariance, runningVariance as string, variance)
    if (node.outputs.length > 3) throw new ModelError(`${describe(node)}: expected at most 3 outputs`)
    return give(y)
  }
}

function unpadded({ outSizes }: Window2d, sizes: readonly number[]): boolean {
  return sizes.every((size, axis) => size === outSizes[axis as 0 | 1])
}

function maxPool(x: Value, { kernel, strides, padsBegin, outSizes }: Window2d): Value {
  const pool = (value: Value, axis: 0 | 1) =>
    maxAlong1d(value, {
      axis,
      kernel: kernel[axis],
      stride: strides[axis],
      padBegin: padsBegin[axis],
      outSize: outSizes[axis],
    })
  return pool(pool(x, 1), 0)
}
