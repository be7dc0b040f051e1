import { Command, Option } from 'commander'
import { ModelError } from '../graph/model.js'
import { oneLine, quoted } from '../graph/text.js'
import { labelText } from '../sweeps/enumerate.js'
import type { ExecutorOptions } from '../sweeps/executor.js'
import { runLocally } from '../sweeps/local.js'
import { runOnSlurm, type SlurmQueue } from '../sweeps/slurm.js'
import { type SweepStatus, statusOf } from '../sweeps/status.js'
import { beginSweep, readSweep, type SweepFolder } from '../sweeps/sweep-folder.js'
import { interruptible } from './interrupt.js'
import { type CommonOptions, wholeNumber, withCommonOptions } from './options.js'
import { queueText } from './slurm-text.js'
import { terminal } from './terminal.js'
import { duration, table } from './text.js'

const EXAMPLE = `
Examples:
  teleport sweep sweep.yaml --output sweeps/first
  teleport sweep status sweeps/first
  teleport sweep --resume sweeps/first --processes 4
  teleport sweep sweep.yaml --output sweeps/first --executor slurm

A configuration:
  base:
    data: { name: cifar10 }
    model: { name: mlp }
    training: { epochs: 10, batchSize: 256, optimizer: { name: sgd, lr: 0.01, momentum: 0.9 } }
  axes:
    teleportation:
      none: {}
      inter: { teleportations: [{ epoch: 0, kind: random, sampling: inter, range: 0.9 }] }
    lr:
      0.01: {}
      0.001: { training: { optimizer: { lr: 0.001 } } }
  seeds: 3

Each run has a folder of its own, DIR/runs/ID, which teleport train could have made. A sweep that was interrupted or killed goes on by the same
command, or by --resume; runs that have ended are not trained again, and a configuration with more runs extends it.
All settings: docs/commands/sweep.md.

Ctrl-C finishes the steps and writes checkpoints; a second one stops at once.
Exit status: 0 done, whether runs failed or not; 2 wrong usage or input, or a full disk; 130 interrupted (143 by SIGTERM).`

/** How long the name of a run is. */
const ID = 16

interface SweepOptions extends CommonOptions {
  readonly output?: string
  readonly resume?: string
  readonly executor: 'local' | 'slurm'
  readonly processes?: number
  readonly threads?: number
  readonly retryFailed?: boolean
  readonly wait: boolean
}

export function sweepCommand(): Command {
  const command = new Command('sweep')
    .description('Train all runs of a matrix of settings, several at a time. `sweep status DIR` tells how far it is.')
    .usage('CONFIG.yaml -o DIR | --resume DIR | status DIR [options]')
    .argument('[config]', 'a .yaml file, or: status')
    .argument('[dir]', 'after status: the folder of a sweep')
    .option('-o, --output <dir>', 'the folder of the sweep')
    .option('--resume <dir>', 'go on with the sweep in this folder')
    .addOption(
      new Option('--executor <where>', 'processes on this machine, or jobs on a Slurm cluster')
        .choices(['local', 'slurm'])
        .default('local'),
    )
    .option('--processes <n>', 'runs at the same time (default: as many as there are cores)', wholeNumber(1))
    .option('--threads <n>', 'threads of each run (default: 1)', wholeNumber(1))
    .option('--retry-failed', 'begin runs that have failed anew')
    .option('--no-wait', 'slurm: end once the jobs are submitted')
  return withCommonOptions(command).addHelpText('after', EXAMPLE).action(sweep)
}

async function sweep(config: string | undefined, dir: string | undefined, options: SweepOptions): Promise<void> {
  const { output, resume } = options
  if (config === 'status') {
    if (dir === undefined) throw new ModelError('sweep status: the folder of a sweep is needed')
    const { runs, runsFolder } = readSweep(dir)
    const status = statusOf(runs, runsFolder)
    return terminal.result({ folder: dir, ...status }, statusLines(dir, status))
  }
  if (dir !== undefined) throw new ModelError(`sweep: there is one argument too many, ${quoted(dir)}`)
  if ((config === undefined) === (resume === undefined))
    throw new ModelError('sweep: give either a configuration, or --resume with the folder of a sweep')
  if (config !== undefined && output === undefined) throw new ModelError('sweep: say by --output where the runs go')
  if (resume !== undefined && output !== undefined)
    throw new ModelError('sweep: --output is for a configuration; a sweep that goes on stays in its folder')
  const folder = (output ?? resume) as string
  await train(folder, config === undefined ? readSweep(folder) : beginSweep(config, folder), options)
}

async function train(
  folder: string,
  { runs, runsFolder, settings }: SweepFolder,
  options: SweepOptions,
): Promise<void> {
  const onSlurm = options.executor === 'slurm'
  const interrupt = interruptible(
    onSlurm
      ? 'not waiting any longer; the jobs go on'
      : 'finishing the steps and writing checkpoints; once more to stop at once',
  )
  const stream = options.json === true ? process.stderr : process.stdout
  const told = new Set<string>()
  let last: SweepStatus | undefined
  let queue: SlurmQueue | undefined
  const { processes = settings.local.processes, threads = settings.local.threads } = options
  const common: ExecutorOptions = {
    signal: interrupt.signal,
    ...(options.retryFailed === true && { retryFailed: true }),
    warn: (line) => terminal.line(`warning: ${oneLine(line)}`, process.stderr),
    onProgress: (status) => {
      for (const { id, labels, reason } of status.failures.filter(({ id }) => !told.has(id))) {
        told.add(id)
        terminal.line(`failed: ${labelText(labels)}: ${reason}`, stream)
      }
      last = status
      terminal.progress([progressText(status), ...(queue === undefined ? [] : [queueText(queue)])].join('; '))
    },
  }
  try {
    if (onSlurm)
      await runOnSlurm(runs, runsFolder, {
        ...common,
        wait: options.wait,
        onQueue: (now) => {
          queue = now
        },
        ...(options.threads !== undefined && { threads: options.threads }),
        ...(settings.slurm && { slurm: settings.slurm }),
      })
    else
      await runLocally(runs, runsFolder, {
        ...common,
        ...(processes !== undefined && { processes }),
        ...(threads !== undefined && { threads }),
      })
  } finally {
    interrupt.stop()
  }
  const status = last ?? statusOf(runs, runsFolder)
  const interrupted = interrupt.signal.aborted
  const again = `teleport sweep --resume ${/^[\w./-]+$/.test(folder) ? folder : quoted(folder)}${onSlurm ? ' --executor slurm' : ''}`
  terminal.result(
    { folder, ended: interrupted ? 'interrupted' : 'finished', ...status, ...(interrupted && { resume: again }) },
    [...statusLines(folder, status), ...(interrupted ? [`interrupted; go on with: ${again}`] : [])],
  )
  if (interrupted) process.exitCode = interrupt.status()
}

function progressText({ runs, done, running, failed, left, epochs, secondsLeft }: SweepStatus): string {
  const time = secondsLeft === null || (running === 0 && left === 0) ? '' : `, ${duration(secondsLeft)} left`
  return `${done} of ${runs} runs done, ${running} running, ${failed} failed, ${left} left; ${epochs.done.toFixed(1)} of ${epochs.all} epochs${time}`
}

function statusLines(folder: string, status: SweepStatus): string[] {
  const { runs, done, running, failed, left, epochs, secondsLeft, failures, active } = status
  const workers = Math.max(1, active.length)
  const time =
    secondsLeft === null || secondsLeft === 0
      ? []
      : [`  time left  ${duration(secondsLeft)}, with ${workers === 1 ? 'one run' : `${workers} runs`} at a time`]
  return [
    `${folder}: ${runs} runs`,
    `  done       ${done}`,
    `  running    ${running}`,
    `  failed     ${failed}`,
    `  left       ${left}`,
    `  epochs     ${Math.floor(epochs.done)} of ${epochs.all}`,
    ...time,
    ...(active.length === 0
      ? []
      : [
          '',
          ...table([
            ['running'.padEnd(ID), 'epochs', 'process', ''],
            ...active.map(({ id, labels, epochs, host, pid }) => [
              id,
              String(Math.floor(epochs)),
              `${pid} on ${host}`,
              labelText(labels),
            ]),
          ]),
        ]),
    ...(failures.length === 0
      ? []
      : [
          '',
          ...table([
            ['failed'.padEnd(ID), '', 'reason'],
            ...failures.map(({ id, labels, reason }) => [id, labelText(labels), reason]),
          ]),
        ]),
  ]
}
