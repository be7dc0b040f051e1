import { isNumber, show } from '../graph/dims.js'
import { isFloat } from '../graph/dtype.js'
import { type Model, ModelError, type Node, type Tensor } from '../graph/model.js'
import { sizeOf } from '../graph/tensor.js'
import { quoted } from '../graph/text.js'
import type { Value } from '../graph/value.js'
import { RESCALE_PREFIX } from '../ops/field.js'
import { tensorOfHost, zeros } from '../runtime/host.js'
import { type OpenOptions, openModel } from '../runtime/open.js'
import type { HostTensor, Runtime, Session } from '../runtime/session.js'
import { Continuation } from '../shapes/build.js'
import { gradientsOf } from './gradients.js'
import { correctPredictions, crossEntropy, type CrossEntropyOptions } from './losses.js'
import { trainable } from './parameters.js'
import { type DropoutMask, trainingForm } from './training-form.js'
import { upgraded } from './upgrade.js'

export interface LossGradientsOptions
  extends Pick<CrossEntropyOptions, 'labelSmoothing'>, Pick<OpenOptions, 'threads' | 'place'> {
  /** Batch statistics instead of running ones, and Dropout that keeps everything; default false: inference form. */
  readonly training?: boolean
  /** Initializers, or the model's input; default: what `trainable` finds, but for what a teleportation inserted. */
  readonly wrt?: readonly string[]
}

/** What one batch gives. */
export interface LossAndGradients {
  /** Mean softmax cross-entropy. */
  readonly loss: number
  readonly correct: number
  /** By the names of `wrt`, in shape and type of what they belong to. */
  readonly gradients: ReadonlyMap<string, Tensor>
}

/** A classifier's loss with its gradients, ready to run on batches of any size that the model takes. */
export class LossGradients {
  readonly #session: Session
  readonly #input: string
  readonly #names: ReadonlyMap<string, string>
  readonly #masks: readonly DropoutMask[]

  private constructor(
    session: Session,
    input: string,
    names: ReadonlyMap<string, string>,
    masks: readonly DropoutMask[],
  ) {
    this.#session = session
    this.#input = input
    this.#names = names
    this.#masks = masks
  }

  /**
   * @param model with one float input and, as its first output, logits [N, C]
   * @throws ModelError where it is no such model, or an operator on the way has no gradient rule
   */
  static async open(runtime: Runtime, model: Model, options: LossGradientsOptions = {}): Promise<LossGradients> {
    const { training = false, labelSmoothing = 0, threads, place } = options
    const input = inputOf(model)
    const form = training ? trainingForm(withoutDropout(model)) : { model: upgraded(model), masks: [] }
    const continuation = new Continuation(form.model, 'loss/')
    const { builder } = continuation
    const logits = continuation.value(form.model.graph.outputs[0]?.name ?? '')
    const examples = logits.dims[0] ?? 1
    const target = builder.input(TARGET, 'int64', [isNumber(examples) ? examples : show(examples)])
    const loss = crossEntropy(logits, target, { labelSmoothing })
    const wrt = options.wrt ?? trainable(model, logits.name, { frozen: [`${RESCALE_PREFIX}*`] }).map(({ name }) => name)
    const found = gradientsOf(continuation, loss.name, wrt)
    const names = new Map(wrt.map((name, i) => [name, builder.freshOutput(found[i] as Value, name).name] as const))
    builder.output(loss.cast('float32'), LOSS)
    builder.output(correctPredictions(logits, target), CORRECT)
    const session = await openModel(runtime, continuation.finishNew(), {
      keepMemory: true,
      ...(threads !== undefined && { threads }),
      ...(place !== undefined && { place }),
    })
    return new LossGradients(session, input, names, form.masks)
  }

  /** @param labels integers [N] */
  async run(x: HostTensor, labels: HostTensor): Promise<LossAndGradients> {
    const feeds = new Map([
      [this.#input, x],
      [TARGET, labels],
      ...this.#masks.map(({ input, dims }) => [input, ones(dims, x.dims[0] as number)] as const),
    ])
    const outputs = await this.#session.run(feeds)
    const number = (name: string) => Number(outputs.get(name)?.data[0])
    const gradients = new Map(
      [...this.#names].map(([name, output]) => [name, tensorOfHost(name, outputs.get(output) as HostTensor)] as const),
    )
    return { loss: number(LOSS), correct: number(CORRECT), gradients }
  }

  async release(): Promise<void> {
    await this.#session.release()
  }
}

/** Dropout as it is in inference form: training form divides what is kept by 1 − ratio, which is for when some is dropped. */
export function withoutDropout(model: Model): Model {
  const nodes = model.graph.nodes.map((node): Node => {
    const { opType, domain, inputs, outputs } = node
    if (opType !== 'Dropout' || domain !== '' || (outputs[1] ?? '') !== '') return node
    return {
      ...node,
      opType: 'Identity',
      inputs: inputs.slice(0, 1),
      outputs: outputs.slice(0, 1),
      attributes: new Map(),
    }
  })
  return { ...model, graph: { ...model.graph, nodes } }
}

const TARGET = 'loss/target'
const LOSS = 'loss/loss'
const CORRECT = 'loss/correct'

function inputOf({ graph }: Model): string {
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name))
  const [input] = inputs
  if (input === undefined || inputs.length > 1 || !isFloat(input.dtype))
    throw new ModelError(
      `a classifier with one float input is expected; the model's inputs are ${inputs.map(({ name }) => quoted(name)).join(', ') || 'none'}`,
    )
  return input.name
}

function ones(dims: readonly (number | string)[], batch: number): HostTensor {
  const sizes = dims.map((dim) => (typeof dim === 'number' ? dim : batch))
  const mask = zeros('bool', sizes)
  ;(mask.data as Uint8Array).fill(1, 0, sizeOf(sizes))
  return mask
}
