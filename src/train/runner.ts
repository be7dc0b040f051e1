import { type Model, ModelError, type Tensor } from '../graph/model.js'
import { sameDims } from '../graph/tensor.js'
import { quoted, shapeText } from '../graph/text.js'
import { converted, isHostDType, numberReader, tensorOfHost, zeros } from '../runtime/host.js'
import { type OpenOptions, openModel } from '../runtime/open.js'
import type { HostTensor, HostTensors, Runtime, Session } from '../runtime/session.js'
import { withWeights } from '../teleport/weights.js'
import { drawMask } from './masks.js'
import type { BatchInput, StepValue, TrainingStep } from './step.js'
import type { EvaluationResult, StepResult, Trainer, TrainerState, TrainingBatch } from './trainer.js'

export interface TrainerOptions extends Pick<OpenOptions, 'threads' | 'device' | 'warn' | 'place'> {
  /** Of dropout masks; default 0. */
  readonly seed?: number
}

/**
 * Makes a training step ready to run. The same step, seed and number of threads give the same losses bit for bit on one machine.
 * Parameters and running statistics are held twice: a step reads one and writes the other, and nothing is copied. The optimiser's states are
 * held once: what a state becomes depends on all that is computed from it.
 * @throws ModelError if the runtime refuses the graph
 */
export async function openTrainer(
  runtime: Runtime,
  step: TrainingStep,
  options: TrainerOptions = {},
): Promise<Trainer> {
  const open = (model: Model, optimization: 'none' | 'all') =>
    openModel(runtime, runtime.writingResults?.(model) ?? model, { ...options, keepMemory: true, optimization })
  // A step is written as it should run. Looking for something better takes seconds with ten thousand nodes, and finds nothing.
  const session = await open(step.model, 'none')
  return new StepRunner(step, session, () => open(step.evaluation, 'all'), options.seed ?? 0)
}

/** Where the values of one side of the double buffer lie, by their names; the optimiser's states lie on both. */
type Side = Map<string, HostTensor>

class StepRunner implements Trainer {
  readonly step: TrainingStep
  readonly #session: Session
  readonly #openEvaluation: () => Promise<Session>
  readonly #seed: number
  #evaluation: Session | undefined
  #current: Side
  #next: Side
  #steps = 0
  #updates = 0
  #running = false
  #broken = false
  #released = false
  readonly #masks: HostTensors
  readonly #lr: HostTensor = zeros('float32', [])
  readonly #update: HostTensor = zeros('int64', [])
  readonly #loss = zeros('float32', [])
  readonly #correct = zeros('int64', [])
  readonly #norm = zeros('float32', [])

  constructor(step: TrainingStep, session: Session, openEvaluation: () => Promise<Session>, seed: number) {
    this.step = step
    this.#session = session
    this.#openEvaluation = openEvaluation
    this.#seed = seed
    const values = [...step.parameters, ...step.statistics, ...step.states]
    this.#current = new Map(values.map((value) => [value.name, copyOf(value.initial)]))
    this.#next = new Map(this.#current)
    for (const { name, initial } of [...step.parameters, ...step.statistics])
      this.#next.set(name, zeros(hostDType(initial), initial.dims))
    this.#masks = new Map(step.masks.map(({ name, dims }) => [name, zeros('bool', dims)]))
  }

  get steps(): number {
    return this.#steps
  }

  get device(): 'cpu' | 'webgpu' {
    return this.#session.device
  }

  run(batch: TrainingBatch, options: { readonly lr?: number } = {}): Promise<StepResult> {
    return this.#alone(async () => {
      const { step } = this
      const { lr = step.options.optimizer.lr } = options
      if (!Number.isFinite(lr)) throw new ModelError(`the learning rate is ${lr}; expected a number`)
      const feeds = this.#feedsOf(batch, step.target.name)
      const count = feeds.get(step.target.name)?.dims[0]
      if (count !== step.batchSize)
        throw new ModelError(`the batch has ${count} examples; this training step takes ${step.batchSize}`)
      if (this.#broken)
        throw new ModelError(
          "the last step failed half way, and the optimiser's state is lost: load a state, or reset the optimiser",
        )
      this.#prepare(feeds, lr)
      this.#broken = true
      await this.#session.runInto(feeds, this.#results())
      this.#broken = false
      ;[this.#current, this.#next] = [this.#next, this.#current]
      this.#steps++
      this.#updates++
      return {
        loss: this.#loss.data[0] as number,
        ...(step.outputs.correct !== undefined && { correct: Number(this.#correct.data[0]) }),
        ...(step.outputs.gradientNorm !== undefined && { gradientNorm: this.#norm.data[0] as number }),
      }
    })
  }

  /** Adds scalars, masks and the values of the current side to what is fed. */
  #prepare(feeds: Map<string, HostTensor>, lr: number): void {
    const { scalars, masks, parameters, statistics, states } = this.step
    ;(this.#lr.data as Float32Array)[0] = lr
    feeds.set(scalars.lr, this.#lr)
    if (scalars.update !== undefined) {
      ;(this.#update.data as BigInt64Array)[0] = BigInt(this.#updates + 1)
      feeds.set(scalars.update, this.#update)
    }
    for (const { name, ratio } of masks) {
      const mask = this.#masks.get(name) as HostTensor
      drawMask(mask.data as Uint8Array, ratio, this.#seed, `dropout ${name} step ${this.#steps}`)
      feeds.set(name, mask)
    }
    for (const values of [parameters, statistics, states])
      for (const { name, input } of values) feeds.set(input, this.#current.get(name) as HostTensor)
  }

  #results(): HostTensors {
    const { outputs, parameters, statistics, states } = this.step
    const results = new Map([[outputs.loss, this.#loss]])
    if (outputs.correct !== undefined) results.set(outputs.correct, this.#correct)
    if (outputs.gradientNorm !== undefined) results.set(outputs.gradientNorm, this.#norm)
    for (const values of [parameters, statistics, states])
      for (const { name, output } of values) results.set(output, this.#next.get(name) as HostTensor)
    return results
  }

  evaluate(batch: TrainingBatch): Promise<EvaluationResult> {
    return this.#alone(async () => {
      const { step } = this
      const { lossSum, correct } = step.evaluationOutputs
      const feeds = this.#feedsOf(batch, step.evaluationTarget)
      const count = feeds.get(step.evaluationTarget)?.dims[0] as number
      for (const values of [step.parameters, step.statistics])
        for (const { name, input } of values) feeds.set(input, this.#current.get(name) as HostTensor)
      const results = new Map([[lossSum, this.#loss]])
      if (correct !== undefined) results.set(correct, this.#correct)
      this.#evaluation ??= await this.#openEvaluation()
      await this.#evaluation.runInto(feeds, results)
      return {
        lossSum: this.#loss.data[0] as number,
        ...(correct !== undefined && { correct: Number(this.#correct.data[0]) }),
        count,
      }
    })
  }

  /** The inputs and the target of a batch, checked. */
  #feedsOf({ x, target }: TrainingBatch, targetName: string): Map<string, HostTensor> {
    const { inputs, target: declared, classes } = this.step
    const given = isTensor(x) ? new Map([[inputs[0]?.name ?? '', x]]) : x
    const feeds = new Map<string, HostTensor>()
    const labels = converted(target, declared.dtype, 'the target')
    checkDims('the target', labels, declared)
    for (const input of inputs) {
      const tensor = given.get(input.name)
      if (tensor === undefined)
        throw new ModelError(`the batch has no input ${quoted(input.name)}; give all inputs by their names`)
      checkDims(`input ${quoted(input.name)}`, tensor, input)
      if (tensor.dims[0] !== labels.dims[0])
        throw new ModelError(
          `input ${quoted(input.name)} has ${tensor.dims[0]} examples, and the target ${labels.dims[0]}`,
        )
      feeds.set(input.name, converted(tensor, input.dtype, `input ${quoted(input.name)}`))
    }
    if (classes !== undefined) checkLabels(labels, classes)
    return feeds.set(targetName, labels)
  }

  weights(): Map<string, HostTensor> {
    return this.#copies([...this.step.parameters, ...this.step.statistics])
  }

  setWeights(weights: HostTensors): void {
    this.#replace([...this.step.parameters, ...this.step.statistics], weights, 'weight')
  }

  resetOptimizer(): void {
    for (const { name } of this.step.states) (this.#current.get(name)?.data as Float32Array).fill(0)
    this.#updates = 0
    this.#broken = false
  }

  state(): TrainerState {
    const optimizer = this.#copies(this.step.states)
    return { steps: this.#steps, updates: this.#updates, weights: this.weights(), optimizer }
  }

  load({ steps, updates, weights, optimizer }: TrainerState): void {
    const { parameters, statistics, states } = this.step
    for (const [values, tensors, what] of [
      [[...parameters, ...statistics], weights, 'weight'],
      [states, optimizer, "optimiser's state"],
    ] as const)
      for (const { name } of values)
        if (!tensors.has(name)) throw new ModelError(`${what} ${quoted(name)} is missing in the state to be loaded`)
    for (const [name, count] of Object.entries({ steps, updates }))
      if (!Number.isSafeInteger(count) || count < 0)
        throw new ModelError(`the state to be loaded has ${name} ${count}; expected a whole number from 0 on`)
    this.#replace([...parameters, ...statistics], weights, 'weight')
    this.#replace(states, optimizer, "optimiser's state")
    this.#steps = steps
    this.#updates = updates
    this.#broken = false
  }

  model(): Model {
    const tensors = [...this.weights()].map(([name, value]) => [name, tensorOfHost(name, value)] as const)
    return withWeights(this.step.source, new Map(tensors))
  }

  async release(): Promise<void> {
    if (this.#released) return
    this.#released = true
    await this.#session.release()
    await this.#evaluation?.release()
  }

  #copies(values: readonly StepValue[]): Map<string, HostTensor> {
    return new Map(
      values.map(({ name }) => {
        const { dtype, dims, data } = this.#current.get(name) as HostTensor
        return [name, { dtype, dims, data: data.slice() }]
      }),
    )
  }

  /** Checks all before it writes any. */
  #replace(values: readonly StepValue[], tensors: HostTensors, what: string): void {
    const known = new Map(values.map((value) => [value.name, value]))
    for (const [name, { dtype, dims }] of tensors) {
      const value = known.get(name)
      if (value === undefined) throw new ModelError(`${what} ${quoted(name)}: this training step has none of that name`)
      if (dtype !== value.dtype || !sameDims(dims, value.dims))
        throw new ModelError(
          `${what} ${quoted(name)}: expected ${value.dtype} ${shapeText(value.dims)}, got ${dtype} ${shapeText(dims)}`,
        )
    }
    for (const [name, { data }] of tensors) (this.#current.get(name)?.data as Float32Array).set(data as Float32Array)
  }

  async #alone<T>(action: () => Promise<T>): Promise<T> {
    if (this.#released) throw new ModelError('the trainer has been released; open another one')
    if (this.#running) throw new ModelError('the trainer runs a step already; wait for it first')
    this.#running = true
    try {
      return await action()
    } finally {
      this.#running = false
    }
  }
}

function isTensor(x: HostTensor | HostTensors): x is HostTensor {
  return 'data' in x
}

function hostDType({ name, dtype }: Tensor) {
  if (!isHostDType(dtype)) throw new ModelError(`tensor ${quoted(name)}: elements of type ${dtype} cannot be fed`)
  return dtype
}

/** In memory of its own. */
function copyOf(tensor: Tensor): HostTensor {
  const target = zeros(hostDType(tensor), tensor.dims)
  const { buffer, byteOffset, byteLength } = target.data as Float32Array
  const bytes = new Uint8Array(buffer, byteOffset, byteLength)
  if (tensor.data.readInto !== undefined) tensor.data.readInto(0, bytes)
  else bytes.set(tensor.data.read(0, byteLength))
  return target
}

/** The first axis is the batch's, and checked by itself. */
function checkDims(what: string, { dims }: HostTensor, declared: BatchInput): void {
  if (dims.length !== declared.dims.length || !sameDims(dims.slice(1), declared.dims.slice(1)))
    throw new ModelError(
      `${what}: expected shape [N${declared.dims
        .slice(1)
        .map((dim) => `, ${dim}`)
        .join('')}], got ${shapeText(dims)}`,
    )
}

function checkLabels(labels: HostTensor, classes: number): void {
  const read = numberReader(labels) as (index: number) => number
  for (let i = 0; i < labels.data.length; i++) {
    const label = read(i)
    if (!(label >= 0 && label < classes))
      throw new ModelError(`label ${label} at position ${i}: expected a class from 0 to ${classes - 1}`)
  }
}
