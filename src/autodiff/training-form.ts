import { describe, floatOf } from '../graph/attributes.js'
import { float } from '../graph/builder.js'
import { isNumber, show } from '../graph/dims.js'
import { type Model, ModelError, type Node, type Tensor } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { Value } from '../graph/value.js'
import { range } from '../ops/facts.js'
import { Continuation } from '../shapes/build.js'
import { valuesOf } from '../shapes/infer.js'
import type { Values } from '../shapes/values.js'
import { NodeView } from '../shapes/view.js'
import { upgraded } from './upgrade.js'

/** A running mean or variance of a BatchNormalization. */
export interface RunningStatistic {
  /** The initializer (or input) that holds it: one number for each channel. */
  readonly name: string
  /** The output of the training form that holds its next value. */
  readonly output: string
}

/** What a Dropout keeps. */
export interface DropoutMask {
  /** The input of the training form: bool, true with probability 1 − ratio, drawn anew for each step. */
  readonly input: string
  /** Sizes, or names of sizes that the model's inputs leave open. */
  readonly dims: readonly (number | string)[]
  /** The probability with which an element is dropped. */
  readonly ratio: number
}

/** A model as it is trained. */
export interface TrainingForm {
  readonly model: Model
  /** Where the exporter let several layers share one initializer by way of Identity nodes, each has its own. */
  readonly statistics: readonly RunningStatistic[]
  readonly masks: readonly DropoutMask[]
}

/**
 * The model in training mode, as PyTorch's `train()` has it. BatchNormalization takes the batch's mean and variance, and the running ones
 * become (1 − momentum)·running + momentum·batch's, where the variance is the unbiased one (over n − 1), unlike in ONNX's own definition. Dropout
 * keeps what an input says and divides by 1 − ratio. Exporters drop Dropout from a model in inference form: only what is there comes back.
 * @throws ModelError if there is a single number for each channel, which has no variance, or a Dropout's ratio is computed
 */
export function trainingForm(model: Model): TrainingForm {
  const owning = withOwnStatistics(upgraded(model))
  const { model: training, masks, batches } = inTraining(owning)
  const { model: updating, statistics } = withUpdates(training, batches)
  return { model: updating, statistics, masks }
}

function isNormalization({ opType, domain }: Node): boolean {
  return opType === 'BatchNormalization' && domain === ''
}

/**
 * The model with an initializer of its own for each running statistic that is now an Identity of another one, or a Constant node: exporters
 * write equal tensors once, but running statistics go different ways in training.
 * @throws ModelError where a running statistic is computed
 */
export function withOwnStatistics(model: Model): Model {
  const { graph } = model
  const values = valuesOf(model)
  const own = new Map<string, Tensor>()
  for (const node of graph.nodes.filter(isNormalization))
    for (const name of node.inputs.slice(3, 5)) {
      if (graph.initializers.has(name) || values.find(name)?.producer === undefined) continue
      const tensor = tensorBehind(name, values)
      if (tensor === undefined)
        throw new ModelError(
          `${describe(node)}: its running statistic ${quoted(name)} is computed by other nodes; training needs an initializer (fold the model's constants first)`,
        )
      own.set(name, { ...tensor, name })
    }
  if (own.size === 0) return model
  const nodes = graph.nodes.filter(({ outputs }) => !own.has(outputs[0] ?? ''))
  const { storage: _storage, ...rest } = model
  return { ...rest, graph: { ...graph, nodes, initializers: new Map([...graph.initializers, ...own]) } }
}

function tensorBehind(name: string, values: Values): Tensor | undefined {
  const value = values.find(name)
  const node = value?.producer
  if (value?.tensor !== undefined || node === undefined) return value?.tensor
  return node.domain === '' && node.opType === 'Identity' ? tensorBehind(node.inputs[0] ?? '', values) : undefined
}

/** A BatchNormalization in training mode, beside what it was. */
interface Batch {
  readonly before: Node
  readonly mean: string
  /** Biased. */
  readonly variance: string
}

interface InTraining {
  readonly model: Model
  readonly masks: readonly DropoutMask[]
  readonly batches: readonly Batch[]
}

function inTraining(model: Model): InTraining {
  const continuation = new Continuation(model, 'train/')
  const { builder } = continuation
  const masks: DropoutMask[] = []
  const batches: Batch[] = []
  const nodes = model.graph.nodes.flatMap((node): readonly Node[] => {
    if (node.opType === 'Dropout' && node.domain === '') return masked(node, continuation, masks)
    if (!isNormalization(node)) return [node]
    const [mean, variance] = ['mean', 'variance'].map((name) => builder.freshName(`${node.outputs[0] ?? ''}.${name}`))
    batches.push({ before: node, mean: mean as string, variance: variance as string })
    return [normalizedByBatch(node, continuation, batches)]
  })
  const finished = continuation.finish()
  // What is new depends on initializers and inputs alone.
  return { model: { ...finished, graph: { ...finished.graph, nodes: [...builder.nodes, ...nodes] } }, masks, batches }
}

/** A Dropout as a product with its mask ÷ (1 − ratio). */
function masked(node: Node, continuation: Continuation, masks: DropoutMask[]): Node[] {
  const { builder, values } = continuation
  const [output = '', kept = ''] = node.outputs
  const ratio = ratioOf(node, new NodeView(node, continuation.opsetOf(node), values))
  const from = node.inputs[0] ?? ''
  const x = continuation.value(from)
  const dims = x.dims.map((dim) => (isNumber(dim) ? dim : show(dim)))
  const mask = builder.freshInput(`${output}.mask`, 'bool', dims)
  masks.push({ input: mask.name, dims, ratio })
  const factor = mask.cast(x.dtype ?? 'float32').mul(ratio < 1 ? 1 / (1 - ratio) : 0)
  const replaced = (opType: string, inputs: readonly string[], result: string): Node => ({
    name: result,
    opType,
    domain: '',
    inputs,
    outputs: [result],
    attributes: new Map(),
  })
  const product = replaced('Mul', [from, factor.name], output)
  return kept === '' ? [product] : [product, replaced('Identity', [mask.name], kept)]
}

function ratioOf(node: Node, view: NodeView): number {
  if (!view.has(1)) return floatOf(node, 'ratio', 0.5)
  const ratio = view.constant(1)?.[0]
  if (ratio === undefined)
    throw new ModelError(`${describe(node)}: its ratio is computed; training needs it constant, to know what to draw`)
  return ratio
}

/**
 * With a momentum of 0 the second and third outputs are the batch's mean and variance themselves. ONNX Runtime writes them where the running
 * ones were read, be that an initializer or memory that was fed; so each node reads a value of its own instead, which does not count.
 */
function normalizedByBatch(node: Node, continuation: Continuation, batches: readonly Batch[]): Node {
  const { mean, variance } = batches.at(-1) as Batch
  const running = node.inputs.slice(3, 5)
  // Equal nodes would be merged where a layer is used twice.
  const use = batches.filter(({ before }) => before.inputs[3] === running[0]).length
  const apart = running.map((name, i) => continuation.value(name).mul(-use - i / 2).name)
  const attributes = new Map(node.attributes)
  attributes.set('training_mode', { type: 'int', value: 1 })
  attributes.set('momentum', float(0))
  const outputs = [node.outputs[0] ?? '', mean, variance]
  return { ...node, inputs: [...node.inputs.slice(0, 3), ...apart], outputs, attributes }
}

/** What the running statistics become, as outputs. */
function withUpdates(
  model: Model,
  batches: readonly Batch[],
): { readonly model: Model; readonly statistics: readonly RunningStatistic[] } {
  const continuation = new Continuation(model, 'running/')
  const { builder } = continuation
  const running = new Map<string, Value>()
  // A layer that is used twice updates its statistics twice.
  const update = (name: string, batch: Value, momentum: number): void => {
    const before = running.get(name) ?? continuation.value(name)
    running.set(name, before.mul(1 - momentum).add(batch.mul(momentum)))
  }
  for (const { before, mean, variance } of batches) {
    const [x = '', , , runningMean = '', runningVariance = ''] = before.inputs
    // An attribute is of single precision: 0.9 comes back as 0.8999999761581421.
    const momentum = Number((1 - floatOf(before, 'momentum', 0.9)).toFixed(7))
    update(runningMean, continuation.value(mean), momentum)
    update(runningVariance, unbiased(before, continuation.value(x), continuation.value(variance)), momentum)
  }
  const statistics = [...running].map(([name, value]) => ({ name, output: builder.freshOutput(value, name).name }))
  return { model: continuation.finish(), statistics }
}

/** The variance times n/(n − 1), n being the numbers that belong to one channel. */
function unbiased(node: Node, x: Value, variance: Value): Value {
  const share = x.share([0, ...range(2, x.rank)])
  if (typeof share !== 'number') return variance.div(share.castLike(variance).subtractedFrom(1))
  if (share === 1)
    throw new ModelError(
      `${describe(node)}: the batch has a single number for each channel, and so no variance to normalise by; train with batches of two examples or more`,
    )
  return variance.mul(1 / (1 - share))
}
