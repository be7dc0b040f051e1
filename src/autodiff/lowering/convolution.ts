import type { GraphBuilder } from '../../graph/builder.js'
import type { Value } from '../../graph/value.js'
import { product } from '../../ops/internal-product.js'
import { type Bilinear, type Matrix, bilinear, isIdentity, kronecker } from './bilinear.js'

/** A convolution over two axes: sizes by axis, rows first. */
export interface Window2d {
  readonly kernel: readonly [number, number]
  readonly strides: readonly [number, number]
  readonly dilations: readonly [number, number]
  readonly padsBegin: readonly [number, number]
  readonly outSizes: readonly [number, number]
}

/** Positions up to which both axes are transformed by one matrix: fewer nodes, and larger products of matrices. */
const JOINT_POSITIONS = 16

/** A matrix as a constant of the value's type. */
function constant(builder: GraphBuilder, { rows, columns, values }: Matrix): Value {
  return builder.constant('float32', [rows, columns], values)
}

/** The matrix times a value whose first axis has as many elements as the matrix has columns. */
function times(m: Matrix, value: Value): Value {
  if (isIdentity(m)) return value
  const [size, ...rest] = value.sizes() as [number, ...number[]]
  return product(constant(value.builder, m), value.reshape([size, -1])).reshape([m.rows, ...rest])
}

/** The same along the second axis. */
function timesSecond(m: Matrix, value: Value): Value {
  if (isIdentity(m)) return value
  const [first, size, ...rest] = value.sizes() as [number, number, ...number[]]
  if (first === 1) return times(m, value.reshape([size, ...rest])).reshape([1, m.rows, ...rest])
  return product(constant(value.builder, m), value.reshape([first, size, -1])).reshape([first, m.rows, ...rest])
}

/**
 * A convolution of x [H, W, N, C] with w [C', C, kh, kw] (one group), giving [H', W', N, C']. Transforms along rows and columns,
 * one product of [.., C] with [C, C'] for each point of the algorithm, and transforms back (bilinear.ts): all products of matrices,
 * which are what ONNX Runtime does fastest, with gradients of the same kind. Nothing but the transforms' constants depends on padding.
 */
export function convolution(x: Value, w: Value, window: Window2d): Value {
  const [height, width, batch, channels] = x.sizes() as [number, number, number, number]
  const [outChannels] = w.sizes() as [number]
  const [rows, columns] = [height, width].map((size, axis) => along(window, axis as 0 | 1, size)) as [
    Bilinear,
    Bilinear,
  ]
  const [outHeight, outWidth] = window.outSizes
  const points = rows.points * columns.points
  const weights = transformedWeights(w, rows, columns)

  if (height * width <= JOINT_POSITIONS) {
    const both = kronecker(rows.input, columns.input, { rows: [rows.tiles, columns.tiles] })
    const back = kronecker(rows.output, columns.output, { columns: [rows.tiles, columns.tiles] })
    const tiles = rows.tiles * columns.tiles
    const transformed = times(both, x.reshape([height * width, batch, channels]))
    const products = stacked(transformed.reshape([points, tiles * batch, channels]), weights)
    const result = times(back, products.reshape([points * tiles, batch, outChannels]))
    return result.reshape([outHeight, outWidth, batch, outChannels])
  }
  const transformed = timesSecond(columns.input, times(rows.input, x))
  const shape = [rows.points, rows.tiles, columns.points, columns.tiles * batch, channels]
  const kernels = weights.reshape([rows.points, 1, columns.points, outChannels, channels])
  const products = product(transformed.reshape(shape), kernels, { transB: true })
  const apart = [rows.points * rows.tiles, columns.points * columns.tiles, batch, outChannels]
  return times(rows.output, timesSecond(columns.output, products.reshape(apart)))
}

function along({ kernel, strides, dilations, padsBegin, outSizes }: Window2d, axis: 0 | 1, size: number): Bilinear {
  return bilinear({
    size,
    outSize: outSizes[axis],
    taps: kernel[axis],
    stride: strides[axis],
    dilation: dilations[axis],
    padBegin: padsBegin[axis],
  })
}

/** [points, C', C]: what stands for w at each point. */
function transformedWeights(w: Value, rows: Bilinear, columns: Bilinear): Value {
  const [outChannels, channels, height, width] = w.sizes() as [number, number, number, number]
  const kernel = kronecker(rows.kernel, columns.kernel)
  const flat = w.reshape([outChannels * channels, height * width])
  const transformed =
    kernel.rows === 1 && kernel.columns === 1 ? flat : product(constant(w.builder, kernel), flat, { transB: true })
  return transformed.reshape([kernel.rows, outChannels, channels])
}

/** One product for each point; a single one is an ordinary product of matrices. */
function stacked(x: Value, weights: Value): Value {
  const [points, rows, channels] = x.sizes() as [number, number, number]
  const outChannels = weights.size(1)
  if (points > 1) return product(x, weights, { transB: true })
  return product(x.reshape([rows, channels]), weights.reshape([outChannels, channels]), { transB: true })
}

/** A 1×1 convolution with stride 1: one product of matrices. */
export function pointwise(x: Value, w: Value): Value {
  const [height, width, batch, channels] = x.sizes() as [number, number, number, number]
  const outChannels = w.size(0)
  return product(x.reshape([-1, channels]), w.reshape([outChannels, channels]), { transB: true }).reshape([
    height,
    width,
    batch,
    outChannels,
  ])
}

/**
 * A convolution of x [N, C, H, W] with few channels (an image), giving [H', W', N, C']: the patches [C·kh·kw, H'·W'·N] are gathered
 * once, by rows of N elements, and serve the gradient of the weights too. A row of zeros stands for all padding.
 */
export function patchwise(x: Value, w: Value, window: Window2d): Value {
  const [batch, channels, height, width] = x.sizes() as [number, number, number, number]
  const [outHeight, outWidth] = window.outSizes
  const [kernelHeight, kernelWidth] = window.kernel
  const rows = channels * height * width
  const places: number[] = []
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < kernelHeight; i++)
      for (let j = 0; j < kernelWidth; j++)
        for (let oh = 0; oh < outHeight; oh++)
          for (let ow = 0; ow < outWidth; ow++) {
            const h = oh * window.strides[0] + i * window.dilations[0] - window.padsBegin[0]
            const v = ow * window.strides[1] + j * window.dilations[1] - window.padsBegin[1]
            places.push(h >= 0 && h < height && v >= 0 && v < width ? (c * height + h) * width + v : rows)
          }
  const taps = channels * kernelHeight * kernelWidth
  const pixels = x.transpose([1, 2, 3, 0]).reshape([rows, batch]).pad([0, 0], [1, 0])
  const patches = pixels.gather(x.builder.ints(places), 0).reshape([taps, outHeight * outWidth * batch])
  const outChannels = w.size(0)
  return product(patches, w.reshape([outChannels, taps]), { transA: true, transB: true }).reshape([
    outHeight,
    outWidth,
    batch,
    outChannels,
  ])
}

/** Means of windows: an average over rows, then over columns. `counted`: whether an element of the padding counts. */
export function average(x: Value, { kernel, strides, padsBegin, outSizes }: Window2d, counted: boolean): Value {
  const [height, width] = x.sizes() as [number, number]
  const means = (size: number, axis: 0 | 1): Matrix => {
    const outSize = outSizes[axis]
    const values = new Float64Array(outSize * size)
    for (let output = 0; output < outSize; output++) {
      const begin = output * strides[axis] - padsBegin[axis]
      const places = [...Array(kernel[axis]).keys()].map((tap) => begin + tap).filter((at) => at >= 0 && at < size)
      for (const at of places) values[output * size + at] = 1 / (counted ? kernel[axis] : places.length)
    }
    return { rows: outSize, columns: size, values }
  }
  const rows = means(height, 0)
  const columns = means(width, 1)
  const [, , batch, channels] = x.sizes() as [number, number, number, number]
  if (height * width > JOINT_POSITIONS * 4) return times(rows, timesSecond(columns, x))
  const joint = times(kronecker(rows, columns), x.reshape([height * width, batch, channels]))
  return joint.reshape([outSizes[0], outSizes[1], batch, channels])
}
