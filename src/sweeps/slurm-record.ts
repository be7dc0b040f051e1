import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { attempt } from '../runtime/node/system-errors.js'
import { quoted } from '../graph/text.js'
import type { SweepRun } from './sweep.js'

const schema = z.object({
  /** The job's, which no other job bears: by it the job is found, even if its submission was cut off before its number was noted. */
  name: z.string(),
  /** Absolute. */
  runsFolder: z.string(),
  /** By task the runs that it does, one after the other. */
  tasks: z.array(z.array(z.object({ id: z.string(), labels: z.record(z.string(), z.any()), config: z.any() }))),
  threads: z.int(),
  heartbeat: z.number().optional(),
  patience: z.number().optional(),
  /** How often in a row a task may begin again without having come further. */
  idleRequeues: z.int(),
  /** What a task may hold, as it was asked for; for messages. */
  memory: z.string().optional(),
  time: z.string().optional(),
  /** The number that Slurm gave it; undefined until it has. */
  job: z.string().optional(),
  /** Tasks of which is known that they are over. */
  over: z.array(z.int()).default([]),
})

type Parsed = z.infer<typeof schema>

/** A job that was submitted for runs of a folder, or was about to be. */
export interface SlurmRecord extends Omit<Parsed, 'tasks'> {
  readonly tasks: readonly (readonly SweepRun[])[]
}

/** What is remembered of jobs lies here, in the folder of the runs. */
export function slurmFolder(runsFolder: string): string {
  return path.resolve(runsFolder, '.slurm')
}

/** Where a job's tasks work: their logs, and how far they came. */
export function jobFolder({ runsFolder, name }: Pick<SlurmRecord, 'runsFolder' | 'name'>): string {
  return path.join(slurmFolder(runsFolder), name)
}

export function recordFile({ runsFolder, name }: Pick<SlurmRecord, 'runsFolder' | 'name'>): string {
  return `${jobFolder({ runsFolder, name })}.json`
}

export function logFile(record: Pick<SlurmRecord, 'runsFolder' | 'name'>, task: number): string {
  return path.join(jobFolder(record), `${task}.log`)
}

/** The jobs that were submitted for runs of this folder. One that cannot be read, since it was cut off while it was written, was never submitted. */
export function readRecords(runsFolder: string): SlurmRecord[] {
  const folder = slurmFolder(runsFolder)
  if (!fs.existsSync(folder)) return []
  const names = attempt(`cannot read ${quoted(folder)}`, () => fs.readdirSync(folder))
  return names
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((name) => {
      const record = readRecord(path.join(folder, name))
      // The folder may have been moved since.
      return record === undefined ? [] : [{ ...record, runsFolder: path.resolve(runsFolder) }]
    })
}

export function readRecord(file: string): SlurmRecord | undefined {
  const text = attempt(`cannot read ${quoted(file)}`, () => fs.readFileSync(file, 'utf8'))
  try {
    return schema.parse(JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined
    throw error
  }
}

export function writeRecord(record: SlurmRecord): void {
  writeJson(recordFile(record), record)
}

const stateSchema = z.object({
  /** How far its runs had come when it last ended. */
  mark: z.string().default(''),
  /** How often in a row it has ended without having come further. */
  idle: z.int().default(0),
  /** The processes that have trained for it: all but the last are gone. */
  processes: z.array(z.object({ host: z.string(), pid: z.int() })).default([]),
})

/** What a task leaves for the next time that it begins. */
export type TaskState = z.infer<typeof stateSchema>

export function readTaskState(record: SlurmRecord, task: number): TaskState {
  try {
    return stateSchema.parse(JSON.parse(fs.readFileSync(stateFile(record, task), 'utf8')))
  } catch {
    return stateSchema.parse({})
  }
}

export function writeTaskState(record: SlurmRecord, task: number, state: TaskState): void {
  writeJson(stateFile(record, task), state)
}

function stateFile(record: SlurmRecord, task: number): string {
  return path.join(jobFolder(record), `${task}.json`)
}

function writeJson(file: string, value: unknown): void {
  attempt(`cannot write ${quoted(file)}`, () => {
    fs.writeFileSync(`${file}.new`, `${JSON.stringify(value)}\n`, { flush: true })
    fs.renameSync(`${file}.new`, file)
  })
}
