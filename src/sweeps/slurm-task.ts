import os from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { LockWatch } from '../runs/run-lock.js'
import { DatasetCache } from './dataset-cache.js'
import { freeFrom, INTERRUPTED, markOf, NO_MEMORY, runFolder, runsOf, type Say } from './slurm-after.js'
import { readTaskState, type SlurmRecord, writeTaskState } from './slurm-record.js'
import type { SweepRun } from './sweep.js'
import { OutOfMemoryError, trainRun, type TrainRunOptions } from './train-run.js'

/**
 * Does the runs of a task, one after the other, from where they stand. Runs that another process is training are left to it, unless it is gone.
 * @returns the exit status: 0 where nothing is left to be done here, INTERRUPTED where the signal came, NO_MEMORY
 * @throws SweepStoppedError see `trainRun`
 */
export async function doTask(record: SlurmRecord, task: number, signal: AbortSignal, say: Say): Promise<number> {
  const runs = runsOf(record, task)
  const state = readTaskState(record, task)
  const former = state.processes
  const self = { host: os.hostname(), pid: process.pid }
  writeTaskState(record, task, {
    ...state,
    mark: state.mark === '' ? markOf(record, task) : state.mark,
    processes: [...former, self],
  })
  const dataset = new DatasetCache().load
  const train = async (run: SweepRun) => {
    freeFrom(former, runFolder(record, run))
    const options: TrainRunOptions = {
      signal,
      threads: record.threads,
      dataset,
      warn: (line) => say(`${run.id}: warning: ${line}`),
      onEpoch: ({ epoch, loss }) =>
        say(`${run.id}: epoch ${epoch} of ${run.config.training.epochs}: loss ${loss.toFixed(4)}`),
      ...(record.heartbeat !== undefined && { heartbeat: record.heartbeat }),
    }
    if (signal.aborted) return 'interrupted'
    try {
      return await trainRun(run, record.runsFolder, options)
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error
      say(`${run.id}: ${error.message}`)
      return 'no memory'
    }
  }
  const taken: SweepRun[] = []
  for (const run of runs) {
    const outcome = await train(run)
    if (outcome === 'interrupted') return INTERRUPTED
    if (outcome === 'no memory') return NO_MEMORY
    if (outcome === 'taken') taken.push(run)
  }
  const watch = new LockWatch(record.patience)
  for (const run of taken) {
    say(`${run.id}: another process is training it`)
    if (!(await isGone(runFolder(record, run), watch, record.patience ?? 300, signal))) continue
    watch.free(runFolder(record, run))
    if ((await train(run)) === 'no memory') return NO_MEMORY
  }
  return signal.aborted ? INTERRUPTED : 0
}

/** Waits as long as it takes to see that a process on another machine gives no sign of life. */
async function isGone(folder: string, watch: LockWatch, patience: number, signal: AbortSignal): Promise<boolean> {
  const end = performance.now() + 1000 * (patience + 1)
  for (;;) {
    const holder = watch.holder(folder)
    if (holder === undefined) return true
    // It is running: that is seen at once on this machine.
    if (holder.host === os.hostname() || performance.now() > end || signal.aborted) return false
    await setTimeout(Math.min(1000, 100 * patience), undefined, { signal }).catch(() => undefined)
  }
}
