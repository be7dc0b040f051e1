import { gradientsOf } from '../autodiff/gradients.js'
import { trainingForm, withOwnStatistics } from '../autodiff/training-form.js'
import { cpuLowering } from '../autodiff/lowering/lowering.js'
import { upgraded } from '../autodiff/upgrade.js'
import { byteLengthOf } from '../graph/dtype.js'
import { type Model, ModelError, type Tensor, type TensorData, type ValueInfo } from '../graph/model.js'
import { withDirectOutputs } from '../graph/direct-outputs.js'
import { sizeOf } from '../graph/tensor.js'
import { quoted } from '../graph/text.js'
import type { Value } from '../graph/value.js'
import { isHostDType } from '../runtime/host.js'
import { bindBatch } from '../shapes/bind.js'
import { Continuation } from '../shapes/build.js'
import { clipped, normOf } from './clip.js'
import { objective, predictionOf } from './objective.js'
import type { Updated } from './optimizer.js'
import { trainable, withInputs, withWeightsAsInitializers } from '../autodiff/parameters.js'
import type { BatchInput, StateValue, StepValue, TrainingStep, TrainingStepOptions } from './step.js'

/** Rewritings of a step's graph that change how fast it runs, and nothing else. Names of inputs, outputs and initializers stay. */
export interface Lowering {
  /** Of the forward pass, before it is differentiated. */
  readonly forward: (model: Model) => Model
  /** Of the whole step. */
  readonly step: (model: Model) => Model
}

/** The step as the operators' gradient rules write it. */
export const NO_LOWERING: Lowering = { forward: (model) => model, step: (model) => model }

/**
 * The graph of one step of training: forward pass in training form (batch statistics, dropout), loss, gradients, update. All sizes are
 * fixed; what changes from step to step, weights too, is an input and an output.
 * @param model in inference form, with one output (or see `options.output`): for cross-entropy the logits [N, C], or their Softmax
 * @param lowering default: what is fast on ONNX Runtime's CPU kernels
 * @throws ModelError where the model has no parameter, an output that does not fit the loss, or an operator without gradient
 */
export function trainingStep(
  model: Model,
  options: TrainingStepOptions,
  lowering: Lowering = cpuLowering,
): TrainingStep {
  checkOptions(options)
  const { batchSize, loss, optimizer } = options
  const source = withOwnStatistics(withWeightsAsInitializers(model))
  const predicted = predictionOf(source, loss, options.output)
  const form = trainingForm(bindBatch(upgraded(source), batchSize))
  const tensors = trainable(form.model, predicted, options)
  const changing = new Set([...tensors.map(({ name }) => name), ...form.statistics.map(({ name }) => name)])

  const whole = withInputs(form.model, changing)
  const fed = new Set([...changing, ...form.masks.map(({ input }) => input)])
  const inputs = whole.graph.inputs.filter(({ name }) => !fed.has(name)).map(batchInput)

  const wanted = [predicted, ...form.statistics.map(({ output }) => output)]
  const forward = lowering.forward(withOutputs(whole, wanted))
  const continuation = new Continuation(forward, 'step/')
  const { builder } = continuation
  const goal = objective(continuation, continuation.value(predicted), loss, 'mean', batchSize)
  const weights = tensors.map(({ name }) => continuation.value(name))
  const gradients = limitedGradients(continuation, goal.loss, weights, options)

  const lr = builder.freshInput('lr', 'float32', [])
  const update = optimizer.countsUpdates ? builder.freshInput('update', 'int64', []) : undefined
  const output = (value: Value, name: string) => builder.freshOutput(value, `next/${name}`).name
  const parameters: StepValue[] = []
  const states: StateValue[] = []
  tensors.forEach((tensor, i) => {
    const weight = weights[i] as Value
    const before = optimizer.states.map((state) =>
      builder.freshInput(`${state}/${tensor.name}`, tensor.dtype, tensor.dims),
    )
    const scalars = { lr: lr.castLike(weight), ...(update && { update }) }
    const after: Updated = optimizer.update(weight, gradients.values[i] as Value, before, scalars)
    parameters.push(stepValue(tensor, tensor.name, output(after.parameter, tensor.name)))
    optimizer.states.forEach((state, k) => {
      const zeros = zerosLike(tensor, `${state}/${tensor.name}`)
      const next = output(after.states[k] as Value, zeros.name)
      states.push({ ...stepValue(zeros, (before[k] as Value).name, next), parameter: tensor.name, state })
    })
  })
  const statistics = form.statistics.map(({ name, output: next }) =>
    stepValue(form.model.graph.initializers.get(name) as Tensor, name, output(continuation.value(next), name)),
  )
  const outputs = {
    loss: builder.freshOutput(gradients.loss.cast('float32'), 'loss').name,
    ...(goal.correct && { correct: builder.freshOutput(goal.correct, 'correct').name }),
    ...(gradients.norm && { gradientNorm: builder.freshOutput(gradients.norm.cast('float32'), 'gradient norm').name }),
  }
  return {
    source,
    model: withDirectOutputs(lowering.step(continuation.finishNew())),
    ...evaluationOf(source, changing, predicted, options),
    options,
    batchSize,
    inputs,
    target: batchInput(infoOf(goal.target)),
    ...(goal.classes !== undefined && { classes: goal.classes }),
    masks: form.masks.map(({ input, dims, ratio }) => ({
      ...batchInput({ name: input, dtype: 'bool', shape: dims }),
      ratio,
    })),
    scalars: { lr: lr.name, ...(update && { update: update.name }) },
    parameters,
    states,
    statistics,
    outputs,
  }
}

function checkOptions({ clipNorm, l2Penalty = 0, loss }: TrainingStepOptions): void {
  if (clipNorm !== undefined && !(clipNorm > 0))
    throw new ModelError(`clipNorm is ${clipNorm}; expected a number above 0`)
  if (!(l2Penalty >= 0 && l2Penalty < Infinity))
    throw new ModelError(`l2Penalty is ${l2Penalty}; expected a number from 0 on`)
  if (typeof loss === 'string' ? !['crossEntropy', 'meanSquaredError'].includes(loss) : !('crossEntropy' in loss))
    throw new ModelError(`loss is ${quoted(JSON.stringify(loss))}; expected 'crossEntropy' or 'meanSquaredError'`)
}

/** The gradients that the optimiser sees, their norm before clipping where it is wanted, and the loss with its penalty. */
function limitedGradients(
  continuation: Continuation,
  lossOfData: Value,
  weights: readonly Value[],
  { l2Penalty = 0, clipNorm, gradientNorm = clipNorm !== undefined }: TrainingStepOptions,
): { readonly values: readonly Value[]; readonly norm?: Value; readonly loss: Value } {
  const names = weights.map(({ name }) => name)
  const ofData = gradientsOf(continuation, lossOfData.name, names)
  // λ/2 · Σ w² and its gradient λw: differentiating it would take a pass over memory more.
  const penalised = l2Penalty === 0 ? ofData : ofData.map((g, i) => g.add((weights[i] as Value).mul(l2Penalty)))
  const penalty =
    l2Penalty === 0
      ? undefined
      : normOf(weights)
          .square()
          .mul(l2Penalty / 2)
  const norm = gradientNorm || clipNorm !== undefined ? normOf(penalised) : undefined
  return {
    values: clipNorm === undefined ? penalised : clipped(penalised, norm as Value, clipNorm),
    ...(norm && gradientNorm && { norm }),
    loss: penalty === undefined ? lossOfData : lossOfData.add(penalty.castLike(lossOfData)),
  }
}

/** Inference form with the loss, and weights as inputs under the names that they have in the step. */
function evaluationOf(
  source: Model,
  changing: ReadonlySet<string>,
  predicted: string,
  { loss }: TrainingStepOptions,
): Pick<TrainingStep, 'evaluation' | 'evaluationOutputs' | 'evaluationTarget'> {
  const continuation = new Continuation(withInputs(upgraded(source), changing), 'step/')
  const { builder } = continuation
  const goal = objective(continuation, continuation.value(predicted), loss, 'sumOfExamples')
  const lossSum = builder.freshOutput(goal.loss.cast('float32'), 'loss sum').name
  const correct = goal.correct && { correct: builder.freshOutput(goal.correct, 'correct').name }
  return {
    evaluation: withDirectOutputs(continuation.finishNew()),
    evaluationOutputs: { lossSum, ...correct },
    evaluationTarget: goal.target.name,
  }
}

/** The model with other outputs: values that it has. */
function withOutputs(model: Model, names: readonly string[]): Model {
  const known = new Map(model.graph.outputs.map((info) => [info.name, info]))
  return { ...model, graph: { ...model.graph, outputs: names.map((name) => known.get(name) ?? { name }) } }
}

function infoOf(value: Value): ValueInfo {
  return { name: value.name, ...(value.dtype && { dtype: value.dtype }), shape: value.sizes() }
}

/** @throws ModelError unless all sizes are numbers, and the type is one that can be fed */
function batchInput({ name, dtype, shape = [] }: ValueInfo): BatchInput {
  if (dtype === undefined || !isHostDType(dtype))
    throw new ModelError(`input ${quoted(name)}: elements of type ${dtype ?? 'unknown'} cannot be fed`)
  const open = shape.find((dim): dim is string | null => typeof dim !== 'number')
  if (open !== undefined)
    throw new ModelError(
      `input ${quoted(name)}: ${open === null ? 'a size of it is not known' : `its size ${quoted(open)} is not fixed`}; give it one with bindDims`,
    )
  return { name, dtype, dims: shape as readonly number[] }
}

function stepValue(initial: Tensor, input: string, output: string): StepValue {
  return { name: initial.name, dtype: initial.dtype, dims: initial.dims, input, output, initial }
}

function zerosLike({ dtype, dims }: Tensor, name: string): Tensor {
  return { name, dtype, dims, data: new Zeros(byteLengthOf(dtype, sizeOf(dims))) }
}

/** The states of a hundred million weights need not lie in memory as zeros. */
class Zeros implements TensorData {
  readonly byteLength: number
  constructor(byteLength: number) {
    this.byteLength = byteLength
  }
  read(_offset: number, length: number): Uint8Array {
    return new Uint8Array(length)
  }
  readInto(_offset: number, target: Uint8Array): void {
    target.fill(0)
  }
}
