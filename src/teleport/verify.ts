import { ModelError, type Model } from '../graph/model.js'
import { RANDOM } from '../graph/random-operators.js'
import { quoted } from '../graph/text.js'
import { type Place, openModel } from '../runtime/open.js'
import { numberReader } from '../runtime/host.js'
import type { HostTensor, HostTensors, Runtime, Session, SessionOptions } from '../runtime/session.js'
import { drawInputs } from './inputs.js'
import { ATTEMPTS } from './inputs-sizes.js'
import { Comparator, isFloatTensor, type OutputComparison } from './verify-compare.js'
import { type FieldOf, type FirstDivergence, locateDivergence } from './verify-locate.js'
import { checkInterfaces, feedsOf } from './verify-outputs.js'
import { differsByTies, type IndexPair } from './verify-ties.js'
import { levelOf, toleranceOf } from './verify-tolerance.js'

/** On what, and how closely, two models are compared. */
export interface VerifyOptions {
  readonly runtime: Runtime
  /** Where models go that are too large to be handed over in memory; without it they are refused. */
  readonly place?: Place
  /** What to run on, one map per sample. Default: inputs that are drawn (see `drawInputs`). */
  readonly inputs?: HostTensors | readonly HostTensors[]
  /** Of the drawn inputs; default 0. */
  readonly seed?: number
  /** How many sets of inputs are drawn; default 4. */
  readonly samples?: number
  /** Sizes of open dimensions, by name or `input:axis`. */
  readonly dims?: Readonly<Record<string, number>>
  /** The largest max|y − y'| ÷ max|y| that passes. Default by the models' types: see `TOLERANCES`. */
  readonly tolerance?: number
  /** Threads of the runtime; default as many as the machine has cores. */
  readonly threads?: number
  /** Whether to look for the first divergence if the outputs differ; default true. */
  readonly locate?: boolean
  /** The scale field s of an inner value, x' = s ⊙ x, where the change of basis is known; undefined where a value has none (s = 1). */
  readonly fieldOf?: FieldOf
}

/** Whether two models are the same function, as far as running them shows. JSON keeps all of it. */
export interface VerifyReport {
  /**
   * Every float output within the tolerance, every other output equal, apart from what `warnings` then name: choices (ArgMax,
   * TopK) between scores that are equal within the tolerance, and a Sigmoid or Softmax at the edge of its range.
   */
  readonly pass: boolean
  /** Every output has the same bits. */
  readonly identical: boolean
  /** The worst output's; null if a NaN or an infinity stands against anything else, or if shapes or types differ. */
  readonly maxAbsError: number | null
  /** The worst output's max|y − y'| ÷ max|y|; null as `maxAbsError`. */
  readonly maxRelError: number | null
  readonly tolerance: number
  readonly samples: number
  /** Null if the inputs were given. */
  readonly seed: number | null
  /** The sizes that were chosen for open dimensions, by name or `input:axis`. */
  readonly sizes: Readonly<Record<string, number>>
  readonly outputs: readonly OutputComparison[]
  /** Where the two part, if they do and the place was found. */
  readonly firstDivergence?: FirstDivergence
  /**
   * Only of a check that failed: the worst output's max|y − y'| ÷ max|y| between the first model and itself at other levels of the
   * runtime's optimisation. Rounding alone makes this difference: errors of its size say nothing against the second model.
   */
  readonly rounding?: number | null
  /** What makes the result worth less than it seems: outputs that are NaN throughout, random operators. */
  readonly warnings: readonly string[]
}

/**
 * Runs two models on the same inputs and compares every output. The runtime is asked for no more than basic optimisation (none for float64): what
 * the networks say is compared, not what fused kernels make of it, some of which crash (ONNX Runtime 1.30 on float16 attention).
 * @throws ModelError if their inputs or outputs do not match, or if the runtime refuses a model or its inputs
 */
export async function verify(a: Model, b: Model, options: VerifyOptions): Promise<VerifyReport> {
  checkInterfaces(a, b)
  const tolerance = options.tolerance ?? Math.max(toleranceOf(a), toleranceOf(b))
  if (!(tolerance >= 0)) throw new ModelError(`tolerance: expected a number of at least 0, got ${tolerance}`)
  const { feeds, results, sizes } = await runFirst(a, options)
  const comparison = await compareWith(b, feeds, results, options)
  const warnings = warningsOf(a, results)
  const excused = await excuses(a, comparison, tolerance, options, warnings)
  const passed = (output: OutputComparison) =>
    excused.has(output.name) ||
    (output.exact ? output.identical : output.maxRelError !== null && output.maxRelError <= tolerance)
  const pass = comparison.outputs.every(passed)
  let firstDivergence: FirstDivergence | undefined
  if (!pass && options.locate !== false) {
    const differing = comparison.outputs.filter((output) => !passed(output))
    try {
      firstDivergence = await locateDivergence(a, b, {
        ...options,
        feeds: feeds[comparison.worstSample] ?? new Map(),
        tolerance,
        error: Math.min(...differing.map((output) => (output.exact ? Infinity : (output.maxRelError ?? Infinity)))),
        outputs: differing.map((output) => output.name),
      })
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      warnings.push(`where the two part was not found: ${error.message}`)
    }
  }
  const rounding = pass ? undefined : await roundingOf(a, feeds, results, options)
  return {
    pass,
    identical: comparison.outputs.every((output) => output.identical),
    maxAbsError: worst(comparison.outputs.map((output) => output.maxAbsError)),
    maxRelError: worst(comparison.outputs.map((output) => output.maxRelError)),
    tolerance,
    samples: feeds.length,
    seed: options.inputs === undefined ? (options.seed ?? 0) : null,
    sizes,
    outputs: comparison.outputs,
    ...(firstDivergence === undefined ? {} : { firstDivergence }),
    ...(rounding === undefined ? {} : { rounding }),
    warnings,
  }
}

async function roundingOf(
  model: Model,
  feeds: readonly HostTensors[],
  results: readonly Map<string, HostTensor>[],
  options: VerifyOptions,
): Promise<number | null> {
  const errors: (number | null)[] = []
  for (const level of ['none', 'extended'] as const) {
    const { outputs } = await compareWith(model, feeds, results, options, level)
    errors.push(...outputs.map((output) => output.maxRelError))
  }
  return worst(errors)
}

function worst(errors: readonly (number | null)[]): number | null {
  return errors.reduce((a, b) => (a === null || b === null ? null : Math.max(a, b)), 0)
}

interface FirstRun {
  readonly feeds: readonly HostTensors[]
  readonly results: readonly Map<string, HostTensor>[]
  readonly sizes: Readonly<Record<string, number>>
}

/** Runs the first model; where sizes are open, on the first that it accepts. */
async function runFirst(model: Model, options: VerifyOptions): Promise<FirstRun> {
  const session = await openModel(options.runtime, model, { ...options, optimization: levelOf(model) })
  try {
    if (session.outputNames.length === 0)
      throw new ModelError('the model has no output that is a tensor, so that nothing can be compared')
    if (options.inputs !== undefined) {
      const given = options.inputs
      const maps: readonly HostTensors[] =
        given instanceof Map ? [given as HostTensors] : (given as readonly HostTensors[])
      const feeds = maps.map((map) => feedsOf(model, map))
      return { feeds, results: await runAll(session, feeds), sizes: {} }
    }
    return await runDrawn(session, model, options)
  } finally {
    await session.release()
  }
}

async function runDrawn(session: Session, model: Model, options: VerifyOptions): Promise<FirstRun> {
  let refusal: ModelError | undefined
  let tried = ''
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { samples: feeds, sizes, open } = drawInputs(model, { ...options, attempt })
    const key = JSON.stringify(sizes)
    if (key === tried) continue
    tried = key
    try {
      return { feeds, results: await runAll(session, feeds), sizes }
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      refusal ??= error
      if (!open) break
    }
  }
  throw new ModelError(
    `no drawn input suits the model (${refusal?.message ?? ''}): set its open dimensions (last tried: ${tried}) or give inputs in an .npz file`,
  )
}

async function runAll(session: Session, feeds: readonly HostTensors[]): Promise<Map<string, HostTensor>[]> {
  const results: Map<string, HostTensor>[] = []
  for (const feed of feeds) results.push(await session.run(feed))
  return results
}

interface Comparison {
  readonly outputs: readonly OutputComparison[]
  readonly worstSample: number
  /** What differs of outputs that are no floats. */
  readonly indices: ReadonlyMap<string, readonly IndexPair[]>
}

async function compareWith(
  model: Model,
  feeds: readonly HostTensors[],
  expected: readonly Map<string, HostTensor>[],
  options: VerifyOptions,
  optimization: SessionOptions['optimization'] = levelOf(model),
): Promise<Comparison> {
  const session = await openModel(options.runtime, model, { ...options, optimization })
  try {
    const names = [...(expected[0]?.keys() ?? [])]
    const comparators = new Map(names.map((name) => [name, new Comparator(name)]))
    const indices = new Map<string, IndexPair[]>()
    let worstSample = 0
    let worstError = 0
    for (const [sample, feed] of feeds.entries()) {
      const actual = await session.run(feed, names)
      for (const [name, comparator] of comparators) {
        const [y, z] = [expected[sample]?.get(name), actual.get(name)]
        if (y === undefined || z === undefined) continue
        const error = comparator.add(y, z)
        if (error > 0 && !isFloatTensor(y))
          indices.set(name, [...(indices.get(name) ?? []), { feeds: feed, expected: y, actual: z }])
        if (error > worstError) [worstError, worstSample] = [error, sample]
      }
    }
    return { outputs: [...comparators.values()].map((comparator) => comparator.result()), worstSample, indices }
  } finally {
    await session.release()
  }
}

const BOUNDED = new Set(['Sigmoid', 'Softmax', 'HardSigmoid'])
/** What a runtime's Sigmoid or Softmax may err by in float32, whatever its value: some units in the last place of 1. */
const BOUNDED_ERROR = 1e-6

/** Outputs that differ, but by nothing that says that the functions do; a warning is added for each. */
async function excuses(
  model: Model,
  comparison: Comparison,
  tolerance: number,
  options: VerifyOptions,
  warnings: string[],
): Promise<Set<string>> {
  const excused = new Set<string>()
  for (const { name, exact, maxAbsError, maxRelError, mismatch, difference } of comparison.outputs) {
    if (difference !== undefined || maxAbsError === null || maxRelError === null || mismatch === 0) continue
    if (exact) {
      const pairs = comparison.indices.get(name) ?? []
      if (!(await differsByTies(model, name, pairs, tolerance, options.runtime, options))) continue
      warnings.push(
        `output ${quoted(name)}: ${mismatch} of the choices differ, all between scores that are equal within the tolerance`,
      )
      excused.add(name)
    } else if (tolerance > 0 && maxRelError > tolerance && maxAbsError <= BOUNDED_ERROR) {
      const producer = model.graph.nodes.find((node) => node.outputs.includes(name))
      if (producer === undefined || !BOUNDED.has(producer.opType)) continue
      warnings.push(
        `output ${quoted(name)}: the inputs leave ${producer.opType} at the edge of its range, where it differs by its own rounding; give inputs that suit the model`,
      )
      excused.add(name)
    }
  }
  return excused
}

function warningsOf(model: Model, results: readonly Map<string, HostTensor>[]): string[] {
  const warnings: string[] = []
  const random = model.graph.nodes.find((node) => RANDOM.has(node.opType))
  if (random !== undefined)
    warnings.push(
      `node ${quoted(random.name || (random.outputs[0] ?? ''))} (${random.opType}) draws random numbers: two runs of one model may differ`,
    )
  for (const name of results[0]?.keys() ?? []) {
    const useless = results.every((result) => isNaNThroughout(result.get(name)))
    if (useless)
      warnings.push(
        `output ${quoted(name)} is NaN throughout: the inputs do not suit the model, and the comparison says nothing`,
      )
  }
  return warnings
}

function isNaNThroughout(tensor: HostTensor | undefined): boolean {
  const read = tensor === undefined ? undefined : numberReader(tensor)
  if (tensor === undefined || read === undefined || tensor.data.length === 0) return false
  for (let i = 0; i < tensor.data.length; i++) if (!Number.isNaN(read(i))) return false
  return true
}
