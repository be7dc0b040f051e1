import type { SweepRun } from './sweep.js'
import type { TrainRunOutcome } from './train-run.js'

/** What a worker is told. */
export type ToWorker =
  | {
      readonly type: 'run'
      readonly run: SweepRun
      readonly runsFolder: string
      readonly threads: number
      readonly heartbeat: number
    }
  | { readonly type: 'stop' }

/** What a worker tells. */
export type FromWorker =
  /** It waits for a run. */
  | { readonly type: 'ready' }
  /** How many epochs are done, with fractions. */
  | { readonly type: 'progress'; readonly epochs: number }
  | { readonly type: 'warning'; readonly line: string }
  | { readonly type: 'outcome'; readonly outcome: TrainRunOutcome }
  /** There was not memory enough for the run here. The process ends, so that the run is tried in a new one. */
  | { readonly type: 'memory'; readonly reason: string }
  /** Nothing can be trained here, for this reason. */
  | { readonly type: 'stopped'; readonly reason: string }
