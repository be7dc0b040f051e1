import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { quoted } from '../graph/text.js'
import { LockedError, LockWatch, RunLock } from '../runs/run-lock.js'
import { attempt } from '../runtime/node/system-errors.js'
import { clearRun, readRunEnd } from './run-end.js'
import { failFirst, outOfMemory } from './slurm-after.js'
import { maxArraySize, refused, slurm } from './slurm-commands.js'
import { isOver, SlurmTasks } from './slurm-jobs.js'
import type { SlurmOptions } from './slurm-options.js'
import { jobFolder, readRecords, recordFile, type SlurmRecord, slurmFolder, writeRecord } from './slurm-record.js'
import { batchScript, sbatchFlags } from './slurm-script.js'
import type { SweepRun } from './sweep.js'

export interface SubmitOptions {
  readonly slurm: SlurmOptions
  /** What the jobs' names begin with. */
  readonly name: string
  readonly threads: number
  readonly idleRequeues: number
  readonly retryFailed: boolean
  readonly heartbeat?: number
  readonly patience?: number
  readonly warn: (line: string) => void
}

/** One process at a time decides what is submitted: of two sweeps on one folder the second sees what the first has submitted. */
async function alone<T>(runsFolder: string, patience: number | undefined, action: () => Promise<T>): Promise<T> {
  const folder = slurmFolder(runsFolder)
  attempt(`cannot write ${quoted(folder)}`, () => fs.mkdirSync(folder, { recursive: true }))
  const watch = new LockWatch(patience)
  const end = performance.now() + 2000 * (patience ?? 300)
  for (;;) {
    watch.free(folder)
    let lock: RunLock
    try {
      lock = await RunLock.take(folder, 'is submitting jobs for these runs')
    } catch (error) {
      if (!(error instanceof LockedError) || performance.now() > end) throw error
      await setTimeout(200)
      continue
    }
    try {
      return await action()
    } finally {
      lock.release()
    }
  }
}

/**
 * Submits jobs for those of the runs that have not ended and for which no job is waiting or running.
 * @throws ModelError where Slurm refuses the first of them; where it refuses a later one, that is warned of
 */
export async function submit(runs: readonly SweepRun[], runsFolder: string, options: SubmitOptions): Promise<void> {
  await alone(runsFolder, options.patience, async () => {
    const records = await settled(runsFolder, options.warn)
    const covered = new Set(
      records.flatMap(({ record, active }) => active.flatMap((i) => (record.tasks[i] ?? []).map(({ id }) => id))),
    )
    const todo: SweepRun[] = []
    for (const run of new Map(runs.map((run) => [run.id, run])).values())
      if (!covered.has(run.id) && (await isOpen(path.join(runsFolder, run.id), options.retryFailed))) todo.push(run)
    if (todo.length > 0) await submitAll(chunks(todo, options.slurm.runsPerTask), runsFolder, options)
  })
}

/** Has the run still to be trained? One that has failed, if it is to be tried again, is begun anew. */
async function isOpen(folder: string, retryFailed: boolean): Promise<boolean> {
  const end = readRunEnd(folder)
  if (end?.ended !== 'failed' || !retryFailed) return end === undefined
  try {
    const lock = await RunLock.take(folder)
    try {
      if (readRunEnd(folder)?.ended === 'failed') clearRun(folder, (name) => lock.isFile(name))
    } finally {
      lock.release()
    }
  } catch (error) {
    // Somebody else has begun it anew.
    if (error instanceof LockedError) return false
    throw error
  }
  return true
}

async function submitAll(
  tasks: readonly (readonly SweepRun[])[],
  runsFolder: string,
  options: SubmitOptions,
): Promise<void> {
  const { slurm: settings, warn } = options
  const size = await maxArraySize()
  const arrays = chunks(tasks, Math.max(1, size))
  let after: string | undefined
  for (const [i, part] of arrays.entries()) {
    const record: SlurmRecord = {
      // In the order of time, and no other's.
      name: `${options.name.replaceAll(/[^\w.-]+/g, '-')}-${Date.now().toString(36)}${randomBytes(2).toString('hex')}`,
      runsFolder: path.resolve(runsFolder),
      tasks: part,
      threads: options.threads,
      idleRequeues: options.idleRequeues,
      over: [],
      ...(options.heartbeat !== undefined && { heartbeat: options.heartbeat }),
      ...(options.patience !== undefined && { patience: options.patience }),
      ...(settings.memory !== undefined && { memory: memoryText(settings.memory) }),
      ...(settings.time !== undefined && {
        time: typeof settings.time === 'number' ? `${settings.time} min` : settings.time,
      }),
    }
    try {
      // Each array has a limit of its own: so that it holds for all, they come one after the other.
      const job = await submitOne(record, settings, { array: size > 0, ...(after !== undefined && { after }) })
      if (settings.arrayLimit !== undefined) after = job
    } catch (error) {
      if (i === 0) throw error
      const left = arrays.slice(i).flat().flat().length
      const message = error instanceof Error ? error.message : String(error)
      return warn(`${left} runs are not submitted yet: ${message}; start the sweep again later`)
    }
  }
}

/** Notes the job before it is submitted: if this process is killed in between, the job is found by its name. */
async function submitOne(
  record: SlurmRecord,
  settings: SlurmOptions,
  shape: { readonly array: boolean; readonly after?: string },
): Promise<string> {
  const folder = jobFolder(record)
  const script = `${folder}.sh`
  const flags = sbatchFlags(record, settings, folder, shape)
  attempt(`cannot write ${quoted(script)}`, () => {
    fs.mkdirSync(folder, { recursive: true })
    fs.writeFileSync(script, batchScript(record, settings, flags, process.cwd()), { mode: 0o755 })
  })
  writeRecord(record)
  const answer = await slurm('sbatch', [...flags, script])
  const [, number] = /^(\d+)(;.*)?$/m.exec(answer.stdout) ?? []
  // Where its answer got lost, the job may have been submitted nonetheless.
  const job = number ?? (await SlurmTasks.of([record])).jobOf(record)
  if (answer.status !== 0 && (job === undefined || (number === undefined && (await isRefused(record))))) {
    for (const file of [recordFile(record), script, folder]) fs.rmSync(file, { recursive: true, force: true })
    throw refused('sbatch', answer)
  }
  if (job === undefined) throw refused('sbatch', answer)
  writeRecord({ ...record, job })
  return job
}

/** Slurm keeps some jobs in its list that it has refused. */
async function isRefused(record: SlurmRecord): Promise<boolean> {
  return (await SlurmTasks.of([record])).active(record).length === 0
}

export interface SettledRecord {
  readonly record: SlurmRecord
  /** The tasks that are waiting or running. */
  readonly active: readonly number[]
}

/** What became of the jobs that were submitted. Runs of those that Slurm has killed for memory have failed. */
export function settle(
  runsFolder: string,
  patience: number | undefined,
  warn: (line: string) => void,
): Promise<SettledRecord[]> {
  return alone(runsFolder, patience, () => settled(runsFolder, warn))
}

async function settled(runsFolder: string, warn: (line: string) => void): Promise<SettledRecord[]> {
  const records = readRecords(runsFolder)
  const tasks = await SlurmTasks.of(records)
  const result: SettledRecord[] = []
  for (const record of records) {
    const active = tasks.active(record)
    const over = [...record.tasks.keys()].filter((i) => !active.includes(i))
    for (const i of over.filter((i) => !record.over.includes(i))) {
      const task = tasks.get(record, i)
      if (task === undefined || !isOver(task)) continue
      if (task.state === 'OUT_OF_MEMORY') await failFirst(record, i, outOfMemory(record), () => undefined)
      const open = (record.tasks[i] ?? []).some(({ id }) => readRunEnd(path.join(runsFolder, id)) === undefined)
      if (open)
        warn(
          `task ${i} of job ${task.job} ended with a run left (${endText(task)}); ${path.join(jobFolder(record), `${i}.log`)} says more`,
        )
    }
    const job = record.job ?? tasks.jobOf(record)
    const now = { ...record, over, ...(job !== undefined && { job }) }
    if (over.length !== record.over.length || job !== record.job) writeRecord(now)
    result.push({ record: now, active })
  }
  return result
}

function endText({ state, reason }: { readonly state: string; readonly reason: string }): string {
  const texts: Readonly<Record<string, string>> = {
    CANCELLED: 'cancelled',
    TIMEOUT: 'at its time limit',
    NODE_FAIL: 'its node has failed',
    PREEMPTED: 'preempted',
    OUT_OF_MEMORY: 'out of memory',
  }
  return texts[state] ?? `${state}${['', 'None', 'NonZeroExitCode'].includes(reason) ? '' : `, ${reason}`}`
}

function memoryText(memory: string | number): string {
  return typeof memory === 'number' || /^\d+$/.test(memory) ? `${memory}M` : memory
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}
