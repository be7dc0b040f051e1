import type { Graph, Model, Node, Tensor } from '../graph/model.js'
import { isFloat } from '../graph/dtype.js'
import { readBy } from '../graph/reads.js'
import { hostBytes, isHostDType } from '../runtime/host.js'
import { type Place, openModel } from '../runtime/open.js'
import type { HostTensor, HostTensors, Runtime } from '../runtime/session.js'
import { compareNumbers, differenceOf, isFloatTensor } from './verify-compare.js'
import { fittedErrors, scaledErrors } from './verify-scaled.js'

/** The scale field of a value, broadcastable to it from the last axis on: x' = values ⊙ x. Undefined where the value has none. */
export type FieldOf = (value: string) => { readonly dims: readonly number[]; readonly values: Float64Array } | undefined

/** The node whose output differs although all that it computes from agrees, as far as values can be compared. */
export interface FirstDivergence {
  /** May be empty, as names of nodes may. */
  readonly node: string
  readonly opType: string
  /** The output of the node that differs. */
  readonly value: string
  /** Null if a NaN or an infinity stands against anything else, or if the shapes differ. */
  readonly maxAbsError: number | null
  readonly maxRelError: number | null
  /** The constant inputs of the node. */
  readonly weights: readonly string[]
  /**
   * How the second model's value was expected to be: the first's (`none`), the first's in the known change of basis (`known`),
   * or the first's up to the best factor per channel (`fitted`: no change of basis is known, and most weights differ).
   */
  readonly scale: 'none' | 'known' | 'fitted'
  /** Shapes or types, if they differ. */
  readonly difference?: string
}

export interface LocateOptions {
  readonly runtime: Runtime
  readonly place?: Place
  readonly threads?: number
  readonly feeds: HostTensors
  /** What the outputs were held to. */
  readonly tolerance: number
  /** The least max|y − y'| ÷ max|y| of the outputs that differ. */
  readonly error: number
  /** The outputs that differ. */
  readonly outputs: readonly string[]
  readonly fieldOf?: FieldOf
}

/** Values fetched in one run: few enough to bound memory, many enough that ten thousand nodes take three runs. */
const FETCHED = 48
const ROUNDS = 16
const ACTIVATIONS = 2 ** 28

interface Inner {
  /** The graph's outputs, which no change of basis scales. */
  readonly finals: ReadonlySet<string>
  readonly scale: FirstDivergence['scale']
  readonly threshold: number
  readonly options: LocateOptions
}

/**
 * max|x − x'| ÷ max|x| above which an inner value counts as different. Two copies of one network compute the same bits up to where
 * they part, so that hardly anything is put down to rounding; across a change of basis every value is rounded anew. A small error
 * inside can be a large one at the output, so what is looked for is well below that.
 */
function thresholdOf(scale: FirstDivergence['scale'], { tolerance, error }: LocateOptions): number {
  if (scale === 'none') return Math.min(tolerance / 100, error / 1000)
  return Math.min(10 * tolerance, Math.max(tolerance / 10, error / 20))
}

interface Verdict {
  readonly agrees: boolean
  readonly maxAbsError: number | null
  readonly maxRelError: number | null
  readonly difference?: string
}

/**
 * Looks for the first node, in topological order, where the two models part. Values are fetched from unoptimised copies of both
 * models; in a large graph only a few at a time, which narrow the search to what the earliest differing one is computed from.
 * Undefined if no comparable value inside differs.
 */
export async function locateDivergence(
  a: Model,
  b: Model,
  options: LocateOptions,
): Promise<FirstDivergence | undefined> {
  const trace = new Trace(a, b)
  const scale = options.fieldOf !== undefined ? 'known' : manyWeightsDiffer(a, b) ? 'fitted' : 'none'
  const finals = new Set(a.graph.outputs.map((output) => output.name))
  const inner: Inner = { finals, scale, threshold: thresholdOf(scale, options), options }
  const verdicts = new Map<string, Verdict | undefined>()
  const batch = batchSize(options.feeds)
  let roots = options.outputs
  let found: string | undefined
  for (let round = 0; round < ROUNDS; round++) {
    const region = trace.behind(roots, (value) => verdicts.get(value)?.agrees === true)
    const unknown = region.filter((value) => !verdicts.has(value))
    if (unknown.length === 0) break
    const picked = spread(unknown, batch)
    for (const [value, verdict] of await compareInner(a, b, picked, inner)) verdicts.set(value, verdict)
    const first = region.find((value) => verdicts.get(value)?.agrees === false)
    // Not even the outputs differ: whatever made them differ was the runtime's optimisation of the whole.
    if (first === undefined && found === undefined && picked.length === unknown.length) return undefined
    if (first !== undefined) {
      found = first
      roots = [first]
    }
  }
  const node = found === undefined ? undefined : trace.producer(found)
  const verdict = found === undefined ? undefined : verdicts.get(found)
  if (found === undefined || node === undefined || verdict === undefined) return undefined
  return {
    node: node.name,
    opType: node.opType,
    value: found,
    maxAbsError: verdict.maxAbsError,
    maxRelError: verdict.maxRelError,
    weights: trace.weightsOf(node),
    scale,
    ...(verdict.difference === undefined ? {} : { difference: verdict.difference }),
  }
}

/** At most `count` of the values, evenly spread, the last always among them. */
function spread(values: readonly string[], count: number): readonly string[] {
  if (values.length <= count) return values
  return Array.from({ length: count }, (_, i) => values[Math.floor(((i + 1) * values.length) / count) - 1] ?? '')
}

/** An activation is often some sixteen times as large as the inputs. */
function batchSize(feeds: HostTensors): number {
  let bytes = 1
  for (const { dtype, data } of feeds.values()) bytes += data.length * (isHostDType(dtype) ? hostBytes(dtype) : 8)
  return Math.min(FETCHED, Math.max(2, Math.floor(ACTIVATIONS / (16 * bytes))))
}

/** Undefined for values about which nothing can be said: what is no float, or has too few elements for a fit. */
async function compareInner(
  a: Model,
  b: Model,
  values: readonly string[],
  inner: Inner,
): Promise<Map<string, Verdict | undefined>> {
  const expected = await fetchInner(a, values, inner.options)
  const actual = await fetchInner(b, values, inner.options)
  const verdicts = new Map<string, Verdict | undefined>()
  for (const value of values) {
    const [x, y] = [expected.get(value), actual.get(value)]
    verdicts.set(value, x === undefined || y === undefined || !isFloatTensor(x) ? undefined : judge(value, x, y, inner))
  }
  return verdicts
}

function judge(value: string, x: HostTensor, y: HostTensor, inner: Inner): Verdict | undefined {
  const { scale, threshold, options } = inner
  const difference = differenceOf(x, y)
  if (difference !== undefined) return { agrees: false, maxAbsError: null, maxRelError: null, difference }
  const field = options.fieldOf?.(value)
  const errors =
    field !== undefined
      ? scaledErrors(x, y, field)
      : scale === 'fitted' && !inner.finals.has(value)
        ? fittedErrors(x, y, threshold)
        : compareNumbers(x, y)
  if (errors === undefined) return undefined
  if (!errors.finite) return { agrees: false, maxAbsError: null, maxRelError: null }
  const relative = errors.scale === 0 ? errors.error : errors.error / errors.scale
  return { agrees: relative <= threshold, maxAbsError: errors.error, maxRelError: relative }
}

async function fetchInner(
  model: Model,
  values: readonly string[],
  options: LocateOptions,
): Promise<Map<string, HostTensor>> {
  const session = await openModel(options.runtime, withOutputs(model, values), {
    ...options,
    optimization: 'none',
  })
  try {
    return await session.run(options.feeds)
  } finally {
    await session.release()
  }
}

/** The model with these values as its outputs. */
function withOutputs(model: Model, values: readonly string[]): Model {
  const { storage: _, ...rest } = model
  // Declared types of inner values are often absent, and need not be right; the runtime infers them.
  const declared = new Map(model.graph.outputs.map((output) => [output.name, output]))
  return { ...rest, graph: { ...model.graph, outputs: values.map((name) => declared.get(name) ?? { name }) } }
}

const NOT_TENSORS = /^(Sequence|SplitToSequence|Optional)/

/** How the values that both models have depend on each other in the first. */
class Trace {
  readonly #producers = new Map<string, Node>()
  readonly #order = new Map<string, number>()
  readonly #comparable = new Set<string>()
  /** Values that depend on an input. */
  readonly #varying: ReadonlySet<string>
  readonly #graph: Graph

  constructor(a: Model, b: Model) {
    this.#graph = a.graph
    const shared = new Set(b.graph.nodes.flatMap((node) => node.outputs))
    // Constants and what is computed from them alone are weights, which are allowed to differ.
    const varying = new Set(
      a.graph.inputs.filter((input) => !a.graph.initializers.has(input.name)).map((input) => input.name),
    )
    this.#varying = varying
    for (const node of a.graph.nodes) {
      const varies = [...readBy(node)].some((name) => varying.has(name))
      for (const name of node.outputs) {
        if (name === '') continue
        this.#order.set(name, this.#order.size)
        this.#producers.set(name, node)
        if (!varies) continue
        varying.add(name)
        const dtype = a.graph.valueInfo.get(name)?.dtype
        const fetchable = dtype === undefined || (isFloat(dtype) && isHostDType(dtype))
        if (shared.has(name) && fetchable && !NOT_TENSORS.test(node.opType)) this.#comparable.add(name)
      }
    }
  }

  producer(value: string): Node | undefined {
    return this.#producers.get(value)
  }

  /** The comparable values from which `roots` are computed, themselves included, in topological order; not going beyond those that agree. */
  behind(roots: readonly string[], agrees: (value: string) => boolean): string[] {
    const seen = new Set(roots)
    for (const value of seen) {
      const node = this.#producers.get(value)
      if (node !== undefined && !agrees(value)) for (const name of readBy(node)) seen.add(name)
    }
    const rank = (value: string) => this.#order.get(value) ?? 0
    return [...seen].filter((value) => this.#comparable.has(value)).sort((x, y) => rank(x) - rank(y))
  }

  /** Names of the constants that a node reads: its own, then those that reach it through nodes of constants alone. */
  weightsOf(node: Node): string[] {
    const weights: string[] = []
    const pending = [...readBy(node)]
    for (let at = 0; at < Math.min(pending.length, 256); at++) {
      const name = pending[at] ?? ''
      const producer = this.#producers.get(name)
      if (this.#graph.initializers.has(name) || producer?.opType === 'Constant') weights.push(name)
      else if (producer !== undefined && !this.#varying.has(name)) pending.push(...producer.inputs)
    }
    return [...new Set(weights)]
  }
}

/** Whether more weights differ than a few damaged ones: then the models are taken for a change of basis of each other. */
function manyWeightsDiffer(a: Model, b: Model): boolean {
  const others = constantsOf(b.graph)
  let total = 0
  let different = 0
  for (const [name, tensor] of constantsOf(a.graph)) {
    const other = others.get(name)
    if (other === undefined || !isFloat(tensor.dtype) || other.data.byteLength !== tensor.data.byteLength) continue
    // The beginning tells: a change of basis changes nearly every element.
    const length = Math.min(4096, tensor.data.byteLength)
    const [x, y] = [tensor.data.read(0, length), other.data.read(0, length)]
    total++
    if (!x.every((byte, i) => byte === y[i])) different++
  }
  return different >= 2 && different * 8 >= total
}

function constantsOf(graph: Graph): Map<string, Tensor> {
  const constants = new Map(graph.initializers)
  for (const node of graph.nodes) {
    const value = node.attributes.get('value')
    const name = node.outputs[0]
    if (node.opType === 'Constant' && value?.type === 'tensor' && name !== undefined) constants.set(name, value.value)
  }
  return constants
}
