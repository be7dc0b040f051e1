import path from 'node:path'
import { Command } from 'commander'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { beginRun, resumeRun, type RunOptions, type RunResult } from '../runs/run.js'
import type { EpochMetrics, StepProgress } from '../train/fit.js'
import { progressText } from './data.js'
import { type CommonOptions, withCommonOptions } from './options.js'
import { terminal } from './terminal.js'

const EXAMPLE = `
Examples:
  teleport train config.yaml --output runs/mlp
  teleport train --resume runs/mlp

A configuration:
  data: { name: cifar10 }
  model: { name: mlp, hidden: [500, 500, 500, 500, 500] }
  training:
    epochs: 10
    batchSize: 256
    optimizer: { name: sgd, lr: 0.01, momentum: 0.9, weightDecay: 5.0e-4 }
  teleportations: [{ epoch: 0, kind: random, sampling: inter, range: 0.9 }]
  seed: 1

All settings: docs/commands/train.md. Look at a run with: tensorboard --logdir runs`

interface TrainOptions extends CommonOptions {
  readonly output?: string
  readonly resume?: string
}

export function trainCommand(): Command {
  const command = new Command('train')
    .description('Train a network, as a configuration says. Ctrl-C ends it after the current step, with a checkpoint.')
    .argument('[config]', 'a .yaml file')
    .option('-o, --output <dir>', "the run's folder (default: runs/NAME, by the configuration's name)")
    .option('--resume <dir>', 'go on with the run in this folder')
  return withCommonOptions(command).addHelpText('after', EXAMPLE).action(train)
}

async function train(config: string | undefined, { output, resume, json }: TrainOptions): Promise<void> {
  if ((config === undefined) === (resume === undefined))
    throw new ModelError('train: give either a configuration, or --resume with the folder of a run')
  if (resume !== undefined && output !== undefined)
    throw new ModelError('train: --output is for a new run; a resumed one stays in its folder')
  const interrupt = interruptible()
  try {
    const options: RunOptions = {
      signal: interrupt.signal,
      onStep: (progress) => terminal.progress(stepText(progress)),
      onEpoch: (metrics) => {
        if (json !== true) terminal.line(epochText(metrics))
      },
      onData: (progress) => terminal.progress(progressText(progress)),
      onWarning: (line) => terminal.warn(line),
    }
    const result =
      config === undefined
        ? await resumeRun(resume as string, options)
        : await beginRun(config, output ?? path.join('runs', path.basename(config).replace(/\.ya?ml$/, '')), options)
    terminal.result(result, [endText(result)])
    if (result.ended === 'interrupted') process.exitCode = 130
  } finally {
    interrupt.stop()
  }
}

/** The first Ctrl-C (or SIGTERM) asks for an end; the second ends at once. */
function interruptible(): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController()
  const listener = (): void => {
    if (controller.signal.aborted) process.exit(130)
    terminal.line('finishing the step and writing a checkpoint; once more to stop at once', process.stderr)
    controller.abort()
  }
  process.on('SIGINT', listener)
  process.on('SIGTERM', listener)
  return {
    signal: controller.signal,
    stop: () => {
      process.off('SIGINT', listener)
      process.off('SIGTERM', listener)
    },
  }
}

function stepText({ epoch, epochs, batch, batches, loss, stepSeconds, secondsLeft }: StepProgress): string {
  return `epoch ${epoch} of ${epochs}, step ${batch} of ${batches}, loss ${loss.toFixed(4)}, ${(1000 * stepSeconds).toFixed(0)} ms a step, ${duration(secondsLeft)} left`
}

function epochText(metrics: EpochMetrics): string {
  const { epoch, loss, accuracy, validationLoss, validationAccuracy, seconds, lr, teleported } = metrics
  const percent = (value: number | undefined): string => (value === undefined ? '' : `, ${(100 * value).toFixed(2)} %`)
  return [
    `epoch ${epoch}: loss ${loss.toFixed(4)}${percent(accuracy)}`,
    ...(validationLoss === undefined ? [] : [`validation ${validationLoss.toFixed(4)}${percent(validationAccuracy)}`]),
    `lr ${lr}`,
    `${seconds.toFixed(1)} s`,
    ...(teleported === undefined ? [] : [`teleported before it (${teleported})`]),
  ].join('; ')
}

function endText({ ended, folder, model }: RunResult): string {
  const resume = `teleport train --resume ${/^[\w./-]+$/.test(folder) ? folder : quoted(folder)}`
  if (ended === 'interrupted') return `interrupted; go on with: ${resume}`
  return model === undefined ? `stopped; the run is in ${folder}` : `finished; the network is in ${model}`
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
