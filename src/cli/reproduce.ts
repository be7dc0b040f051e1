import path from 'node:path'
import { Command, Option } from 'commander'
import { cacheFolder } from '../data/cache.js'
import { fetchDataset } from '../data/cifar.js'
import type { Claim, Verdict } from '../experiments/claims/claim.js'
import { type Figure, type Scale, SCALES } from '../experiments/figure.js'
import { FIGURES, figuresNamed } from '../experiments/figures.js'
import { isCached } from '../experiments/reproduce-cells.js'
import { type Overrides, parseOverrides, settingsOf } from '../experiments/reproduce-settings.js'
import { MOST_SEEDS } from '../experiments/reproduce-values.js'
import type { TimeLeft } from '../experiments/reproduce-time.js'
import {
  type FigureProgress,
  type FigureResult,
  reproduce,
  type Reproduction,
  type Train,
} from '../experiments/reproduce.js'
import { ModelError } from '../graph/model.js'
import { oneLine } from '../graph/text.js'
import type { ExecutorOptions } from '../sweeps/executor.js'
import { finishedRuns } from '../sweeps/finished-run.js'
import type { SlurmQueue } from '../sweeps/slurm.js'
import { shellWord } from '../sweeps/slurm-commands.js'
import type { SweepStatus } from '../sweeps/status.js'
import { progressText } from './data.js'
import { interruptible } from './interrupt.js'
import { type CommonOptions, wholeNumber, withCommonOptions } from './options.js'
import { queueText } from './slurm-text.js'
import { terminal } from './terminal.js'
import { duration, table } from './text.js'

const EXAMPLE = `
Examples:
  teleport reproduce all                             every figure, reduced to what two cores do in minutes
  teleport reproduce fig2 fig5 --scale paper -o results/paper
  teleport reproduce fig6 fig11 --scale paper --set epochs=30 --seeds 3
  teleport reproduce --list

What is in the folder already is not computed again: a reproduction that was interrupted or killed goes on by the same command.
It holds for each figure its settings, rows, plots (SVG, PNG), CSV and claims, the trained networks in runs/, and report.html.

Exit status: 0 done, whatever the claims say; 1 an error stopped a figure; 2 wrong usage or input; 130 interrupted (143 by SIGTERM).`

/** In milliseconds. */
const LOG_INTERVAL = 30_000

interface ReproduceCommandOptions extends CommonOptions {
  readonly scale: Scale
  readonly output?: string
  readonly set?: readonly string[]
  readonly seeds?: number
  readonly training: boolean
  readonly executor: 'local' | 'slurm'
  readonly slurm?: readonly string[]
  readonly retryFailed?: boolean
  readonly processes?: number
  readonly threads?: number
  readonly force?: boolean
  readonly list?: boolean
}

export function reproduceCommand(): Command {
  const command = new Command('reproduce')
    .description('Compute figures of the paper, and test its claims.')
    .argument('[figure...]', `${FIGURES.map(({ name }) => name).join(', ')}, or all`)
    .addOption(
      new Option('--scale <scale>', "the paper's own settings, or a reduction").choices(SCALES).default('quick'),
    )
    .option('-o, --output <dir>', 'where results go (default: results/SCALE)')
    .option(
      '--set <key=value>',
      'another setting, of every figure that has it, or FIGURE.KEY=…; may be repeated',
      collect,
    )
    .option('--seeds <n>', 'how many seeds, in place of as many as the scale has', wholeNumber(1))
    .addOption(
      new Option('--executor <where>', 'where networks are trained: by processes here, or as jobs of a Slurm cluster')
        .choices(['local', 'slurm'])
        .default('local'),
    )
    .option(
      '--slurm <key=value>',
      'how jobs are submitted, such as partition=gpu, time=8:00:00; may be repeated',
      collect,
    )
    .option('--retry-failed', 'train runs again that have failed')
    .option('--no-training', 'train nothing: use the runs that are there')
    .option(
      '--processes <n>',
      'how many runs are trained at the same time (default: as many as there are cores)',
      wholeNumber(1),
    )
    .option('--threads <n>', 'threads of the runtime (default: all cores; of each training run: 1)', wholeNumber(1))
    .option('--force', 'start these figures anew; trained networks are kept')
    .option('--list', 'show the figures, their questions and their settings')
  return withCommonOptions(command).addHelpText('after', EXAMPLE).action(reproduceFigures)
}

async function reproduceFigures(names: readonly string[], options: ReproduceCommandOptions): Promise<void> {
  const { scale, set = [], seeds } = options
  if (options.list === true) {
    const figures = figuresNamed(names.length === 0 ? ['all'] : names)
    const overrides = { ...seedsOf(figures, scale, seeds), ...parseOverrides(set) }
    const settings = settingsOf(figures, scale, overrides)
    return terminal.result(
      figures.map(({ name, title, question }) => ({ figure: name, title, question, settings: settings.get(name) })),
      figures.flatMap((figure) => listed(figure, settings.get(figure.name) ?? {})),
    )
  }
  if (names.length === 0) throw new ModelError('reproduce: name figures, or all; --list shows them')
  const figures = figuresNamed(names)
  const overrides = { ...seedsOf(figures, scale, seeds), ...parseOverrides(set) }
  const folder = options.output ?? path.join('results', scale)
  process.exitCode = await shown(figures, folder, options, overrides, commandOf(names, options, folder))
}

/** So many seeds for each figure: some list theirs, some count them. */
function seedsOf(figures: readonly Figure[], scale: Scale, seeds: number | undefined): Overrides {
  if (seeds === undefined) return {}
  if (seeds > MOST_SEEDS) throw new ModelError(`--seeds ${seeds}: expected at most ${MOST_SEEDS}`)
  return Object.fromEntries(
    figures.flatMap(({ name, settings }): [string, unknown][] => {
      const { seeds: given } = settings[scale]
      if (given === undefined) return []
      return [[`${name}.seeds`, Array.isArray(given) ? Array.from({ length: seeds }, (_, i) => i + 1) : seeds]]
    }),
  )
}

/** What was typed, without what only says how it is done. */
function commandOf(
  names: readonly string[],
  { scale, set = [], seeds }: ReproduceCommandOptions,
  folder: string,
): string {
  const words = ['teleport', 'reproduce', ...names, '--scale', scale, '-o', folder]
  for (const text of set) words.push('--set', text)
  if (seeds !== undefined) words.push('--seeds', String(seeds))
  return words.map(shellWord).join(' ')
}

/** Where networks are trained, if not here. */
function whereText({ executor, slurm = [] }: ReproduceCommandOptions): string {
  if (executor === 'local') return ''
  return [' --executor slurm', ...slurm.map((text) => `--slurm ${shellWord(text)}`)].join(' ')
}

/** Computes figures, and shows how far it is and what came out. Returns the exit status. */
async function shown(
  figures: readonly Figure[],
  folder: string,
  options: ReproduceCommandOptions,
  overrides: Overrides,
  command: string,
): Promise<number> {
  const jobs = options.executor === 'slurm' ? ', and jobs go on' : ''
  const interrupt = interruptible(`ending; what is done is kept${jobs}; once more to stop at once`)
  const stream = options.json === true ? process.stderr : process.stdout
  const warn = (line: string): void => terminal.line(`warning: ${oneLine(line)}`, process.stderr)
  const started = performance.now()
  let told = -Infinity
  // A terminal is slower than a small step.
  const progress = (text: string): void => {
    if (performance.now() - told < 100) return
    told = performance.now()
    terminal.progress(text)
  }
  // Whoever reads a log and not a terminal wants a line now and then.
  let logged = performance.now()
  const log = (text: string): void => {
    if (process.stderr.isTTY || performance.now() - logged < LOG_INTERVAL) return
    logged = performance.now()
    terminal.line(text, process.stderr)
  }
  const train: Train = async (runs, runsFolder) => {
    if (!options.training) return finishedRuns(runs, runsFolder)
    let queue: SlurmQueue | undefined
    const executorOptions: ExecutorOptions = {
      ...(options.processes !== undefined && { processes: options.processes }),
      ...(options.threads !== undefined && { threads: options.threads }),
      ...(options.retryFailed !== undefined && { retryFailed: options.retryFailed }),
      signal: interrupt.signal,
      onProgress: (status) => {
        const text = [sweepText(status), ...(queue === undefined ? [] : [queueText(queue)])].join(' · ')
        progress(text)
        log(text)
      },
      warn,
    }
    if (options.executor === 'slurm') {
      const { runOnSlurm } = await import('../sweeps/slurm.js')
      return runOnSlurm(runs, runsFolder, {
        ...executorOptions,
        slurm: parseOverrides(options.slurm ?? []),
        onQueue: (now) => {
          queue = now
        },
      })
    }
    const { runLocally } = await import('../sweeps/local.js')
    return runLocally(runs, runsFolder, executorOptions)
  }
  try {
    await fetchNeeded(figures)
    const result = await reproduce(figures, {
      scale: options.scale,
      folder,
      train,
      signal: interrupt.signal,
      command,
      onProgress: (at) => {
        progress(figureProgressText(at))
        log(figureProgressText(at))
      },
      onFigure: (figure) => terminal.line(figureText(figure), stream),
      warn,
      set: overrides,
      ...(options.force !== undefined && { force: options.force }),
      ...(options.threads !== undefined && { threads: options.threads }),
    })
    for (const [figure, error] of result.errors)
      terminal.line(`${figure}: unexpected error: ${oneLine(error.message)}`, process.stderr)
    const interrupted = result.ended === 'interrupted'
    const seconds = (performance.now() - started) / 1000
    const resume = interrupted ? `${command}${whereText(options)}` : undefined
    const { errors, ...rest } = result
    terminal.result(
      {
        ...rest,
        errors: Object.fromEntries([...errors].map(([figure, { message }]) => [figure, message])),
        seconds,
        ...(resume !== undefined && { resume }),
      },
      resume === undefined ? summaryLines(result, seconds) : [`interrupted; go on with: ${resume}`],
    )
    if (interrupted) return interrupt.status()
    return result.errors.size > 0 ? 1 : 0
  } finally {
    interrupt.stop()
  }
}

/** Data sets that figures cannot do without are fetched before anything begins. @throws ModelError that says what to do */
async function fetchNeeded(figures: readonly Figure[]): Promise<void> {
  const needed = new Set(figures.flatMap(({ needs = ['cifar10'] }) => needs))
  for (const name of ['cifar10', 'cifar100'] as const) {
    if (!needed.has(name) || isCached(name)) continue
    terminal.line(`fetching ${name} into ${cacheFolder()}, once`, process.stderr)
    await fetchDataset(name, { onProgress: (at) => terminal.progress(progressText(at)) }).catch((error: unknown) => {
      if (!(error instanceof ModelError)) throw error
      throw new ModelError(
        `${error.message.replace(/ and give the file with .*$/, '')} and take it from there: teleport data ${name} --from FILE`,
      )
    })
  }
}

const VERDICTS: readonly Verdict[] = ['holds', 'does not hold', 'undecided at this scale']

function verdicts(claims: readonly Claim[]): number[] {
  return VERDICTS.map((verdict) => claims.filter((claim) => claim.verdict === verdict).length)
}

/** `fig3: 24 claims, 20 hold, 1 does not, 3 undecided; 48 s, 312 MB`. */
function figureText({ figure, claims, cells, skipped, seconds, peakMemory }: FigureResult): string {
  const [hold = 0, not = 0, undecided = 0] = verdicts(claims)
  const missing = cells.all - cells.done
  const without = Object.keys(skipped).length
  return [
    `${figure}: ${claims.length} ${claims.length === 1 ? 'claim' : 'claims'}: ${hold} hold, ${not} not, ${undecided} undecided`,
    ...(missing > 0 ? [`${missing} of ${cells.all} cells missing`] : []),
    ...(without > 0 ? [`${without} of ${cells.all} cells skipped (${oneLine(Object.values(skipped)[0] ?? '')})`] : []),
    duration(seconds),
    ...(peakMemory > 0 ? [`${(peakMemory / 1e6).toFixed(0)} MB`] : []),
  ].join('; ')
}

function summaryLines({ figures, folder, failedRuns, report }: Reproduction, seconds: number): string[] {
  const head = ['figure', 'claims', 'hold', 'do not', 'undecided', '']
  const rows = figures.map(({ figure, title, claims }) => [
    figure,
    String(claims.length),
    ...verdicts(claims).map(String),
    title,
  ])
  const failed = Object.keys(failedRuns).length
  return [
    '',
    ...table([head, ...rows]),
    '',
    ...(failed === 0
      ? []
      : [`${failed} training ${failed === 1 ? 'run' : 'runs'} failed: ${oneLine(Object.values(failedRuns)[0] ?? '')}`]),
    `${duration(seconds)}; the report: ${report ?? folder}`,
  ]
}

function figureProgressText({ figure, figuresDone, figures, cell, fraction, left }: FigureProgress): string {
  const parts = [`figure ${figuresDone + 1} of ${figures}`, figure, cell, `${Math.floor(100 * fraction)} %`]
  return [...parts, ...(left === undefined ? [] : [leftText(left)])].join(' · ')
}

/** What is not measured is only a guess. */
function leftText({ seconds, measured }: TimeLeft): string {
  return `${measured ? 'about' : 'perhaps'} ${duration(seconds)} left`
}

function sweepText({ runs, done, running, failed, epochs, secondsLeft }: SweepStatus): string {
  const share = epochs.all === 0 ? 1 : epochs.done / epochs.all
  return [
    `training ${done} of ${runs} runs done, ${running} running${failed === 0 ? '' : `, ${failed} failed`}`,
    `${Math.floor(100 * share)} %`,
    ...(secondsLeft === null ? [] : [`about ${duration(secondsLeft)} left`]),
  ].join(' · ')
}

function listed({ name, title, question }: Figure, settings: object): string[] {
  const rows = Object.entries(settings).map(([key, value]) => `  ${key} = ${JSON.stringify(value)}`)
  return [`${name}  ${title}`, `  ${question}`, ...rows, '']
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}
