import { Command, Option } from 'commander'
import { LossGradients, type LossAndGradients } from '../autodiff/loss-gradients.js'
import { withWeightsAsInitializers } from '../autodiff/parameters.js'
import { sampleCob, type Sampling } from '../cob/sample.js'
import type { Model, Tensor } from '../graph/model.js'
import { numbersOf } from '../graph/tensor.js'
import { quiverOf } from '../quiver/quiver.js'
import { loadModel } from '../runtime/node/load.js'
import { nodeRuntime } from '../runtime/node/session.js'
import { movedGradients } from '../teleport/gradients.js'
import { teleport } from '../teleport/teleport.js'
import { trainingQuiver } from '../teleport/training-quiver.js'
import { progressText } from './data.js'
import { batchFor, type LabelledBatch } from './labelled-batch.js'
import { atLeast, type CommonOptions, samplingOption, scopeOption, wholeNumber, withCommonOptions } from './options.js'
import { terminal } from './terminal.js'
import { count, figure, table } from './text.js'

const EXAMPLE = `
Examples:
  teleport gradients model.onnx --data cifar10 --batch 64
  teleport gradients model.onnx --data batch.npz --training --check --sampling inter --range 0.9
  (the .npz holds the model's input under its name, and integer labels under 'target')

Exit status: 0 done, 1 --check found gradients that do not scale as Theorem 2 says, 2 wrong usage or input.`

interface GradientsOptions extends CommonOptions {
  readonly data: string
  readonly batch: number
  readonly training?: boolean
  readonly check?: boolean
  readonly scope?: 'weights' | 'full'
  readonly sampling?: Sampling
  readonly range?: number
  readonly seed?: number
  /** Batch statistics of few examples magnify the rounding of float32: 1e-4 is common there, 1e-6 in inference form. */
  readonly tolerance: number
  readonly exact?: boolean
  readonly threads?: number
}

export function gradientsCommand(): Command {
  const command = new Command('gradients')
    .description("A classifier's loss and the gradients of its weights on a batch; do they scale as Theorem 2 says?")
    .argument('<model>', 'an .onnx file with one input, whose first output holds logits [N, C]')
    .requiredOption('--data <what>', 'cifar10, cifar100, random, or a .npz file')
    .option('--batch <n>', 'how many images, the first of the training set', wholeNumber(1), 64)
    .option('--training', 'batch statistics instead of running ones (Dropout keeps everything)')
    .option('--check', 'teleport the network and compare its gradients with (1/τ_out) · ∇W · τ_in')
    .addOption(scopeOption())
    .addOption(samplingOption())
    .option('--range <σ>', 'CoB-range (default: 0.9)', atLeast(0))
    .option('--seed <n>', 'of the CoB and of random data (default: 0)', wholeNumber(0))
    .addOption(
      new Option('--tolerance <x>', 'largest max|difference| ÷ max|gradient| that passes, the worst weight counting')
        .argParser(atLeast(0))
        .default(1e-2),
    )
    .option('--exact', 'round |τ| to powers of two: then the gradients agree bit for bit')
    .option('--threads <n>', 'threads of the runtime (default: all cores)', wholeNumber(1))
  return withCommonOptions(command).addHelpText('after', EXAMPLE).action(gradientsOf)
}

interface WeightReport {
  readonly weight: string
  readonly shape: readonly number[]
  readonly norm: number
  readonly gradientNorm: number
  /** max|difference| ÷ max|expected| between the teleported network's gradient and Theorem 2's; only with --check. */
  readonly theorem2Error?: number
}

async function gradientsOf(file: string, options: GradientsOptions): Promise<void> {
  terminal.progress(`reading ${file}`)
  const model = withWeightsAsInitializers(await loadModel(file))
  const batch = await batchFor(model, {
    ...options,
    seed: options.seed ?? 0,
    onProgress: (progress) => terminal.progress(progressText(progress)),
    onWarning: (line) => terminal.warn(line),
  })
  terminal.progress('computing gradients')
  const here = await at(model, batch, options)
  const moved = options.check === true ? await teleported(model, batch, here, options) : undefined
  const weights = [...here.gradients].map(([name, gradient]): WeightReport => {
    const error = moved?.errors.get(name)
    return {
      weight: name,
      shape: gradient.dims,
      norm: normOf(model.graph.initializers.get(name) as Tensor),
      gradientNorm: normOf(gradient),
      ...(error !== undefined && { theorem2Error: error }),
    }
  })
  const examples = batch.labels.dims[0] as number
  const worst = moved === undefined ? undefined : Math.max(...moved.errors.values())
  const pass = worst === undefined ? undefined : worst <= options.tolerance
  const gradientNorm = Math.hypot(...weights.map((weight) => weight.gradientNorm))
  const accuracy = here.correct / examples
  const { training = false, seed = 0, scope = 'weights', sampling = 'intra', range = 0.9, tolerance } = options
  const drawn = moved && {
    scope,
    sampling,
    range,
    exact: options.exact === true,
    tolerance,
    lossTeleported: moved.loss,
    worst,
    pass,
  }
  terminal.result(
    {
      model: file,
      data: options.data,
      examples,
      training,
      seed,
      loss: here.loss,
      accuracy,
      gradientNorm,
      weights,
      check: drawn ?? null,
    },
    [
      `${file} on ${count(examples)} examples of ${options.data}, ${training ? 'batch statistics' : 'inference form'}`,
      `loss ${here.loss.toPrecision(6)}, accuracy ${(100 * accuracy).toFixed(1)} %, ‖∇L‖ ${gradientNorm.toPrecision(4)}`,
      '',
      ...weightLines(weights),
      ...(drawn === undefined
        ? []
        : [
            '',
            `Theorem 2 under a teleportation (scope ${scope}, ${sampling}, σ ${range}, seed ${seed}${drawn.exact ? ', exact' : ''}): ${drawn.pass === true ? 'holds' : 'does not hold'}, worst error ${figure(worst ?? 0)} (tolerance ${tolerance}); loss there ${drawn.lossTeleported.toPrecision(6)}`,
          ]),
    ],
  )
  if (pass === false) process.exitCode = 1
}

async function at(model: Model, { x, labels }: LabelledBatch, options: GradientsOptions): Promise<LossAndGradients> {
  const { training, threads } = options
  const graph = await LossGradients.open(nodeRuntime, model, {
    ...(training !== undefined && { training }),
    ...(threads !== undefined && { threads }),
  })
  try {
    return await graph.run(x, labels)
  } finally {
    await graph.release()
  }
}

/**
 * A gradient below this share of the network's largest counts as if it were as large. A bias before a BatchNormalization has, with batch
 * statistics, gradient 0, of which rounding leaves noise that obeys no theorem.
 */
const NEGLIGIBLE = 1e-4

/** The gradients after a teleportation, compared with what Theorem 2 makes of those before it. */
async function teleported(model: Model, batch: LabelledBatch, here: LossAndGradients, options: GradientsOptions) {
  const { scope = 'weights', sampling = 'intra', range = 0.9, seed = 0, exact = false, training = false } = options
  const read = (network: Model) => (training ? trainingQuiver(network, scope) : quiverOf(network, { scope }))
  const quiver = read(model)
  const cob = sampleCob(quiver, { sampling, range, seed, exact })
  const there = await at(teleport(model, quiver, cob), batch, options)
  const expected = movedGradients(model, here.gradients, read, cob)
  const errors = new Map<string, number>()
  const least = NEGLIGIBLE * Math.max(0, ...[...expected.values()].map((tensor) => largest(numbersOf(tensor))))
  for (const [name, tensor] of expected) {
    const found = there.gradients.get(name)
    if (found !== undefined) errors.set(name, relativeError(numbersOf(found), numbersOf(tensor), least))
  }
  return { loss: there.loss, errors }
}

/** max|difference| ÷ max|expected|, or ÷ `least` where that is more. */
function relativeError(found: Float64Array, expected: Float64Array, least: number): number {
  let difference = 0
  expected.forEach((value, i) => {
    difference = Math.max(difference, Math.abs((found[i] as number) - value))
  })
  return difference === 0 ? 0 : difference / Math.max(largest(expected), least)
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}

function normOf(tensor: Tensor): number {
  return Math.sqrt(numbersOf(tensor).reduce((sum, value) => sum + value * value, 0))
}

function weightLines(weights: readonly WeightReport[]): string[] {
  const checked = weights.some(({ theorem2Error }) => theorem2Error !== undefined)
  const rows = weights.map(({ weight, shape, norm, gradientNorm, theorem2Error }) => [
    `  ${weight}`,
    shape.join('×'),
    norm.toPrecision(4),
    gradientNorm.toPrecision(4),
    norm === 0 ? '' : (gradientNorm / norm).toPrecision(4),
    ...(checked ? [theorem2Error === undefined ? '' : figure(theorem2Error)] : []),
  ])
  const head = ['  weight', 'shape', '‖W‖', '‖∇W‖', '‖∇W‖/‖W‖', ...(checked ? ['error'] : [])]
  return table([head, ...rows])
}
