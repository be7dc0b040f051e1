import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { z } from 'zod'
import { ModelError } from '../graph/model.js'
import type { ExecutorOptions } from './executor.js'
import { type FinishedRun, finishedRuns } from './finished-run.js'
import { readRunEnd } from './run-end.js'
import { shellWord } from './slurm-commands.js'
import { SlurmSilentError, SlurmTasks } from './slurm-jobs.js'
import { slurmSchema } from './slurm-options.js'
import { readRecords } from './slurm-record.js'
import { settle, submit } from './slurm-submit.js'
import { StatusReader } from './status.js'
import type { SweepRun } from './sweep.js'

export interface SlurmExecutorOptions extends ExecutorOptions {
  /** How jobs are submitted; default: as the cluster decides. */
  readonly slurm?: z.input<typeof slurmSchema>
  /** `false`: returns once the jobs are submitted. Default true. */
  readonly wait?: boolean
  /** What the jobs' names begin with; default `teleport`. */
  readonly name?: string
  /** Seconds between two looks at the queue; default 10. */
  readonly pollSeconds?: number
  /** Seconds between signs of life of a run's process. */
  readonly heartbeat?: number
  /** Told with every look at the queue. */
  readonly onQueue?: (queue: SlurmQueue) => void
}

/** Where the tasks of a folder's jobs stand. */
export interface SlurmQueue {
  /** Numbers of the jobs that are not over. */
  readonly jobs: readonly string[]
  readonly running: number
  readonly waiting: number
  /** Why tasks wait, in Slurm's words: `Resources`, `Priority` … */
  readonly reasons: readonly string[]
}

/** Slurm does not let a task with one of these reasons begin until somebody does something about it. */
const STUCK =
  /^(PartitionNodeLimit|PartitionTimeLimit|PartitionDown|BadConstraints|DependencyNeverSatisfied|JobHeld\w+|InvalidAccount|InvalidQOS|ReqNodeNotAvail.*|launch_?failed.*|\(?launch failed.*|QOSMax\w+PerJob|AssocMax\w+PerJob\w*)/i

/** How long Slurm may be silent before a sweep does not wait any longer, in seconds. Its controllers are started anew now and then. */
const SILENCE = 1800

/**
 * Trains runs as tasks of job arrays on a Slurm cluster. A run is submitted once: while its job waits or runs it is not submitted again, by whomever.
 * Tasks that Slurm ends before their runs are done (preempted, at the time limit, node failed) begin again by themselves, from the last checkpoint.
 * The signal ends the waiting, and leaves the jobs.
 * @param options `threads`: default the CPUs of a task; `processes` is Slurm's business, see `slurm.arrayLimit`
 * @throws ModelError where there is no Slurm, or it refuses the jobs
 */
export async function runOnSlurm(
  runs: readonly SweepRun[],
  runsFolder: string,
  options: SlurmExecutorOptions = {},
): Promise<readonly FinishedRun[]> {
  const settings = settingsOf(options.slurm ?? {})
  const { patience, heartbeat, signal, retryFailed = false, name = 'teleport' } = options
  const warn = options.warn ?? (() => undefined)
  await submit(runs, runsFolder, {
    slurm: settings,
    name,
    threads: options.threads ?? settings.cpusPerTask,
    idleRequeues: options.tries === undefined ? settings.maxIdleRequeues : Math.max(0, options.tries - 1),
    retryFailed,
    ...(heartbeat !== undefined && { heartbeat }),
    ...(patience !== undefined && { patience }),
    warn,
  })
  if (options.wait !== false) await waitFor(runs, runsFolder, options, warn)
  else {
    const { jobs } = await queueOf(runs, runsFolder)
    if (jobs.length > 0) warn(jobsText(jobs, runsFolder))
  }
  if (signal?.aborted) {
    const { jobs } = await queueOf(runs, runsFolder)
    if (jobs.length > 0) warn(jobsText(jobs, runsFolder))
  }
  return finishedRuns(runs, runsFolder)
}

function settingsOf(slurm: z.input<typeof slurmSchema>): z.output<typeof slurmSchema> {
  const parsed = slurmSchema.safeParse(slurm)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new ModelError(
    `slurm${issue?.path.map((part) => `.${String(part)}`).join('') ?? ''}: ${issue?.message ?? 'wrong'}`,
  )
}

function jobsText(jobs: readonly string[], runsFolder: string): string {
  const folder = shellWord(path.dirname(path.resolve(runsFolder)))
  return `the jobs go on: look at them by teleport sweep status ${folder} or squeue --jobs=${jobs.join(',')}, cancel them by scancel ${jobs.join(' ')}; start the sweep again to wait for them`
}

/** Shows where the runs stand until they have ended, or nothing is left that trains them. */
async function waitFor(
  runs: readonly SweepRun[],
  runsFolder: string,
  { signal, onProgress, onQueue, pollSeconds = 10, patience }: SlurmExecutorOptions,
  warn: (line: string) => void,
): Promise<void> {
  const reader = new StatusReader(runs, runsFolder)
  const stuck = new Set<string>()
  let answered = performance.now()
  let pause = Math.min(1, pollSeconds)
  let queue: SlurmQueue | undefined
  const left = () => runs.some(({ id }) => readRunEnd(path.join(runsFolder, id)) === undefined)
  while (signal?.aborted !== true && left()) {
    try {
      queue = await queueOf(runs, runsFolder)
      answered = performance.now()
    } catch (error) {
      if (!(error instanceof SlurmSilentError) || performance.now() - answered > 1000 * SILENCE) throw error
    }
    if (queue !== undefined) {
      onQueue?.(queue)
      onProgress?.(reader.read(Math.max(1, queue.running)))
      for (const reason of queue.reasons.filter((reason) => STUCK.test(reason) && !stuck.has(reason))) {
        stuck.add(reason)
        warn(
          `jobs wait, and Slurm says ${reason}: they may never begin; cancel them by scancel ${queue.jobs.join(' ')} and change the slurm section`,
        )
      }
      if (queue.jobs.length === 0) break
    }
    await setTimeout(1000 * pause, undefined, signal && { signal }).catch(() => undefined)
    pause = Math.min(pollSeconds, 1.5 * pause)
  }
  if (signal?.aborted === true) return
  await settle(runsFolder, patience, warn)
  onProgress?.(reader.read())
  const open = runs.filter(({ id }) => readRunEnd(path.join(runsFolder, id)) === undefined).length
  if (open > 0)
    warn(
      `${open} ${open === 1 ? 'run is' : 'runs are'} left, and no job is there for ${open === 1 ? 'it' : 'them'}: start the sweep again to submit what is left`,
    )
}

/** The jobs of these runs. */
async function queueOf(runs: readonly SweepRun[], runsFolder: string): Promise<SlurmQueue> {
  const ids = new Set(runs.map(({ id }) => id))
  const records = readRecords(runsFolder).filter(({ tasks }) =>
    tasks.some((task) => task.some(({ id }) => ids.has(id))),
  )
  const tasks = await SlurmTasks.of(records)
  const active = records.flatMap((record) => tasks.active(record).flatMap((i) => tasks.get(record, i) ?? []))
  const waiting = active.filter(({ state }) => state === 'PENDING')
  return {
    jobs: [...new Set(active.map(({ job }) => job))],
    running: active.length - waiting.length,
    waiting: waiting.length,
    reasons: [...new Set(waiting.map(({ reason }) => reason))].filter((reason) => !['', 'None'].includes(reason)),
  }
}
