import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { attempt } from '../runtime/node/system-errors.js'

const PREFIX = 'lock.'
/** How often a process looks whether the one that it found was only looking, too. */
const LOOKS = 4

/**
 * Keeps a folder for one process. Each process first puts a file into it that bears its identity, and then looks for others' files: of
 * two that come at the same moment at least one sees the other, and steps back. A process that is gone, which no file can tell, is
 * known by its number and the time of its start.
 */
export class RunLock {
  /** Folders that this very process has. */
  static readonly #held = new Set<string>()
  readonly #file: string
  #released = false
  readonly #onExit = (): void => this.release()

  private constructor(file: string) {
    this.#file = file
    RunLock.#held.add(file)
    process.once('exit', this.#onExit)
  }

  /**
   * @param what the other process is said to be doing
   * @throws ModelError if another process has the folder
   */
  static async take(folder: string, what = 'is training this run'): Promise<RunLock> {
    const file = path.resolve(folder, `${PREFIX}${identityOf(process.pid)}`)
    if (RunLock.#held.has(file)) throw taken(folder, path.basename(file), what)
    const lock = new RunLock(file)
    for (let look = 1; ; look++) {
      try {
        attempt(`cannot write ${quoted(file)}`, () => fs.writeFileSync(file, ''))
      } catch (error) {
        lock.release()
        throw error
      }
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

  /** Does nothing the second time: the folder may be another run's then. */
  release(): void {
    if (this.#released) return
    this.#released = true
    process.off('exit', this.#onExit)
    RunLock.#held.delete(this.#file)
    this.#remove()
  }

  #remove(): void {
    fs.rmSync(this.#file, { force: true })
  }
}

function taken(folder: string, owner: string, what: string): ModelError {
  const { host, pid } = parsed(owner)
  return new ModelError(
    host === os.hostname()
      ? `${quoted(folder)}: process ${pid} ${what}; wait for it, or stop it`
      : `${quoted(folder)}: process ${pid} on ${host} ${what}; wait for it, or, if it is gone, remove ${quoted(path.join(folder, owner))}`,
  )
}

/** The files of processes that are running. Those of others are taken away. */
function ownersOf(folder: string): string[] {
  return fs.readdirSync(folder).filter((name) => {
    if (!name.startsWith(PREFIX)) return false
    const { host, pid } = parsed(name)
    // Whether a process of another machine is running cannot be seen from here.
    if (host !== os.hostname() || identityOf(pid) === name.slice(PREFIX.length)) return true
    fs.rmSync(path.join(folder, name), { force: true })
    return false
  })
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
