import { withoutDropout } from '../../autodiff/loss-gradients.js'
import { crossEntropy } from '../../autodiff/losses.js'
import { gradientsOf } from '../../autodiff/gradients.js'
import { withInputs } from '../../autodiff/parameters.js'
import { trainingForm } from '../../autodiff/training-form.js'
import type { Model, Tensor } from '../../graph/model.js'
import type { Value } from '../../graph/value.js'
import { RESCALE_PREFIX } from '../../ops/field.js'
import { range } from '../../ops/facts.js'
import { type HostDType, hostOfTensor, tensorOfHost, zeros } from '../../runtime/host.js'
import { openModel } from '../../runtime/open.js'
import { nodeRuntime } from '../../runtime/node/session.js'
import type { HostTensor, Session } from '../../runtime/session.js'
import { Continuation } from '../../shapes/build.js'

export interface LabelledImages {
  /** float32 [N, C, H, W] */
  readonly images: HostTensor
  /** int64 [N] */
  readonly labels: HostTensor
}

/** What is measured at one point of weight space. */
export interface GradientNorms {
  readonly loss: number
  /** ‖∇L‖² by the names of weights. */
  readonly squares: ReadonlyMap<string, number>
  /** ∇L itself, if it was asked for. */
  readonly gradients: ReadonlyMap<string, Tensor>
}

/**
 * The gradients of a classifier's loss at many points of weight space, by automatic differentiation with batch statistics. Weights are fed to
 * the graph, so that hundreds of teleportations share one session: one for each form that scope `full` gives the graph, which depends on the
 * signs of τ alone. The squares of gradients are summed in the graph: the 134 million numbers of a VGG's gradient need not leave it.
 */
export class GradientGraphs {
  readonly #weights: readonly string[]
  readonly #threads: number
  readonly #forms = new Map<string, { readonly session: Session; readonly fed: readonly string[] }>()
  /** Weights are copied into the same memory for every point. */
  readonly #memory = new Map<string, HostTensor>()

  /** @param weights names of the initializers by which the loss is differentiated */
  constructor(weights: readonly string[], threads: number) {
    this.#weights = weights
    this.#threads = threads
  }

  /** @param model the network, teleported or not */
  async at(model: Model, { images, labels }: LabelledImages, keepGradients: boolean): Promise<GradientNorms> {
    const { session, fed } = await this.#formOf(model)
    const feeds = new Map(fed.map((name) => [name, this.#filled(model.graph.initializers.get(name) as Tensor)]))
    feeds.set(model.graph.inputs[0]?.name ?? '', images).set(TARGET, labels)
    const wanted = [LOSS, ...this.#weights.map(squareOf), ...(keepGradients ? this.#weights.map(gradientOf) : [])]
    const found = await session.run(feeds, wanted)
    const numbers = (name: string) => (found.get(name) as HostTensor).data as Float32Array
    return {
      loss: numbers(LOSS)[0] as number,
      squares: new Map(this.#weights.map((name) => [name, numbers(squareOf(name)).reduce((sum, x) => sum + x, 0)])),
      gradients: new Map(
        (keepGradients ? this.#weights : []).map((name) => [
          name,
          tensorOfHost(name, found.get(gradientOf(name)) as HostTensor),
        ]),
      ),
    }
  }

  async release(): Promise<void> {
    for (const { session } of this.#forms.values()) await session.release()
    this.#forms.clear()
  }

  async #formOf(model: Model) {
    const { graph } = model
    const weights = new Set(this.#weights)
    const fed = [...graph.initializers.keys()].filter((name) => weights.has(name) || name.startsWith(RESCALE_PREFIX))
    const key = [
      ...graph.nodes.map(({ opType, inputs, outputs }) => [opType, ...inputs, '→', ...outputs].join(' ')),
      ...fed.map((name) => `${name} [${graph.initializers.get(name)?.dims.join(' ')}]`),
    ].join('\n')
    let form = this.#forms.get(key)
    if (form === undefined) {
      const session = await openModel(
        nodeRuntime,
        withSquares(withInputs(formOf(model), new Set(fed)), this.#weights),
        {
          threads: this.#threads,
          // What a run takes and gives back costs more than the products of a fully connected layer.
          keepMemory: true,
        },
      )
      this.#forms.set(key, (form = { session, fed }))
    }
    return form
  }

  #filled(tensor: Tensor): HostTensor {
    if (!this.#weights.includes(tensor.name)) return hostOfTensor(tensor)
    let host = this.#memory.get(tensor.name)
    if (host === undefined) this.#memory.set(tensor.name, (host = zeros(tensor.dtype as HostDType, tensor.dims)))
    const { buffer, byteOffset, byteLength } = host.data as Float32Array
    const target = new Uint8Array(buffer, byteOffset, byteLength)
    if (tensor.data.readInto === undefined) target.set(tensor.data.read(0, byteLength))
    else tensor.data.readInto(0, target)
    return host
  }
}

const LOSS = 'gradients/loss'
const TARGET = 'gradients/target'
const squareOf = (name: string): string => `gradients/square of ${name}`
const gradientOf = (name: string): string => `gradients/of ${name}`

/** As it is trained, but that Dropout keeps everything. */
function formOf(model: Model): Model {
  return trainingForm(withoutDropout(model)).model
}

/** The loss, the gradients, and the sums of their squares, one for each row. */
function withSquares(model: Model, weights: readonly string[]): Model {
  const continuation = new Continuation(model, 'gradients/')
  const { builder } = continuation
  const logits = continuation.value(model.graph.outputs[0]?.name ?? '')
  const loss = crossEntropy(logits, builder.input(TARGET, 'int64', ['N']))
  builder.output(loss, LOSS)
  gradientsOf(continuation, loss.name, weights).forEach((gradient, i) => {
    const name = weights[i] as string
    builder.output(gradient, gradientOf(name))
    builder.output(sumOfSquares(gradient), squareOf(name))
  })
  return continuation.finishNew()
}

/** Row by row, since a sum of 10⁸ numbers in single precision would lose digits. */
function sumOfSquares(gradient: Value): Value {
  const axes = gradient.rank < 2 ? [] : [gradient.builder.ints(range(1, gradient.rank))]
  return gradient.op('ReduceSumSquare', axes, { keepdims: 0 })
}
