import type { Attribute, Model, Node, Tensor, TensorData } from '../src/graph/model.js'
import { sizeOf } from '../src/graph/tensor.js'

/** How large a block of weights is that tensors share: smaller than any that is moved from memory to cache at once. */
const BLOCK = 2 ** 20

/** Weights that take no memory of their own, whatever their number: a block of normal size, over and over. */
class RepeatedData implements TensorData {
  static readonly #block = drawn(BLOCK)
  readonly byteLength: number
  constructor(byteLength: number) {
    this.byteLength = byteLength
  }

  read(offset: number, length: number): Uint8Array {
    const block = RepeatedData.#block
    const start = offset % block.byteLength
    if (start + length <= block.byteLength) return new Uint8Array(block.buffer, start, length)
    const bytes = new Uint8Array(block.buffer)
    const whole = new Uint8Array(length)
    for (let at = 0; at < length; at += bytes.length)
      whole.set(bytes.subarray(0, Math.min(bytes.length, length - at)), at)
    return whole
  }
}

function drawn(count: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, (_, i) => ((i * 0.7548776662) % 1) - 0.4)
}

/** A network in the making, as PyTorch names its values. */
export class Sketch {
  readonly #nodes: Node[] = []
  readonly #initializers = new Map<string, Tensor>()
  readonly #inMemory: boolean

  /** `inMemory`: every weight has memory of its own. */
  constructor(inMemory = false) {
    this.#inMemory = inMemory
  }

  /** Nodes so far. */
  get size(): number {
    return this.#nodes.length
  }

  weight(name: string, dims: readonly number[]): string {
    const byteLength = 4 * sizeOf(dims)
    const data: TensorData = this.#inMemory ? memoryOf(drawn(byteLength / 4)) : new RepeatedData(byteLength)
    this.#initializers.set(name, { name, dtype: 'float32', dims, data })
    return name
  }

  op(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, number | readonly number[]>> = {},
  ): string {
    const output = `${opType}_${this.#nodes.length}`
    const entries = Object.entries(attributes).map(([name, value]): [string, Attribute] => [
      name,
      typeof value === 'number' ? { type: 'int', value } : { type: 'ints', value },
    ])
    this.#nodes.push({ name: output, opType, domain: '', inputs, outputs: [output], attributes: new Map(entries) })
    return output
  }

  /** A convolution with as many channels as it is given; `size` 3 keeps height and width. */
  conv(input: string, from: number, to: number, size = 1): string {
    const name = `conv${this.#nodes.length}`
    const pad = (size - 1) / 2
    const inputs = [input, this.weight(`${name}.weight`, [to, from, size, size]), this.weight(`${name}.bias`, [to])]
    return this.op('Conv', inputs, { kernel_shape: [size, size], pads: [pad, pad, pad, pad] })
  }

  norm(input: string, channels: number): string {
    const name = `norm${this.#nodes.length}`
    const parts = ['weight', 'bias', 'mean', 'var'].map((part) => this.weight(`${name}.${part}`, [channels]))
    return this.op('BatchNormalization', [input, ...parts])
  }

  linear(input: string, from: number, to: number): string {
    const name = `linear${this.#nodes.length}`
    const inputs = [input, this.weight(`${name}.weight`, [to, from]), this.weight(`${name}.bias`, [to])]
    return this.op('Gemm', inputs, { transB: 1 })
  }

  model(output: string, shape: readonly (number | string)[]): Model {
    return {
      irVersion: 8,
      opsets: new Map([['', 17]]),
      functions: [],
      graph: {
        name: 'bench',
        nodes: this.#nodes,
        inputs: [{ name: 'x', dtype: 'float32', shape }],
        outputs: [{ name: output, dtype: 'float32' }],
        initializers: this.#initializers,
        sparseInitializers: [],
        valueInfo: new Map(),
      },
    }
  }
}

function memoryOf(weights: Float32Array<ArrayBuffer>): TensorData {
  return {
    byteLength: weights.byteLength,
    read: (offset, length) => new Uint8Array(weights.buffer, offset, length),
  }
}

/** VGG-16 with batch normalisation as torchvision has it: 134 million weights with 10 classes, 138 with 1000. */
export function vgg16bn(classes: number): Model {
  const sketch = new Sketch(true)
  let x = 'x'
  let channels = 3
  for (const width of [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0]) {
    if (width === 0) {
      x = sketch.op('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] })
      continue
    }
    x = sketch.op('Relu', [sketch.norm(sketch.conv(x, channels, width, 3), width)])
    channels = width
  }
  x = sketch.op('Flatten', [x], { axis: 1 })
  x = sketch.op('Relu', [sketch.linear(x, 25088, 4096)])
  x = sketch.op('Relu', [sketch.linear(x, 4096, 4096)])
  return sketch.model(sketch.linear(x, 4096, classes), ['N', 3, 224, 224])
}

/** A chain of square layers, each with `width`² weights. */
export function chain(layers: number, width: number): Model {
  const sketch = new Sketch()
  let x = 'x'
  for (let layer = 0; layer < layers; layer++)
    x = sketch.op('Relu', [sketch.op('MatMul', [x, sketch.weight(`w${layer}`, [width, width])])])
  return sketch.model(x, ['N', width])
}

const CHANNELS = 64

/** Networks of `nodes` nodes that join their channels in one way each. */
export const LARGE: Readonly<Record<string, (nodes: number) => Model>> = {
  'residual blocks': (nodes) =>
    repeated(nodes, (sketch, x) => {
      const inner = sketch.op('Relu', [sketch.conv(x, CHANNELS, CHANNELS)])
      return sketch.op('Relu', [sketch.op('Add', [sketch.conv(inner, CHANNELS, CHANNELS), x])])
    }),
  'dense blocks': (nodes) =>
    repeated(nodes, (sketch, x) => {
      let all = x
      for (let layer = 0, width = CHANNELS; layer < 8; layer++, width += 16)
        all = sketch.op('Concat', [all, sketch.conv(sketch.op('Relu', [sketch.norm(all, width)]), width, 16)], {
          axis: 1,
        })
      return sketch.conv(all, CHANNELS + 8 * 16, CHANNELS)
    }),
  'squeeze-and-excitation gates': (nodes) =>
    repeated(nodes, (sketch, x) => {
      const inner = sketch.op('Relu', [sketch.norm(sketch.conv(x, CHANNELS, CHANNELS), CHANNELS)])
      const squeezed = sketch.op('Relu', [sketch.conv(sketch.op('GlobalAveragePool', [inner]), CHANNELS, CHANNELS / 4)])
      const gate = sketch.op('Sigmoid', [sketch.conv(squeezed, CHANNELS / 4, CHANNELS)])
      return sketch.op('Add', [sketch.op('Mul', [inner, gate]), x])
    }),
  'gates that multiply activations': (nodes) =>
    repeated(nodes, (sketch, x) => {
      const product = sketch.op('Mul', [sketch.conv(x, CHANNELS, CHANNELS), sketch.conv(x, CHANNELS, CHANNELS)])
      return sketch.op('Add', [sketch.conv(product, CHANNELS, CHANNELS), x])
    }),
}

function repeated(nodes: number, block: (sketch: Sketch, x: string) => string): Model {
  const sketch = new Sketch()
  let x = 'x'
  while (sketch.size < nodes) x = block(sketch, x)
  return sketch.model(sketch.conv(x, CHANNELS, CHANNELS), ['N', CHANNELS, 32, 32])
}
