import { gradients } from '../../../src/autodiff/gradients.js'
import type { DType } from '../../../src/graph/dtype.js'
import { sizeOf } from '../../../src/graph/tensor.js'
import type { AttributeValue } from '../../support/plain-graph.js'
import { type CheckOptions, checkGradients, runAt } from '../../support/gradient-check.js'
import { Network } from '../network.js'

/** One node, its inputs as they are at the point that is looked at. */
export interface Example {
  readonly opType: string
  /** Float inputs; undefined for those that are left out. */
  readonly inputs: readonly ({ readonly dims: readonly number[]; readonly values: readonly number[] } | undefined)[]
  readonly attributes?: Readonly<Record<string, AttributeValue>>
  /** Inputs that are constants instead, of any type, after or among the others. */
  readonly constants?: Readonly<
    Record<number, { readonly dims: readonly number[]; readonly values: readonly number[]; readonly dtype: DType }>
  >
  readonly opset?: number
  readonly outputs?: number
}

function build({ opType, inputs, attributes = {}, constants = {}, opset = 18, outputs = 1 }: Example, dtype: DType) {
  const network = new Network(opset)
  const point = new Map<string, { dims: readonly number[]; data: Float64Array }>()
  const names = inputs.map((input, i) => {
    const constant = constants[i]
    if (constant !== undefined) return network.constant(constant.dims, constant.values, constant.dtype)
    if (input === undefined) return ''
    const name = network.input(input.dims, dtype)
    point.set(name, { dims: input.dims, data: Float64Array.from(input.values) })
    return name
  })
  return { network, point, names, result: network.node(opType, names, attributes, outputs)[0] as string }
}

/** First and second derivatives by central differences; float64 in ONNX Runtime, float32 against the reference evaluator. */
export async function check(example: Example, dtype: DType = 'float64', options: CheckOptions = {}): Promise<void> {
  const { network, point, result } = build(example, dtype)
  const wrt = [...point.keys()]
  await checkGradients(network.output(result).model(), { wrt, ...options }, point)
}

/**
 * ∂ Σ y / ∂ input for every float input, as ONNX Runtime computes it. `named`: the model calls the sizes that are not 1 by names alone,
 * one for each number.
 */
export async function gradientsOfSum(
  example: Example,
  dtype: DType = 'float32',
  { named = false } = {},
): Promise<number[][]> {
  const { network, point, result } = build(example, dtype)
  const total = network.op('ReduceSum', [result], { keepdims: 0 })
  const wrt = [...point.keys()]
  const model = network.output(total).model()
  const inputs = model.graph.inputs.map((input) => ({
    ...input,
    shape: input.shape?.map((dim) => (named && dim !== 1 ? `size ${dim}` : dim)) ?? [],
  }))
  const free = { ...model, graph: { ...model.graph, inputs, outputs: [{ name: total }] } }
  const derived = gradients(free, { of: total, wrt, keepOutputs: false })
  const found = await runAt(derived.model, point)
  return wrt.map((name) => [...(found.get(derived.gradients.get(name) as string)?.data ?? [])])
}

/**
 * How many examples a property is tried on: always the same ones, since at one random place in some thousands the error of the
 * central difference itself (its rounding, or the next term of its series) is beyond the tolerance. RUNS in the environment: as many new ones.
 */
export function runs(count: number): { numRuns: number; seed?: number } {
  const asked = process.env['RUNS']
  return asked === undefined ? { numRuns: count, seed: 1 } : { numRuns: Number(asked) }
}

/**
 * Numbers that differ from each other and from whole and half numbers, where kinks lie, by far more than the step of a central
 * difference; and from those of other seeds, if these are no multiple of 5 away.
 */
export function awayFromKinks(dims: readonly number[], seed: number, low: number, high: number): number[] {
  const drawn = new Set<number>()
  const size = sizeOf(dims)
  for (let i = 0; drawn.size < size; i++) {
    const unit = Math.abs(Math.sin(seed * 12.9898 + i * 78.233) * 43758.5453) % 1
    const value = low + (high - low) * unit
    const kink = Math.round(value * 2) / 2
    const off = Math.round((0.05 + 0.8 * Math.abs(value - kink)) * 512) / 512 + (seed % 5) / 4096
    drawn.add(value < kink ? kink - off : kink + off)
  }
  return [...drawn]
}
