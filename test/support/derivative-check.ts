import { gradients } from '../../src/autodiff/gradients.js'
import { upgraded } from '../../src/autodiff/upgrade.js'
import { isDifferentiable } from '../../src/graph/builder.js'
import { isFloat } from '../../src/graph/dtype.js'
import { type Model, ModelError, type Node } from '../../src/graph/model.js'
import { bytesOf, numbersOf, sizeOf, tensorOf } from '../../src/graph/tensor.js'
import { modelBytes } from '../../src/onnx/write.js'
import { hostTensorOf, isHostDType, numberReader } from '../../src/runtime/host.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import type { HostTensor, HostTensors } from '../../src/runtime/session.js'
import { Continuation } from '../../src/shapes/build.js'
import { valuesOf } from '../../src/shapes/infer.js'
import { normalAt, seedOf } from './draw.js'
import { type Numbers, evaluate } from './reference/evaluate.js'

/** Numbers by the name of an input or initializer. */
export type Place = ReadonlyMap<string, Numbers>

/** A model that can be run at many places of its inputs and initializers. */
export interface Evaluator {
  run(place: Place, outputs: readonly string[]): Promise<Map<string, Numbers>>
  release(): Promise<void>
}

/** What a directional derivative was found to be. `kink`: there is none here. `blurred`: rounding leaves it open. */
export type Verdict = 'agrees' | 'kink' | 'blurred'

/** A gradient that is not the derivative. */
export class WrongGradient extends Error {}

/** ONNX Runtime, every node as it is written; initializers of a float type are inputs of the session, so that they can be moved. */
export async function runtimeEvaluator(model: Model): Promise<Evaluator> {
  const { graph } = model
  const listed = new Set(graph.inputs.map(({ name }) => name))
  const floats = [...graph.initializers.values()].filter(({ dtype }) => isFloat(dtype))
  const added = floats.filter(({ name }) => !listed.has(name))
  const inputs = [...graph.inputs, ...added.map(({ name, dtype, dims }) => ({ name, dtype, shape: dims }))]
  const types = new Map(inputs.map(({ name, dtype = 'float32' }) => [name, dtype]))
  const start = new Map(floats.map((tensor) => [tensor.name, { dims: tensor.dims, data: numbersOf(tensor) }]))
  const initializers = new Map([...graph.initializers].filter(([name]) => !start.has(name)))
  const bytes = modelBytes({ ...model, graph: { ...graph, inputs, initializers } })
  const session = await nodeRuntime.open({ bytes }, { threads: 1, optimization: 'none' })
  const feed = (name: string, { dims, data }: Numbers): HostTensor => {
    const dtype = types.get(name) ?? 'float32'
    if (!isHostDType(dtype)) throw new Error(`inputs of type ${dtype} cannot be fed`)
    return hostTensorOf(dtype, dims, bytesOf(tensorOf(name, dtype, dims, data)))
  }
  return {
    run: async (place, outputs) => {
      const there = [...new Map([...start, ...place])].filter(([name]) => types.has(name))
      const feeds = new Map(there.map(([name, numbers]) => [name, feed(name, numbers)]))
      return numbersOfAll(await session.run(feeds, outputs))
    },
    release: () => session.release(),
  }
}

/** The reference evaluator, which knows the forms of opset 18: all in double precision, whatever types the model declares. */
export function referenceEvaluator(model: Model): Evaluator {
  const renewed = upgraded(model)
  return {
    run: (place, outputs) => Promise.resolve(evaluate(renewed, place, outputs)),
    release: () => Promise.resolve(),
  }
}

export function numbersOfAll(tensors: HostTensors): Map<string, Numbers> {
  return new Map(
    [...tensors].map(([name, tensor]) => {
      const read = numberReader(tensor)
      if (read === undefined) throw new Error('a tensor of strings')
      const data = Float64Array.from({ length: tensor.data.length }, (_, i) => read(i))
      return [name, { dims: [...tensor.dims], data }]
    }),
  )
}

/** The float outputs of a model. */
export function floatOutputs(model: Model): string[] {
  const values = valuesOf(model)
  return model.graph.outputs.map(({ name }) => name).filter((name) => isDifferentiable(values.find(name)?.facts ?? {}))
}

/**
 * The model with the output `name` more: the sum of these values' elements, each times a fixed random number. `sizes` tells how
 * many elements a value has; its sizes may be names.
 */
export function withRandomSum(
  model: Model,
  name: string,
  values: readonly string[],
  sizes: (value: string) => number,
): Model {
  const continuation = new Continuation(model, `${name}/`)
  const { builder } = continuation
  const terms = values.map((own) => {
    const value = continuation.value(own)
    const seed = seedOf(`direction ${own}`)
    const numbers = Array.from({ length: sizes(own) }, (_, i) => normalAt(seed, i))
    const weights = builder.constant(value.dtype ?? 'float32', [numbers.length], numbers)
    return value.mul(weights.op('Reshape', [builder.shapeOf(value)])).sum(undefined, false)
  })
  builder.output(
    terms.reduce((sum, term) => sum.add(term)),
    name,
  )
  return continuation.finish()
}

/** The inputs that are no initializers, drawn (sizes that are names are `batch`), and the float initializers as they are. */
export function placeOf(model: Model, batch = 2): Map<string, Numbers> {
  const place = new Map<string, Numbers>()
  for (const tensor of model.graph.initializers.values())
    if (isFloat(tensor.dtype)) place.set(tensor.name, { dims: tensor.dims, data: numbersOf(tensor) })
  for (const { name, dtype, shape = [] } of model.graph.inputs) {
    if (model.graph.initializers.has(name)) continue
    const dims = shape.map((dim) => (typeof dim === 'number' ? dim : batch))
    const seed = seedOf(name)
    place.set(name, {
      dims,
      data: Float64Array.from({ length: sizeOf(dims) }, (_, i) => (isFloat(dtype) ? normalAt(seed, i) : 0)),
    })
  }
  return place
}

/** Steps of the differences, relative to numbers about 1. */
const STEPS = [1e-3, 1e-4, 1e-5, 1e-6, 1e-7]

/**
 * Compares Σ gradient·direction with central differences of `of` along the direction, at several steps: truncation makes large steps wrong,
 * kinks make those wrong that reach over one, rounding makes small ones wrong. A right gradient agrees at one step at least, up to
 * what rounding does there; a wrong one at none.
 *
 * @param terms the sum of the magnitudes of what L is the sum of: its rounding error is a few 2⁻⁵² of that
 * @throws WrongGradient where the differences agree among each other, but not with the gradient
 */
export async function judge(
  value: (step: number) => Promise<number>,
  claimed: number,
  scale: number,
  terms: number,
  what: string,
): Promise<Verdict> {
  const at = await value(0)
  const slopes: { step: number; central: number; bend: number; rounding: number }[] = []
  for (const step of STEPS) {
    const [up, down] = [await value(step), await value(-step)]
    const rounding = (200 * 2 ** -52 * (terms + Math.abs(at))) / step
    const central = (up - down) / (2 * step)
    slopes.push({ step, central, bend: (up - 2 * at + down) / step, rounding })
    if (Math.abs(central - claimed) <= 1e-6 * (scale + Math.abs(central)) + rounding) return 'agrees'
  }
  // Two neighbouring steps that agree have found the derivative.
  const sure = slopes.some(({ central, bend, rounding }, i) => {
    const next = slopes[i + 1]
    if (next === undefined) return false
    const spread = Math.abs(central - next.central)
    const flat = Math.abs(next.bend) <= 0.2 * Math.abs(bend) + 2 * next.rounding + 1e-6 * scale
    const apart = Math.abs(central - claimed)
    return flat && Number.isFinite(apart + spread) && spread + rounding < 0.1 * apart
  })
  const seen = slopes.map(({ step, central }) => `${step}: ${central}`).join(', ')
  if (sure) throw new WrongGradient(`${what}: gradient ${claimed}, central differences ${seen}`)
  if (!Number.isFinite(claimed)) {
    if (
      slopes.every(({ central }) => Number.isFinite(central)) &&
      slopes.every(({ bend }) => Math.abs(bend) < 1e3 * scale)
    )
      throw new WrongGradient(`${what}: gradient ${claimed}, central differences ${seen}`)
    return 'kink'
  }
  const last = slopes.at(-2) as (typeof slopes)[number]
  return Math.abs(last.bend) > last.rounding + 1e-3 * scale ? 'kink' : 'blurred'
}

/** By how many of its values, about, L is differentiated alone too: a small gradient is lost among large ones. */
const ALONE = 4

/** How the derivatives of one model were judged. */
export type Tally = Record<Verdict, number>

/**
 * Checks ∂of/∂v along a random direction of each of some names, and of all of them together.
 * @param find where the gradients are computed, `names` which outputs they are, and `value` where L is
 */
export async function checkDirections(
  find: Evaluator,
  names: ReadonlyMap<string, string>,
  value: Evaluator,
  of: string,
  place: Place,
  tally: Tally,
): Promise<ReadonlyMap<string, Numbers>> {
  const found = await find.run(place, [...names.values()])
  const claims = [...names].map(([name, output]) => {
    const at = place.get(name) as Numbers
    const gradient = found.get(output) as Numbers
    if (gradient.dims.join() !== at.dims.join())
      throw new WrongGradient(`∂${of}/∂${name} has shape [${gradient.dims.join()}], expected [${at.dims.join()}]`)
    const seed = seedOf(`move ${name}`)
    const direction = Float64Array.from(at.data, (_, i) => normalAt(seed, i))
    const slope = gradient.data.reduce((sum, g, i) => sum + g * (direction[i] as number), 0)
    return {
      name,
      at,
      direction,
      slope,
      scale: Math.hypot(...gradient.data),
      largest: Math.max(0, ...direction.map(Math.abs)),
    }
  })
  const along = (moved: typeof claims) => async (step: number) => {
    const there = moved.map(({ name, at, direction }): [string, Numbers] => [
      name,
      { dims: at.dims, data: at.data.map((x, i) => x + step * (direction[i] as number)) },
    ])
    return (await value.run(new Map([...place, ...there]), [of])).get(of)?.data[0] ?? NaN
  }
  const terms = Math.abs(await along([])(0)) + 10
  const alone = claims.filter((_, i) => i % Math.ceil(claims.length / ALONE) === 0)
  const groups = [...alone.map((claim) => [claim]), ...(claims.length > 1 ? [claims] : [])]
  for (const group of groups) {
    if (group.every(({ at }) => at.data.length === 0)) continue
    const slope = group.reduce((sum, claim) => sum + claim.slope, 0)
    const scale = Math.hypot(...group.map((claim) => claim.scale)) + 1e-3
    const what = `∂${of}/∂${group.length === 1 ? (group[0]?.name ?? '') : 'all'}`
    tally[await judge(along(group), slope, scale, terms, what)]++
  }
  return found
}

/** What became of a model: how its derivatives were judged, or why there was nothing to judge. */
export interface Outcome {
  readonly first: Tally
  readonly second: Tally
  /** `runs`: the function itself cannot be evaluated, or not to finite numbers. `refused`: a ModelError of a rule. */
  readonly skipped?: 'runs' | 'refused'
  readonly reason?: string
}

/**
 * First and second derivatives of a sum of all float outputs, times random numbers, by all float inputs and by the float initializers
 * of the inputs' type.
 */
export async function checkDerivatives(
  model: Model,
  open: (model: Model) => Evaluator | Promise<Evaluator>,
  { second = true } = {},
): Promise<Outcome> {
  const tallies = { first: noTally(), second: noTally() }
  const dtype = model.graph.inputs.find((input) => isFloat(input.dtype))?.dtype
  const place = placeOf(model)
  const shaping = new Set(model.graph.nodes.flatMap(parameters))
  const wrt = [...place.keys()].filter((name) => typeOf(model, name) === dtype && !shaping.has(name))
  const outputs = floatOutputs(model)
  if (outputs.length === 0) return { ...tallies, skipped: 'runs', reason: 'no float outputs' }
  const opened: Evaluator[] = []
  const evaluator = async (of: Model): Promise<Evaluator> => {
    const made = await open(of)
    opened.push(made)
    return made
  }
  try {
    const plain = await attempted(async () => (await evaluator(model)).run(place, outputs))
    if (plain instanceof Error) return { ...tallies, skipped: 'runs', reason: plain.message }
    const largest = Math.max(...[...plain.values()].flatMap(({ data }) => [...data].map(Math.abs)), 0)
    if (!(largest < 1e6)) return { ...tallies, skipped: 'runs', reason: 'not finite' }
    const sizes = (name: string): number => plain.get(name)?.data.length ?? 0
    const scalar = withRandomSum(model, 'L', outputs, sizes)
    const once = derivation(() => gradients(scalar, { of: 'L', wrt }))
    if (once instanceof ModelError) return { ...tallies, skipped: 'refused', reason: once.message }
    const value = await evaluator(scalar)
    const found = await checkDirections(await evaluator(once.model), once.gradients, value, 'L', place, tallies.first)
    const finite = [...found.values()].every(({ data }) => data.every((x) => Math.abs(x) < 1e6))
    if (!second || !finite) return tallies
    const sum = withRandomSum(
      once.model,
      'M',
      [...once.gradients.values()],
      (name) => found.get(name)?.data.length ?? 0,
    )
    const twice = derivation(() => gradients(sum, { of: 'M', wrt }))
    if (twice instanceof ModelError) return { ...tallies, skipped: 'refused', reason: `second: ${twice.message}` }
    const slope = await evaluator(sum)
    await checkDirections(await evaluator(twice.model), twice.gradients, slope, 'M', place, tallies.second)
    return tallies
  } finally {
    for (const made of opened) await made.release()
  }
}

/** Exponents, by which negative numbers have no derivative, and scales of images and of quantisers, which have no rule. */
function parameters({ opType, inputs }: Node): readonly string[] {
  return ['Pow', 'Resize', 'QuantizeLinear', 'DequantizeLinear'].includes(opType) ? inputs.slice(1) : []
}

function noTally(): Tally {
  return { agrees: 0, kink: 0, blurred: 0 }
}

function typeOf(model: Model, name: string) {
  return model.graph.initializers.get(name)?.dtype ?? model.graph.inputs.find((input) => input.name === name)?.dtype
}

async function attempted<T>(action: () => Promise<T>): Promise<T | Error> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
}

function derivation<T>(derive: () => T): T | ModelError {
  try {
    return derive()
  } catch (error) {
    if (error instanceof ModelError) return error
    throw error
  }
}
