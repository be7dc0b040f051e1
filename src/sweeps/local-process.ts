import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { oneLine } from '../graph/text.js'
import type { FromWorker, ToWorker } from './local-messages.js'
import type { SweepRun } from './sweep.js'
import type { TrainRunOutcome } from './train-run.js'

/** How a worker's process ended. */
export interface WorkerEnd {
  /** What it was training. */
  readonly run?: SweepRun
  /** What ended it, as a clause: `its process was killed by SIGKILL …`, `out of memory: …`; undefined where it ended of its own will. */
  readonly reason?: string
}

export interface WorkerListeners {
  readonly onChange: () => void
  readonly onWarning: (line: string) => void
  readonly onOutcome: (run: SweepRun, outcome: TrainRunOutcome) => void
  readonly onStopped: (reason: string) => void
  readonly onEnd: (end: WorkerEnd) => void
}

/** Kept of what a worker writes to its standard error. */
const TAIL = 4000

/** A process that trains runs, as seen by the one that starts it. */
export class LocalWorker {
  readonly #child: ChildProcess
  #state: 'starting' | 'waiting' | 'training' | 'ending' = 'starting'
  #run: SweepRun | undefined
  #epochs = 0
  #errors = ''
  #memory: string | undefined

  constructor(listeners: WorkerListeners) {
    const child = startWorker()
    this.#child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-TAIL)
    })
    child.on('message', (message: FromWorker) => this.#hear(message, listeners))
    // A process that cannot be started has no exit.
    child.once('error', (error) => this.#end(listeners, `its process cannot be started: ${error.message}`))
    child.once('close', (code, signal) => this.#end(listeners, this.#memory ?? this.#reasonOf(code, signal)))
  }

  get isWaiting(): boolean {
    return this.#state === 'waiting'
  }

  get isStarting(): boolean {
    return this.#state === 'starting'
  }

  get run(): SweepRun | undefined {
    return this.#run
  }

  /** Done of its run. */
  get epochs(): number {
    return this.#epochs
  }

  train(run: SweepRun, runsFolder: string, threads: number, heartbeat: number): void {
    this.#state = 'training'
    this.#run = run
    this.#epochs = 0
    this.#tell({ type: 'run', run, runsFolder, threads, heartbeat })
  }

  /** It finishes its step, writes a checkpoint, and ends. */
  stop(): void {
    this.#state = 'ending'
    this.#tell({ type: 'stop' })
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #tell(message: ToWorker): void {
    // It may have ended just now, which `close` tells.
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }

  #hear(message: FromWorker, listeners: WorkerListeners): void {
    switch (message.type) {
      case 'ready':
        if (this.#state !== 'ending') this.#state = 'waiting'
        return listeners.onChange()
      case 'progress':
        this.#epochs = message.epochs
        return
      case 'warning':
        return listeners.onWarning(message.line)
      case 'outcome': {
        const run = this.#run
        this.#run = undefined
        if (run !== undefined) listeners.onOutcome(run, message.outcome)
        return
      }
      case 'memory':
        this.#memory = message.reason
        return
      case 'stopped':
        return listeners.onStopped(message.reason)
    }
  }

  #end(listeners: WorkerListeners, reason: string | undefined): void {
    const run = this.#run
    this.#run = undefined
    listeners.onEnd({ ...(run && { run }), ...(reason !== undefined && { reason }) })
  }

  #reasonOf(code: number | null, signal: NodeJS.Signals | null): string | undefined {
    if (code === 0) return undefined
    // Node's own last words, and those of the C++ below it.
    if (/heap out of memory|bad_alloc/.test(this.#errors)) return `out of memory${this.#lastError()}`
    // Nobody else kills a process this way without being asked to.
    if (signal === 'SIGKILL') return 'its process was killed by SIGKILL, probably out of memory'
    if (signal !== null) return `its process was killed by ${signal}${this.#lastError()}`
    return `its process ended with exit code ${String(code)}${this.#lastError()}`
  }

  #lastError(): string {
    const line = this.#errors.split('\n').findLast((text) => /error|fatal/i.test(text))
    return line === undefined ? '' : `: ${oneLine(line)}`
  }
}

function startWorker(): ChildProcess {
  const file = import.meta.url.endsWith('.ts')
    ? new URL('./local-worker-from-source.mjs', import.meta.url)
    : new URL('./local-worker.js', import.meta.url)
  return fork(fileURLToPath(file), [], {
    // How much memory there is for JavaScript; others, such as what loads TypeScript, are this process's own business.
    execArgv: process.execArgv.filter((flag) => flag.startsWith('--max-')),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
}
