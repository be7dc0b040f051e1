import path from 'node:path'
import { Command } from 'commander'
import { ModelError } from '../graph/model.js'
import { oneLine, quoted } from '../graph/text.js'
import { MODEL_NAMES } from '../models/registry.js'
import { beginRun, resumeRun, type RunOptions, type RunResult } from '../runs/run.js'
import { DivergedError, type EpochMetrics, type StepProgress } from '../train/fit.js'
import { progressText } from './data.js'
import { interruptible } from './interrupt.js'
import { type CommonOptions, withCommonOptions } from './options.js'
import { terminal } from './terminal.js'
import { duration } from './text.js'

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

The run's folder holds config.yaml, run.json (seed, threads, versions, machine), metrics.jsonl (a line for each epoch),
checkpoints/, tensorboard/ (look at it with: tensorboard --logdir runs), and in the end model.onnx, the trained network.
Networks: ${MODEL_NAMES.join(', ')}; or { file: model.onnx }.
All settings: docs/commands/train.md.

Ctrl-C finishes the step, writes a checkpoint, and says how to go on.
Exit status: 0 done, 1 training diverged, 2 wrong usage or input, 130 interrupted (143 by SIGTERM).`

interface TrainOptions extends CommonOptions {
  readonly output?: string
  readonly resume?: string
}

export function trainCommand(): Command {
  const command = new Command('train')
    .description('Train a network, as a configuration says. A run that was interrupted or killed goes on by --resume.')
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
  const interrupt = interruptible('finishing the step and writing a checkpoint; once more to stop at once')
  let left = Infinity
  let shown = -Infinity
  // With --json stdout is for the result alone.
  const stream = json === true ? process.stderr : process.stdout
  const options: RunOptions = {
    signal: interrupt.signal,
    onStep: (progress) => {
      // What is left after the last step is its validation, which is over when the epoch is.
      left = progress.epoch === progress.epochs && progress.batch === progress.batches ? 0 : progress.secondsLeft
      // A terminal is slower than a small step.
      if (performance.now() - shown < 100 && progress.batch < progress.batches) return
      shown = performance.now()
      terminal.progress(stepText(progress))
    },
    onEpoch: (metrics) => terminal.line(epochText(metrics, left), stream),
    onData: (progress) => terminal.progress(progressText(progress)),
    // At once: a run may take days.
    onWarning: (line) => terminal.line(`warning: ${oneLine(line)}`, process.stderr),
  }
  try {
    const result =
      config === undefined
        ? await resumeRun(resume as string, options)
        : await beginRun(config, output ?? path.join('runs', path.basename(config).replace(/\.ya?ml$/, '')), options)
    const command = `teleport train --resume ${/^[\w./-]+$/.test(result.folder) ? result.folder : quoted(result.folder)}`
    const resumable = result.ended === 'finished' ? undefined : command
    terminal.result({ ...result, ...(resumable && { resume: resumable }) }, [endText(result, command)])
    if (result.ended === 'interrupted') process.exitCode = interrupt.status()
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error
    terminal.clear()
    process.stderr.write(`teleport: ${error.message}\n`)
    process.exitCode = 1
  } finally {
    interrupt.stop()
  }
}

function stepText({ epoch, epochs, batch, batches, loss, stepSeconds, secondsLeft }: StepProgress): string {
  return `epoch ${epoch} of ${epochs}, step ${batch} of ${batches}, loss ${loss.toFixed(4)}, ${(1000 * stepSeconds).toFixed(0)} ms a step, ${duration(secondsLeft)} left`
}

function epochText(metrics: EpochMetrics, left: number): string {
  const { epoch, loss, accuracy, validationLoss, validationAccuracy, seconds, lr, teleported } = metrics
  const percent = (value: number | undefined): string => (value === undefined ? '' : `, ${(100 * value).toFixed(2)} %`)
  return [
    `epoch ${epoch}: loss ${loss.toFixed(4)}${percent(accuracy)}`,
    ...(validationLoss === undefined ? [] : [`validation ${validationLoss.toFixed(4)}${percent(validationAccuracy)}`]),
    `lr ${Number(lr.toPrecision(4))}`,
    `${seconds.toFixed(1)} s`,
    ...(left > 0.5 && left < Infinity ? [`${duration(left)} left`] : []),
    ...(teleported === undefined ? [] : [`teleported before it (${teleported})`]),
  ].join('; ')
}

function endText({ ended, folder, model }: RunResult, resume: string): string {
  if (ended === 'interrupted') return `interrupted; go on with: ${resume}`
  return model === undefined ? `stopped; the run is in ${folder}` : `finished; the network is in ${model}`
}
