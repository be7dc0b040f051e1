import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { LockedError, LockWatch, RunLock } from '../runs/run-lock.js'
import { attempt } from '../runtime/node/system-errors.js'
import type { Executor, ExecutorOptions } from './executor.js'
import { type FinishedRun, finishedRuns } from './finished-run.js'
import { LocalWorker, type WorkerEnd } from './local-process.js'
import { clearRun, readRunEnd, writeRunEnd } from './run-end.js'
import { StatusReader } from './status.js'
import type { SweepRun } from './sweep.js'
import { warnOfVersions } from './run-versions.js'

/** Between two looks at runs that other processes have, in milliseconds. */
const LOOK = 1000
/** Between two reports, in milliseconds. */
const REPORT = 500
/** So many workers in a row that end before they have begun anything are a defect. */
const STARTS = 3

/** Trains runs on this machine, several at a time, each in a process of its own. */
export const runLocally: Executor = (runs, runsFolder, options = {}) =>
  new LocalExecutor(runs, runsFolder, options).all()

class LocalExecutor {
  readonly #runs: readonly SweepRun[]
  readonly #folder: string
  readonly #options: ExecutorOptions
  readonly #watch: LockWatch
  readonly #status: StatusReader
  readonly #heartbeat: number
  readonly #threads: number
  readonly #processes: number
  readonly #workers = new Set<LocalWorker>()
  /** Neither ended nor in the hands of a worker of ours; and when to look at it again. */
  readonly #waiting = new Map<string, { readonly run: SweepRun; readonly after: number }>()
  /** By run: its checkpoint when its process was killed or had no memory left, and how often it was there. */
  readonly #killed = new Map<string, { readonly checkpoint: string; readonly times: number }>()
  #failure: ModelError | undefined
  #failedStarts = 0
  #reported = -Infinity
  #wake: () => void = () => undefined

  constructor(runs: readonly SweepRun[], runsFolder: string, options: ExecutorOptions) {
    const { patience = 300, threads = 1, processes } = options
    this.#runs = [...new Map(runs.map((run) => [run.id, run])).values()]
    this.#folder = path.resolve(runsFolder)
    this.#options = options
    this.#watch = new LockWatch(patience)
    this.#status = new StatusReader(this.#runs, this.#folder, this.#watch)
    this.#heartbeat = Math.min(10, patience / 10)
    this.#threads = threads
    const widest = Math.max(1, ...this.#runs.map(({ config }) => config.threads ?? threads))
    this.#processes = processes ?? Math.max(1, Math.floor(os.availableParallelism() / widest))
  }

  async all(): Promise<readonly FinishedRun[]> {
    attempt(`cannot write ${quoted(this.#folder)}`, () => fs.mkdirSync(this.#folder, { recursive: true }))
    if (this.#options.retryFailed === true) await this.#clearFailed()
    warnOfVersions(this.#runs, this.#folder, this.#options.warn)
    for (const run of this.#runs)
      if (readRunEnd(this.#folderOf(run)) === undefined) this.#waiting.set(run.id, { run, after: 0 })
    const stop = () => this.#stop()
    const kill = () => this.#workers.forEach((worker) => worker.kill())
    this.#options.signal?.addEventListener('abort', stop)
    process.once('exit', kill)
    try {
      await this.#loop()
    } finally {
      this.#options.signal?.removeEventListener('abort', stop)
      process.off('exit', kill)
      kill()
    }
    this.#report(true)
    if (this.#failure !== undefined) throw this.#failure
    return finishedRuns(this.#runs, this.#folder)
  }

  async #loop(): Promise<void> {
    for (;;) {
      if (!this.#ending) this.#handOut()
      this.#report()
      if (this.#workers.size === 0 && (this.#ending || this.#waiting.size === 0)) return
      const timer = setTimeout(() => this.#wake(), LOOK)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      clearTimeout(timer)
    }
  }

  get #ending(): boolean {
    return this.#failure !== undefined || this.#options.signal?.aborted === true
  }

  /** Gives runs to the workers that wait for one, and starts workers while there are more runs. */
  #handOut(): void {
    for (const worker of this.#workers)
      if (worker.isWaiting) {
        const run = this.#next()
        if (run !== undefined) worker.train(run, this.#folder, this.#threads, this.#heartbeat)
        else if (this.#waiting.size === 0) worker.stop()
      }
    const coming = [...this.#workers].filter((worker) => worker.isStarting).length
    const free = [...this.#waiting.values()].filter(({ after }) => after <= performance.now()).length
    for (let i = Math.min(this.#processes - this.#workers.size, free - coming); i > 0; i--) this.#start()
  }

  /** The first run that nobody has. */
  #next(): SweepRun | undefined {
    const now = performance.now()
    for (const [id, { run, after }] of this.#waiting) {
      if (after > now) continue
      const folder = this.#folderOf(run)
      if (readRunEnd(folder) !== undefined) this.#waiting.delete(id)
      else if (this.#watch.holder(folder) !== undefined) this.#waiting.set(id, { run, after: now + LOOK })
      else {
        this.#watch.free(folder)
        this.#waiting.delete(id)
        return run
      }
    }
    return undefined
  }

  #start(): void {
    const worker = new LocalWorker({
      onChange: () => this.#wake(),
      onWarning: (line) => this.#options.warn?.(line),
      onOutcome: (run, outcome) => {
        this.#failedStarts = 0
        // What is interrupted while the sweep goes on was so by a signal of its own.
        if (outcome !== 'ended') this.#waiting.set(run.id, { run, after: performance.now() + LOOK })
        this.#wake()
      },
      onStopped: (reason) => this.#fail(reason),
      onEnd: (end) =>
        void this.#ended(worker, end)
          .catch((error: unknown) => this.#fail(String(error)))
          .finally(() => this.#wake()),
    })
    this.#workers.add(worker)
  }

  async #ended(worker: LocalWorker, { run, reason }: WorkerEnd): Promise<void> {
    try {
      if (run === undefined) {
        if (reason !== undefined && ++this.#failedStarts >= STARTS)
          this.#fail(`a process that trains runs ends at once: ${reason}`)
        return
      }
      this.#waiting.set(run.id, { run, after: performance.now() })
      if (this.#ending || reason === undefined) return
      const checkpoint = lastCheckpoint(this.#folderOf(run))
      const before = this.#killed.get(run.id)
      const times = before?.checkpoint === checkpoint ? before.times + 1 : 1
      this.#killed.set(run.id, { checkpoint, times })
      if (times >= (this.#options.tries ?? 3)) await this.#giveUp(run, reason)
      else this.#options.warn?.(`run ${run.id}: ${reason}; it goes on from its last checkpoint in a new process`)
    } finally {
      this.#workers.delete(worker)
    }
  }

  async #giveUp(run: SweepRun, reason: string): Promise<void> {
    const folder = this.#folderOf(run)
    try {
      const lock = await RunLock.take(folder)
      try {
        if (readRunEnd(folder) === undefined) writeRunEnd(folder, { ended: 'failed', reason })
      } finally {
        lock.release()
      }
      this.#waiting.delete(run.id)
    } catch (error) {
      if (error instanceof LockedError) return
      if (!(error instanceof ModelError)) throw error
      this.#fail(error.message)
    }
  }

  /** Those that have failed before are begun anew. */
  async #clearFailed(): Promise<void> {
    for (const run of this.#runs) {
      const folder = this.#folderOf(run)
      if (readRunEnd(folder)?.ended !== 'failed') continue
      const lock = await RunLock.take(folder)
      try {
        clearRun(folder, (name) => lock.isFile(name))
      } finally {
        lock.release()
      }
    }
  }

  #fail(reason: string): void {
    this.#failure ??= new ModelError(`${reason}; what has been trained is kept, and the same command goes on with it`)
    this.#stop()
  }

  #stop(): void {
    for (const worker of this.#workers) worker.stop()
    this.#wake()
  }

  #report(last = false): void {
    const { onProgress } = this.#options
    if (onProgress === undefined || (!last && performance.now() - this.#reported < REPORT)) return
    this.#reported = performance.now()
    const parts = new Map([...this.#workers].flatMap(({ run, epochs }) => (run ? [[run.id, epochs] as const] : [])))
    onProgress(this.#status.read(this.#processes, parts))
  }

  #folderOf(run: SweepRun): string {
    return path.join(this.#folder, run.id)
  }
}

/** The name of a run's last checkpoint; '' where there is none. */
function lastCheckpoint(folder: string): string {
  const checkpoints = path.join(folder, 'checkpoints')
  if (!fs.existsSync(checkpoints)) return ''
  const names = fs.readdirSync(checkpoints).filter((name) => !name.startsWith('.'))
  return names.sort().at(-1) ?? ''
}
