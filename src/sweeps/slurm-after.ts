import fs from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { quoted } from '../graph/text.js'
import { LockedError, LockWatch, RunLock } from '../runs/run-lock.js'
import { attempt } from '../runtime/node/system-errors.js'
import { readRunEnd, writeRunEnd } from './run-end.js'
import { slurm } from './slurm-commands.js'
import { logFile, readTaskState, type SlurmRecord, type TaskState, writeTaskState } from './slurm-record.js'
import { BEGINS } from './slurm-script.js'
import type { SweepRun } from './sweep.js'

/** How a process ends that was told to: as the shell says it of SIGTERM. */
export const INTERRUPTED = 143
/** What concerns all runs is wrong, such as a full disk: beginning again would not help. */
export const STOPPED = 3
/** There was not memory enough for the run. Another process, on another node maybe, may have it. */
export const NO_MEMORY = 4

export type Say = (line: string) => void

/** How a task goes on whose worker has ended before its runs were done. */
type Next = 'requeue' | 'end'

/**
 * Decides what becomes of a task whose worker has ended with another status than 0: it begins again, unless that makes no sense. A run that
 * cannot get further has failed; the others of the task go on.
 */
export async function afterTask(record: SlurmRecord, task: number, status: number, say: Say): Promise<Next> {
  const open = () => runsOf(record, task).filter((run) => readRunEnd(runFolder(record, run)) === undefined)
  if (open().length === 0) return 'end'
  if (status === 126 || status === 127) {
    say(`the worker could not be started: is ${process.execPath} on this node?`)
    return 'end'
  }
  if (status === STOPPED) return 'end'
  const state = readTaskState(record, task)
  const mark = markOf(record, task)
  const idle = mark === state.mark ? state.idle + 1 : 0
  writeTaskState(record, task, { ...state, mark, idle })
  if (ranOutOfMemory(logFile(record, task))) await failFirst(record, task, outOfMemory(record), say)
  else if (idle > record.idleRequeues) {
    await failFirst(record, task, neverAdvances(record, idle, status), say)
    writeTaskState(record, task, { ...state, mark: markOf(record, task), idle: 0 })
  }
  return open().length === 0 ? 'end' : 'requeue'
}

/** Puts this task back into the queue, which ends it. @returns only where that is not possible */
export async function requeue(say: Say): Promise<void> {
  const { SLURM_ARRAY_JOB_ID: array, SLURM_ARRAY_TASK_ID: index, SLURM_JOB_ID: job = '' } = process.env
  // The number of an array's last task is the array's, too.
  const name = array === undefined ? job : `${array}_${index}`
  const seen = await slurm('squeue', ['--noheader', '--states=all', `--jobs=${name}`, '--format=%T'])
  // One that was cancelled must not come back; one that Slurm takes back itself comes back without this.
  if (seen.stdout.trim() !== 'RUNNING') return
  const answer = await slurm('scontrol', ['requeue', name])
  if (answer.status !== 0) {
    say(`the task cannot be put back into the queue (${answer.message}); start the sweep again to go on`)
    return
  }
  say('put back into the queue')
  await setTimeout(60_000)
}

/** Marks the run of a task that was being trained as failed. */
export async function failFirst(record: SlurmRecord, task: number, reason: string, say: Say): Promise<void> {
  for (const run of runsOf(record, task)) {
    const folder = runFolder(record, run)
    if (readRunEnd(folder) !== undefined) continue
    attempt(`cannot write ${quoted(folder)}`, () => fs.mkdirSync(folder, { recursive: true }))
    freeFrom(readTaskState(record, task).processes, folder)
    let lock: RunLock
    try {
      lock = await RunLock.take(folder)
    } catch (error) {
      // Somebody else trains it: it was not this one.
      if (error instanceof LockedError) continue
      throw error
    }
    try {
      if (readRunEnd(folder) === undefined) writeRunEnd(folder, { ended: 'failed', reason })
    } finally {
      lock.release()
    }
    say(`${run.id} has failed: ${reason}`)
    return
  }
}

export function outOfMemory({ memory }: SlurmRecord): string {
  const had = memory === undefined ? 'what the cluster gives a job that does not ask' : memory
  return `out of memory: Slurm ended the job, which had ${had}; raise slurm.memory`
}

function neverAdvances({ time }: SlurmRecord, idle: number, status: number): string {
  const ended = `its job ended ${idle} times without coming further`
  if (status === NO_MEMORY) return `out of memory: ${ended}; its log says more; raise slurm.memory`
  if (status !== INTERRUPTED)
    return `${ended}, at last with status ${status}${status === 137 ? ' (killed)' : ''}; its log says more`
  const limit = time === undefined ? '' : ` (${time})`
  return `${ended}: each time Slurm took its node back before the first step was done; raise slurm.time${limit}, or take another partition`
}

/** A task runs in one place at a time, so the processes that trained for it before are gone, wherever they were: nobody has to watch them. */
export function freeFrom(processes: TaskState['processes'], folder: string): void {
  const watch = new LockWatch(0)
  const holder = watch.holder(folder)
  if (processes.some(({ host, pid }) => host === holder?.host && pid === holder.pid)) watch.free(folder)
}

export function runsOf(record: SlurmRecord, task: number): readonly SweepRun[] {
  return record.tasks[task] ?? []
}

export function runFolder({ runsFolder }: SlurmRecord, { id }: SweepRun): string {
  return path.join(runsFolder, id)
}

/** How far the runs of a task have come: the same text as long as none has come further. */
export function markOf(record: SlurmRecord, task: number): string {
  return runsOf(record, task)
    .map((run) => {
      const folder = runFolder(record, run)
      if (readRunEnd(folder) !== undefined) return 'ended'
      const checkpoints = path.join(folder, 'checkpoints')
      const names = fs.existsSync(checkpoints) ? fs.readdirSync(checkpoints) : []
      return (
        names
          .filter((name) => name.startsWith('epoch-'))
          .sort()
          .at(-1) ?? 'begun'
      )
    })
    .join(' ')
}

/** What Slurm and its step say in the log of a job of which a process was killed for memory. */
function ranOutOfMemory(log: string): boolean {
  if (!fs.existsSync(log)) return false
  const text = fs.readFileSync(log, 'utf8')
  return /^(slurmstepd|srun)\b.*(oom[-_ ]?kill|out of memory|exceeded .*memory limit)/im.test(
    text.slice(Math.max(0, text.lastIndexOf(BEGINS))),
  )
}
