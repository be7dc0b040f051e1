import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema, type TensorProto } from 'onnx-buf'
import { DTYPES, bitsOf } from '../../src/graph/dtype.js'
import type { Model } from '../../src/graph/model.js'
import { bytesOf, sizeOf, tensorOf } from '../../src/graph/tensor.js'
import { tensorsIn } from '../../src/onnx/messages.js'
import { readModelBytes } from '../../src/onnx/read.js'
import { hostTensorOf } from '../../src/runtime/host.js'
import type { HostTensor } from '../../src/runtime/session.js'
import { type Facts, drawn, normalAt, seedOf } from './draw.js'

/** A network of the test suite: its graph as an exporter wrote it, its large weights drawn (see bench/peer/skeletons.py). */
export interface Skeleton {
  readonly name: string
  /** relu-cnn: only ReLU, linear and max operators. other: recurrent, integer, control flow. */
  readonly family: 'relu-cnn' | 'cnn' | 'transformer' | 'other'
  readonly opset: number
  /** norms: BatchNormalization as it is. folded: merged into convolutions. written: not an export. */
  readonly keep: 'norms' | 'folded' | 'written'
  readonly inputs: readonly SkeletonInput[]
  readonly outputs: readonly string[]
  /** The level at which ONNX Runtime survives the network, where that is not `all`. */
  readonly optimization?: 'extended'
}

export interface SkeletonInput {
  readonly name: string
  readonly dtype: 'float32' | 'float16' | 'float64' | 'int64'
  /** With a batch of 2 wherever the network has one. */
  readonly shape: readonly number[]
  /** For integers: above the largest value. */
  readonly high?: number
}

const FOLDER = new URL('../architectures/', import.meta.url)

/** Every skeleton, by name. */
export const SKELETONS: readonly Skeleton[] = JSON.parse(
  readFileSync(new URL('index.json', FOLDER), 'utf8'),
) as Skeleton[]

/** The model, with the same weights each time. */
export function loadSkeleton(name: string): Model {
  return readModelBytes(skeletonBytes(name), name)
}

/** The model as the bytes of a whole .onnx file. */
export function skeletonBytes(name: string): Uint8Array {
  const proto = fromBinary(ModelProtoSchema, gunzipSync(readFileSync(new URL(`${name}.onnx.gz`, FOLDER))))
  for (const tensor of tensorsIn(proto)) {
    if (!tensor.docString.startsWith('{"mean"')) continue
    fill(tensor, JSON.parse(tensor.docString) as Facts & { seed: number })
    tensor.docString = ''
  }
  return toBinary(ModelProtoSchema, proto)
}

function fill(tensor: TensorProto, facts: Facts & { seed: number }): void {
  const dtype = DTYPES[tensor.dataType - 1]
  if (dtype === undefined) throw new Error(`tensor ${tensor.name} has no type`)
  const dims = tensor.dims.map(Number)
  let values = drawn(facts, facts.seed, sizeOf(dims))
  if (bitsOf(dtype) === 8) values = values.map(Math.round)
  tensor.rawData = bytesOf(tensorOf(tensor.name, dtype, dims, values)) as Uint8Array<ArrayBuffer>
}

/** Inputs for a skeleton: normal numbers, and integers in their range. The same each time for the same seed. */
export function feedsOf(skeleton: Skeleton, seed = 1): Map<string, HostTensor> {
  return new Map(skeleton.inputs.map((input) => [input.name, feedOf(input, seed)]))
}

function feedOf({ name, dtype, shape, high = 2 }: SkeletonInput, seed: number): HostTensor {
  const stream = seedOf(`${name} ${seed}`)
  const count = sizeOf(shape)
  const draw = (i: number): number => normalAt(stream, i)
  // A scalar integer is a choice, such as a sampling rate: the largest is one that the network knows.
  const choose = (i: number): number => (shape.length === 0 ? high - 1 : Math.abs(Math.floor(draw(i) * 1000)) % high)
  const values = Array.from({ length: count }, (_, i) => (dtype === 'int64' ? choose(i) : draw(i)))
  return hostTensorOf(dtype, shape, bytesOf(tensorOf(name, dtype, shape, values)))
}
