import fs from 'node:fs'
import path from 'node:path'
import { stringify } from 'yaml'
import { ModelError } from '../graph/model.js'
import { oneLine, quoted } from '../graph/text.js'
import { readConfig } from '../runs/config.js'
import { configSchema } from '../runs/config-schema.js'
import { beginRun, resumeRun, type RunOptions, type RunResult } from '../runs/run.js'
import { CONFIG, readText } from '../runs/run-folder.js'
import { LockedError, LostLockError, RunLock } from '../runs/run-lock.js'
import { attempt, codeOf } from '../runtime/node/system-errors.js'
import { sameRun } from './identity.js'
import { isTrained, readRunEnd, writeRunEnd } from './run-end.js'
import type { SweepRun } from './sweep.js'

export interface TrainRunOptions extends Pick<RunOptions, 'signal' | 'threads' | 'dataset' | 'onStep' | 'onEpoch'> {
  readonly warn?: (line: string) => void
  /** Seconds between the lock's signs of life. */
  readonly heartbeat?: number
}

/**
 * `ended`: it has a result now, or had one. `interrupted`: by the signal, with a checkpoint. `taken`: another process has it, or took it over
 * since this one was paused.
 */
export type TrainRunOutcome = 'ended' | 'interrupted' | 'taken'

/** What is wrong concerns all runs: nothing is known of this one. */
export class SweepStoppedError extends ModelError {
  override name = 'SweepStoppedError'
}

/** This process has no memory left for the run: one that has trained nothing before it may have. Nothing is written of it. */
export class OutOfMemoryError extends ModelError {
  override name = 'OutOfMemoryError'
}

/**
 * Trains a run of a sweep to its end, from its last checkpoint on where there is one. That it fails is a result.
 * @throws SweepStoppedError where the disk is full, or otherwise cannot be written
 * @throws OutOfMemoryError where it takes more memory than there is
 */
export async function trainRun(
  run: SweepRun,
  runsFolder: string,
  options: TrainRunOptions = {},
): Promise<TrainRunOutcome> {
  const folder = path.resolve(runsFolder, run.id)
  if (readRunEnd(folder) !== undefined) return 'ended'
  let lock: RunLock | undefined
  try {
    attempt(`cannot write ${quoted(folder)}`, () => fs.mkdirSync(folder, { recursive: true }))
    lock = await RunLock.take(folder, undefined, options.heartbeat)
    if (readRunEnd(folder) !== undefined) return 'ended'
    checkIsRun(run, folder)
    if (isTrained(folder)) writeRunEnd(folder, { ended: 'finished' })
    else {
      const begun = performance.now()
      const { ended, trained } = await train(run, folder, lock, options)
      if (ended !== 'finished') return 'interrupted'
      lock.check()
      const measured = { epochs: trained, seconds: (performance.now() - begun) / 1000 }
      writeRunEnd(folder, { ended: 'finished', ...(trained > 0 && { measured }) })
    }
    return 'ended'
  } catch (error) {
    if (error instanceof LockedError || error instanceof LostLockError) return 'taken'
    if (error instanceof SweepStoppedError) throw error
    if (isOutOfMemory(error)) throw new OutOfMemoryError(`out of memory: ${messageOf(error)}`, { cause: error })
    if (isOfMachine(error)) throw new SweepStoppedError(messageOf(error), { cause: error })
    try {
      lock?.check()
      writeRunEnd(folder, { ended: 'failed', reason: reasonOf(error) })
    } catch (second) {
      if (second instanceof LostLockError) return 'taken'
      throw new SweepStoppedError(messageOf(second), { cause: second })
    }
    return 'ended'
  } finally {
    lock?.release()
  }
}

/** @returns how it ended, and how many epochs it trained */
async function train(
  { config }: SweepRun,
  folder: string,
  lock: RunLock,
  options: TrainRunOptions,
): Promise<{ readonly ended: RunResult['ended']; readonly trained: number }> {
  const { warn, heartbeat: _, onEpoch, ...others } = options
  let trained = 0
  const runOptions: RunOptions = {
    ...others,
    lock,
    onEpoch: (metrics) => {
      trained++
      onEpoch?.(metrics)
    },
    ...(warn && { onWarning: warn }),
  }
  const file = path.join(folder, CONFIG)
  const { ended } = fs.existsSync(file)
    ? await resumeRun(folder, runOptions)
    : await beginRun({ text: stringify(config), file }, folder, runOptions)
  return { ended, trained }
}

/** @throws SweepStoppedError where a folder holds another run than the one whose name it bears */
function checkIsRun({ config }: SweepRun, folder: string): void {
  const file = path.join(folder, CONFIG)
  if (!fs.existsSync(file) || sameRun(readConfig(readText(file), file).config, configSchema.parse(config))) return
  throw new SweepStoppedError(
    `${quoted(folder)} holds a run of another configuration than its name says; take it away, or choose another folder`,
  )
}

/** The machine's state, not the run's configuration, is what the system refuses for. */
const OF_MACHINE = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EIO', 'ESTALE', 'EMFILE', 'ENFILE', 'EACCES', 'EPERM']

function isOfMachine(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (OF_MACHINE.includes(codeOf(cause))) return true
  return false
}

/** As the runtime and Node say it. */
function isOutOfMemory(error: unknown): boolean {
  return /bad_alloc|failed to allocate|out of memory|array buffer allocation failed|\bENOMEM\b/i.test(messageOf(error))
}

function reasonOf(error: unknown): string {
  const message = messageOf(error)
  return error instanceof ModelError ? message : `unexpected error: ${message}`
}

function messageOf(error: unknown): string {
  return oneLine(error instanceof Error ? error.message : String(error))
}
