import fs from 'node:fs'

/** Between looks at what the processes hold, in milliseconds. */
const INTERVAL = 1000

/**
 * The most that this process, and those that it has started, hold in physical memory from the making of this object on, in bytes. What is held
 * by this process alone is known exactly on Linux; elsewhere, and with other processes, it is looked at once a second.
 */
export class PeakMemory {
  readonly #before = peakOfProcess()
  readonly #exact = resetHighWaterMark()
  readonly #timer: NodeJS.Timeout
  #seen = 0

  constructor() {
    this.#timer = setInterval(() => this.#look(), INTERVAL)
    this.#timer.unref()
    this.#look()
  }

  /** The peak until now; nothing is watched any more. */
  end(): number {
    clearInterval(this.#timer)
    this.#look()
    const peak = peakOfProcess()
    // A new record of the whole process was made since.
    const own = peak > this.#before ? peak : 0
    return Math.max(this.#seen, own, this.#exact ? statusBytes('self', 'VmHWM') : 0)
  }

  #look(): void {
    this.#seen = Math.max(this.#seen, process.memoryUsage.rss() + descendantBytes(process.pid))
  }
}

/** The most that this process ever held. */
function peakOfProcess(): number {
  return 1024 * process.resourceUsage().maxRSS
}

function resetHighWaterMark(): boolean {
  try {
    fs.writeFileSync('/proc/self/clear_refs', '5')
    return true
  } catch {
    return false
  }
}

/** 0 where it is not known. */
function statusBytes(pid: string, key: string): number {
  try {
    const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8')
    return 1024 * Number(new RegExp(`^${key}:\\s*(\\d+) kB`, 'm').exec(status)?.[1] ?? 0)
  } catch {
    return 0
  }
}

/** What the processes that this one has started hold, and theirs. Memory that they share is counted for each. 0 where there is no /proc. */
function descendantBytes(root: number): number {
  const parents = new Map<string, string>()
  try {
    for (const pid of fs.readdirSync('/proc')) if (/^\d+$/.test(pid)) parents.set(pid, parentOf(pid))
  } catch {
    return 0
  }
  const descends = (pid: string): boolean => {
    const parent = parents.get(pid)
    return parent !== undefined && parent !== pid && (parent === String(root) || descends(parent))
  }
  return [...parents.keys()].filter(descends).reduce((sum, pid) => sum + statusBytes(pid, 'VmRSS'), 0)
}

function parentOf(pid: string): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name of the program may hold anything, spaces and brackets too.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? ''
  } catch {
    return ''
  }
}
