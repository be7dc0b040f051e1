import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { attempt, codeOf } from '../runtime/node/system-errors.js'

const PREFIX = 'lock.'
/** How often a lock shows that its process is running, in seconds. */
const HEARTBEAT = 10
/** How often a process looks whether the one that it found was only looking, too. */
const LOOKS = 4

/** Another process has the folder. */
export class LockedError extends ModelError {
  override name = 'LockedError'
}

/** The folder was this process's, and is no more. */
export class LostLockError extends ModelError {
  override name = 'LostLockError'
}

/** A process that has a folder. */
export interface LockHolder {
  readonly host: string
  readonly pid: number
}

/**
 * Keeps a folder for one process. Each process first puts a file into it that bears its identity, and then looks for others' files: of
 * two that come at the same moment at least one sees the other, and steps back. A process that is gone, which no file can tell, is
 * known by its number and the time of its start. Of a process on another machine that cannot be known: its file changes its time while it runs, and
 * who has watched it for long without a change (`LockWatch`) takes it away. So a process that was paused has to `check` before it writes.
 */
export class RunLock {
  /** Folders that this very process has. */
  static readonly #held = new Set<string>()
  readonly #file: string
  readonly #heart: NodeJS.Timeout
  #released = false
  readonly #onExit = (): void => this.release()

  private constructor(file: string, heartbeat: number) {
    this.#file = file
    this.#heart = setInterval(() => this.#beat(), 1000 * heartbeat).unref()
    RunLock.#held.add(file)
    process.once('exit', this.#onExit)
  }

  /**
   * @param what the other process is said to be doing
   * @param heartbeat seconds between signs of life
   * @throws LockedError if another process has the folder
   */
  static async take(folder: string, what = 'is training this run', heartbeat = HEARTBEAT): Promise<RunLock> {
    const file = path.resolve(folder, `${PREFIX}${identityOf(process.pid)}`)
    if (RunLock.#held.has(file)) throw taken(folder, path.basename(file), what)
    const lock = new RunLock(file, heartbeat)
    for (let look = 1; ; look++) {
      try {
        attempt(`cannot write ${quoted(file)}`, () => fs.writeFileSync(file, ''))
      } catch (error) {
        lock.release()
        throw error
      }
      tidy(folder)
      const other = ownersOf(folder).find((name) => name !== path.basename(file))
      if (other === undefined) return lock
      lock.#remove()
      if (look === LOOKS) {
        lock.release()
        throw taken(folder, other, what)
      }
      await setTimeout(20 + 100 * Math.random())
    }
  }

  /** Is a file of this name in the folder the lock's own? */
  isFile(name: string): boolean {
    return path.basename(this.#file) === name
  }

  /** @throws LostLockError if others took this process for gone, since it was paused for long, and may have the folder now */
  check(): void {
    if (!this.#released && fs.existsSync(this.#file)) return
    throw new LostLockError(
      `${quoted(path.dirname(this.#file))} is not this process's any more: it was paused for so long that others took it for gone`,
    )
  }

  /** Does nothing the second time: the folder may be another run's then. */
  release(): void {
    if (this.#released) return
    this.#released = true
    clearInterval(this.#heart)
    process.off('exit', this.#onExit)
    RunLock.#held.delete(this.#file)
    this.#remove()
  }

  /** Needs no room on the disk. Where it fails the folder is lost sooner or later, which `check` tells. */
  #beat(): void {
    const now = new Date()
    try {
      fs.utimesSync(this.#file, now, now)
    } catch {
      return
    }
  }

  #remove(): void {
    fs.rmSync(this.#file, { force: true })
  }
}

function taken(folder: string, owner: string, what: string): LockedError {
  const { host, pid } = parsed(owner)
  return new LockedError(
    host === os.hostname()
      ? `${quoted(folder)}: process ${pid} ${what}; wait for it, or stop it`
      : `${quoted(folder)}: process ${pid} on ${host} ${what}; wait for it, or, if it is gone, remove ${quoted(path.join(folder, owner))}`,
  )
}

/** The files of processes that are running. Whether a process of another machine is running cannot be seen from here. */
function ownersOf(folder: string): string[] {
  return lockFilesOf(folder).filter((name) => isForeign(name) || isRunning(name))
}

/** Takes the files of processes away that are gone. */
function tidy(folder: string): void {
  for (const name of lockFilesOf(folder))
    if (!isForeign(name) && !isRunning(name)) fs.rmSync(path.join(folder, name), { force: true })
}

function lockFilesOf(folder: string): string[] {
  try {
    return fs.readdirSync(folder).filter((name) => name.startsWith(PREFIX))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

function isForeign(name: string): boolean {
  return parsed(name).host !== os.hostname()
}

function isRunning(name: string): boolean {
  return identityOf(parsed(name).pid) === name.slice(PREFIX.length)
}

/** Watches locks of other machines, whose processes may be gone. Clocks of two machines are never compared: only how long nothing has changed. */
export class LockWatch {
  readonly #patience: number
  /** By file: the time that it bore, and since when it has been seen to bear it. */
  readonly #seen = new Map<string, { readonly time: number; readonly since: number }>()

  /** @param patience seconds without a sign of life after which a process of another machine is taken for gone */
  constructor(patience = 300) {
    this.#patience = patience
  }

  /** Who has the folder; undefined where nobody has. */
  holder(folder: string): LockHolder | undefined {
    const name = ownersOf(folder).find((name) => !this.#isGone(path.resolve(folder, name)))
    return name === undefined ? undefined : parsed(name)
  }

  /** Opens a folder whose process is gone. */
  free(folder: string): void {
    for (const name of ownersOf(folder)) {
      const file = path.resolve(folder, name)
      if (this.#isGone(file)) fs.rmSync(file, { force: true })
    }
  }

  #isGone(file: string): boolean {
    if (!isForeign(path.basename(file))) return false
    const time = fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs
    if (time === undefined) return true
    const now = performance.now()
    const seen = this.#seen.get(file)
    if (seen?.time === time) return now - seen.since >= 1000 * this.#patience
    this.#seen.set(file, { time, since: now })
    return false
  }
}

function parsed(name: string): { readonly host: string; readonly pid: number } {
  const [, host = '', pid = ''] = /^lock\.(.*)\.(\d+)\.\w*$/.exec(name) ?? []
  return { host, pid: Number(pid) }
}

/** Machine, number and start of a process; undefined where there is none of that number. */
function identityOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined
  }
  return `${os.hostname()}.${pid}.${startOf(pid)}`
}

/** Numbers are given again; with the time of its start, in ticks since the machine's, a process is known. Linux alone tells it. */
function startOf(pid: number): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name of the program may hold anything, spaces and brackets too.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}
