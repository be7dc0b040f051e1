import type { FinishedRun } from './finished-run.js'
import type { SweepStatus } from './status.js'
import type { SweepRun } from './sweep.js'

export interface ExecutorOptions {
  /** How many runs are trained at the same time. Local: default as many as there are cores for their threads. */
  readonly processes?: number
  /** Of a run whose configuration does not say. Local: default 1; the same number gives the same losses bit for bit. */
  readonly threads?: number
  /** Told once in the beginning, and at most twice a second from then on. */
  readonly onProgress?: (status: SweepStatus) => void
  /** The steps are finished and checkpoints written; what has ended by then is returned. */
  readonly signal?: AbortSignal
  readonly warn?: (line: string) => void
  /** Runs that have failed before are begun anew; default false. */
  readonly retryFailed?: boolean
  /** How often a run is tried whose process is killed, or has no memory left, before it gets to its next checkpoint; default 3. */
  readonly tries?: number
  /** Seconds without a sign of life after which a process of another machine is taken for gone; default 300. */
  readonly patience?: number
}

/**
 * Trains those of the runs that have not ended, each into `runsFolder/<id>`, and gives all that have ended. Several may work on one folder at the same
 * time, and each can be killed at any time: called again, it goes on.
 * @throws ModelError for what concerns all runs, such as a disk that is full: what is there stays, and can be gone on with
 */
export type Executor = (
  runs: readonly SweepRun[],
  runsFolder: string,
  options?: ExecutorOptions,
) => Promise<readonly FinishedRun[]>
