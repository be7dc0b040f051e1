import { expect } from 'vitest'
import { gradients } from '../../src/autodiff/gradients.js'
import { isFloat } from '../../src/graph/dtype.js'
import type { Model, Tensor, ValueInfo } from '../../src/graph/model.js'
import { numbersOf, sizeOf, tensorOf } from '../../src/graph/tensor.js'
import { modelBytes } from '../../src/onnx/write.js'
import { hostTensorOf, isHostDType, numberReader } from '../../src/runtime/host.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import type { HostTensor } from '../../src/runtime/session.js'
import { isDifferentiable } from '../../src/graph/builder.js'
import { Continuation } from '../../src/shapes/build.js'
import { valuesOf } from '../../src/shapes/infer.js'
import { bytesOf } from '../../src/graph/tensor.js'
import { normalAt, seedOf } from './draw.js'
import { type Numbers, evaluate } from './reference/evaluate.js'

/** Elements as doubles. */
export type Point = ReadonlyMap<string, Numbers>

export interface CheckOptions {
  /** Names of inputs and initializers by which is differentiated. Default: all of a float type. */
  readonly wrt?: readonly string[]
  /**
   * Where the function is evaluated for central differences: `double`, ONNX Runtime in double precision (the model is of float64);
   * `reference`, the evaluator of test/support/reference, in double precision, for a model of float32 whose operators have no kernels in
   * double precision. Default: by the type of the first input.
   */
  readonly by?: 'double' | 'reference'
  /** Largest difference relative to the largest gradient; default 1e-7 in double, 2e-4 in reference. */
  readonly tolerance?: number
  /** Also differentiate twice (default true). */
  readonly second?: boolean
  /** Step of the differences, relative to 1. Default 1e-5. */
  readonly step?: number
}

/**
 * Checks ∂L/∂v for every v of `wrt`, where L = Σ output · r over all float outputs with fixed random r: along random directions against
 * central differences of L. Then the same for the second derivatives: M = Σ ∂L/∂v · s with fixed random s is a scalar again.
 * All inputs are drawn about normal unless `point` gives them.
 */
export async function checkGradients(model: Model, options: CheckOptions = {}, point?: Point): Promise<void> {
  const by = options.by ?? (model.graph.inputs[0]?.dtype === 'float64' ? 'double' : 'reference')
  const free = freed(model)
  const scalar = withScalar(free, 'L', outputsOf(free))
  const wrt = options.wrt ?? free.graph.inputs.filter(({ dtype }) => isFloat(dtype)).map(({ name }) => name)
  const at = new Map([...startOf(model), ...(point ?? [])])
  await compare(scalar, 'L', wrt, at, by, options)
  if (options.second === false) return
  const { model: differentiated, gradients: names } = gradients(scalar, { of: 'L', wrt })
  const twice = withScalar(differentiated, 'M', [...names.values()])
  await compare(twice, 'M', wrt, at, by, { ...options, step: options.step ?? 1e-5 })
}

/** The model with its float initializers as inputs, so that they can be varied. */
export function freed(model: Model): Model {
  const { graph } = model
  const free = [...graph.initializers.values()].filter(({ dtype }) => isFloat(dtype))
  const names = new Set(graph.inputs.map(({ name }) => name))
  const inputs: ValueInfo[] = free
    .filter(({ name }) => !names.has(name))
    .map(({ name, dtype, dims }) => ({ name, dtype, shape: dims }))
  const initializers = new Map([...graph.initializers].filter(([, { dtype }]) => !isFloat(dtype)))
  // What a small network declares of its outputs need not be their type.
  const outputs = graph.outputs.map(({ name }) => ({ name }))
  return { ...model, graph: { ...graph, inputs: [...graph.inputs, ...inputs], outputs, initializers } }
}

function outputsOf(model: Model): string[] {
  const values = valuesOf(model)
  return model.graph.outputs.map(({ name }) => name).filter((name) => isDifferentiable(values.find(name)?.facts ?? {}))
}

/** The model with one output more: the sum of these values, each times fixed random numbers. */
export function withScalar(model: Model, name: string, values: readonly string[]): Model {
  const continuation = new Continuation(model, `${name}/`)
  const { builder } = continuation
  const terms = values
    .map((value) => continuation.value(value))
    .map((value) => {
      const dims = value.sizes()
      const seed = seedOf(`direction ${value.name}`)
      const weights = Array.from({ length: sizeOf(dims) }, (_, i) => normalAt(seed, i))
      return value.mul(builder.constant(value.dtype ?? 'float32', dims, weights)).sum(undefined, false)
    })
  builder.output(
    terms.reduce((sum, term) => sum.add(term)),
    name,
  )
  return continuation.finish()
}

/** Where the function is looked at: initializers as they are, inputs drawn. */
function startOf(model: Model): Map<string, Numbers> {
  const start = new Map<string, Numbers>()
  for (const tensor of model.graph.initializers.values())
    if (isFloat(tensor.dtype)) start.set(tensor.name, { dims: tensor.dims, data: numbersOf(tensor) })
  for (const { name, dtype, shape = [] } of model.graph.inputs) {
    if (model.graph.initializers.has(name)) continue
    const dims = shape.map(Number)
    const seed = seedOf(name)
    const data = Float64Array.from({ length: sizeOf(dims) }, (_, i) => (isFloat(dtype) ? normalAt(seed, i) : 0))
    start.set(name, { dims, data })
  }
  return start
}

async function compare(
  model: Model,
  of: string,
  wrt: readonly string[],
  at: Point,
  by: 'double' | 'reference',
  { tolerance = by === 'double' ? 1e-7 : 2e-4, step = 1e-5 }: CheckOptions,
): Promise<void> {
  const derived = gradients(model, { of, wrt, keepOutputs: false })
  const found = await runAt(derived.model, at)
  const value =
    by === 'double'
      ? await scalarInDouble(model, of)
      : (point: Point) => Promise.resolve(Number(evaluate(model, point, [of]).get(of)?.data[0]))
  try {
    for (const name of wrt) {
      const gradient = found.get(derived.gradients.get(name) as string) as Numbers
      const { dims, data } = at.get(name) as Numbers
      expect(gradient.dims, `shape of the gradient of ${name}`).toEqual(dims)
      const scale = Math.sqrt(gradient.data.reduce((sum, g) => sum + g * g, 0)) + 1e-3
      for (const direction of directions(name, data.length)) {
        const moved = (by: number): Point =>
          new Map([...at, [name, { dims, data: data.map((x, i) => x + by * (direction[i] as number)) }]])
        const difference = ((await value(moved(step))) - (await value(moved(-step)))) / (2 * step)
        const expected = gradient.data.reduce((sum, g, i) => sum + g * (direction[i] as number), 0)
        const error = Math.abs(difference - expected) / scale
        expect(error, `∂${of}/∂${name}: central difference ${difference}, gradient rule ${expected}`).toBeLessThan(
          tolerance,
        )
      }
    }
  } finally {
    if ('release' in value) await (value as { release(): Promise<void> }).release()
  }
}

/** Each element alone where there are few; always two random directions. */
function directions(name: string, size: number): Float64Array[] {
  const random = [1, 2].map((k) => {
    const seed = seedOf(`${name} ${k}`)
    return Float64Array.from({ length: size }, (_, i) => normalAt(seed, i))
  })
  if (size > 12) return random
  return [
    ...random,
    ...Array.from({ length: size }, (_, k) => Float64Array.from({ length: size }, (_, i) => (i === k ? 1 : 0))),
  ]
}

/** Runs a model in ONNX Runtime, every node as it is written; the point is rounded to the inputs' types. */
export async function runAt(model: Model, at: Point): Promise<Map<string, Numbers>> {
  const session = await nodeRuntime.open({ bytes: modelBytes(model) }, { threads: 1, optimization: 'none' })
  try {
    return numbersOfAll(await session.run(feedsAt(model, at)))
  } finally {
    await session.release()
  }
}

export function feedsAt(model: Model, at: Point): Map<string, HostTensor> {
  return new Map(
    model.graph.inputs.map(({ name, dtype = 'float32' }) => {
      const { dims, data } = at.get(name) as Numbers
      if (!isHostDType(dtype)) throw new Error(`inputs of type ${dtype} cannot be fed`)
      const tensor: Tensor = tensorOf(name, dtype, dims, data)
      return [name, hostTensorOf(dtype, dims, bytesOf(tensor))]
    }),
  )
}

function numbersOfAll(tensors: ReadonlyMap<string, HostTensor>): Map<string, Numbers> {
  return new Map(
    [...tensors].map(([name, tensor]) => {
      const read = numberReader(tensor)
      if (read === undefined) throw new Error('a tensor of strings')
      return [
        name,
        { dims: [...tensor.dims], data: Float64Array.from({ length: tensor.data.length }, (_, i) => read(i)) },
      ]
    }),
  )
}

async function scalarInDouble(model: Model, of: string) {
  const session = await nodeRuntime.open({ bytes: modelBytes(model) }, { threads: 1, optimization: 'none' })
  const value = async (point: Point): Promise<number> =>
    numbersOfAll(await session.run(feedsAt(model, point), [of])).get(of)?.data[0] as number
  return Object.assign(value, { release: () => session.release() })
}
