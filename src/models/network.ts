import { type AttributeValues, float, type GraphBuilder } from '../graph/builder.js'
import { type Model, ModelError, type Node, type ValueInfo } from '../graph/model.js'
import { quoted, shapeText } from '../graph/text.js'
import type { Value } from '../graph/value.js'
import { modelOfBuilder, newBuilder } from '../shapes/build.js'
import { drawnTensor } from './initializers/drawn.js'
import { type Draw, drawOf, fansOf, type Initializer } from './initializers/initializer.js'
import { fillUniform } from './initializers/random.js'
import type { Settled } from './options.js'

/** How a kind of layer begins where `initialize` is `default`. */
export interface LayerDefault {
  readonly weight: Initializer
  /** `fanIn`: U(±1 ÷ √fan in), PyTorch's own. */
  readonly bias: 'zero' | 'fanIn'
}

/** What torch.nn.Linear and torch.nn.Conv2d do by themselves: U(±1 ÷ √fan in). */
export const TORCH_DEFAULT: LayerDefault = {
  weight: { type: 'kaiming', distribution: 'uniform', a: Math.sqrt(5) },
  bias: 'fanIn',
}

/** The sizes of a window; one number stands for both axes. */
export interface Window {
  readonly kernel: number
  /** Default 1. */
  readonly stride?: number
  /** On all sides; default 0. */
  readonly padding?: number
}

/**
 * A network that grows layer by layer. Parameters get the names that PyTorch's state_dict would give them for a module of the same
 * path, and values the path itself. All else that a node needs is a Constant node, so that the initializers are just the parameters
 * and the running statistics.
 */
export class Network {
  readonly name: string
  readonly options: Settled
  readonly builder: GraphBuilder
  readonly #defaults: { readonly conv: LayerDefault; readonly linear: LayerDefault }
  /** What a value that the builder has named is to be called. */
  readonly #paths = new Map<string, string>()

  /** @param defaults default: PyTorch's */
  constructor(
    name: string,
    options: Settled,
    defaults: { readonly conv?: LayerDefault; readonly linear?: LayerDefault } = {},
  ) {
    this.name = name
    this.options = options
    this.#defaults = { conv: TORCH_DEFAULT, linear: TORCH_DEFAULT, ...defaults }
    this.builder = newBuilder()
  }

  /** The images, float32 [N, …inputShape]. */
  input(): Value {
    return this.builder.input('x', 'float32', ['N', ...this.options.inputShape])
  }

  /** A node whose output is named by its module's path. */
  op(path: string, opType: string, inputs: readonly Value[], attributes: AttributeValues = {}): Value {
    const value = this.builder.op(opType, inputs, attributes)
    this.#paths.set(value.name, path)
    return value
  }

  /** A constant list of integers. */
  ints(values: readonly number[]): Value {
    return this.builder.op('Constant', [], { value_ints: { type: 'ints', value: values } })
  }

  /** A convolution over height and width; with a bias unless told otherwise. */
  conv(path: string, x: Value, outputs: number, window: Window & { readonly bias?: boolean }): Value {
    const { kernel, stride = 1, padding = 0, bias = true } = window
    const parameters = this.#layer(path, this.#defaults.conv, [outputs, x.size(1), kernel, kernel], bias)
    const attributes = { dilations: [1, 1], group: 1, ...windowAttributes(kernel, stride, padding) }
    return this.#whole(path, this.op(path, 'Conv', [x, ...parameters], attributes))
  }

  /** A fully connected layer on [N, features]. */
  linear(path: string, x: Value, outputs: number): Value {
    const parameters = this.#layer(path, this.#defaults.linear, [outputs, x.size(1)], true)
    return this.op(path, 'Gemm', [x, ...parameters], { transB: 1 })
  }

  /** Batch normalisation in inference form, with PyTorch's ε and momentum. */
  batchNorm(path: string, x: Value): Value {
    const constant = (name: string, value: number) =>
      this.#parameter(`${path}.${name}`, [x.size(1)], (_, target) => target.fill(value))
    const parameters = [
      constant('weight', 1),
      constant('bias', 0),
      constant('running_mean', 0),
      constant('running_var', 1),
    ]
    // ONNX's momentum is the share that the old statistics keep.
    return this.op(path, 'BatchNormalization', [x, ...parameters], { epsilon: float(1e-5), momentum: float(0.9) })
  }

  activation(path: string, x: Value): Value {
    switch (this.options.activation) {
      case 'relu':
        return this.op(path, 'Relu', [x])
      case 'leakyRelu':
        return this.op(path, 'LeakyRelu', [x], { alpha: float(0.01) })
      case 'tanh':
        return this.op(path, 'Tanh', [x])
      case 'elu':
        return this.op(path, 'Elu', [x], { alpha: float(1) })
      case 'sigmoid':
        return this.op(path, 'Sigmoid', [x])
    }
  }

  maxPool(path: string, x: Value, { kernel, stride = 1, padding = 0 }: Window): Value {
    return this.#whole(path, this.op(path, 'MaxPool', [x], windowAttributes(kernel, stride, padding)))
  }

  averagePool(path: string, x: Value, { kernel, stride = 1, padding = 0 }: Window): Value {
    return this.#whole(path, this.op(path, 'AveragePool', [x], windowAttributes(kernel, stride, padding)))
  }

  /** Dropout in inference form, where it passes its input on; with probability 0 there is none. */
  dropout(path: string, x: Value, probability: number): Value {
    if (!(probability >= 0 && probability < 1))
      throw new ModelError(`${this.name}: dropout ${probability}: expected a probability of at least 0 and below 1`)
    if (probability === 0) return x
    return this.op(path, 'Dropout', [x, this.builder.op('Constant', [], { value_float: float(probability) })])
  }

  /** The model whose output `logits`, [N, classes], is this value. */
  finish(logits: Value): Model {
    this.builder.output(logits)
    this.#paths.set(logits.name, 'logits')
    const { graph, ...rest } = modelOfBuilder(this.builder, this.name)
    const named = (name: string) => this.#paths.get(name) ?? name
    const nodes = graph.nodes.map((node): Node => {
      const outputs = node.outputs.map(named)
      return { ...node, name: outputs[0] ?? '', inputs: node.inputs.map(named), outputs }
    })
    const outputs = graph.outputs.map((info): ValueInfo => ({ ...info, name: named(info.name) }))
    return { ...rest, graph: { ...graph, nodes, outputs } }
  }

  #layer(path: string, byDefault: LayerDefault, dims: readonly number[], bias: boolean): Value[] {
    const { initialize } = this.options
    const weight = initialize === 'default' ? byDefault.weight : initialize
    const parameters = [this.#parameter(`${path}.weight`, dims, drawOf(weight, dims))]
    if (!bias) return parameters
    const bound = initialize === 'default' && byDefault.bias === 'fanIn' ? 1 / Math.sqrt(fansOf(dims).fanIn) : 0
    const draw: Draw = (generator, target) => (bound === 0 ? target.fill(0) : fillUniform(generator, target, bound))
    return [...parameters, this.#parameter(`${path}.bias`, dims.slice(0, 1), draw)]
  }

  #parameter(name: string, dims: readonly number[], draw: Draw): Value {
    return this.builder.initializer(drawnTensor(this.options.seed, name, dims, draw))
  }

  /** @throws ModelError where a window is larger than what it slides over */
  #whole(path: string, value: Value): Value {
    if (value.size(2) >= 1 && value.size(3) >= 1) return value
    throw new ModelError(
      `${this.name}: inputShape ${shapeText(this.options.inputShape)} is too small: nothing is left of the image at ${quoted(path)}; give larger images`,
    )
  }
}

function windowAttributes(kernel: number, stride: number, padding: number): AttributeValues {
  return {
    kernel_shape: [kernel, kernel],
    pads: [padding, padding, padding, padding],
    strides: [stride, stride],
  }
}
