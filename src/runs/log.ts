import { quoted } from '../graph/text.js'
import { attempt } from '../runtime/node/system-errors.js'
import type { Checkpoint } from '../train/checkpoint.js'
import type { EpochMetrics } from '../train/fit-options.js'
import { MetricsFile } from './metrics.js'
import type { RunFolder } from './run-folder.js'
import { EventFile } from './tensorboard.js'

export const METRICS = 'metrics.jsonl'

/** What a run writes as it goes: metrics as JSON lines, and for TensorBoard. */
export class Log {
  readonly #folder: string
  readonly #metrics: MetricsFile
  readonly #events: EventFile

  constructor(run: RunFolder, resume: Checkpoint | undefined) {
    this.#folder = run.folder
    this.#metrics = this.#attempt(() => new MetricsFile(run.path(METRICS), resume?.epoch ?? 0))
    try {
      const options = { startStep: firstStepOf(resume) }
      this.#events = this.#attempt(() => new EventFile(run.path('tensorboard'), options))
    } catch (error) {
      this.#metrics.close()
      throw error
    }
  }

  epoch(metrics: EpochMetrics): void {
    this.#attempt(() => this.#metrics.write(metrics))
    const { loss, accuracy, lr, validationLoss, validationAccuracy, seconds } = metrics
    const tags = {
      'training/loss': loss,
      'training/accuracy': accuracy,
      'training/learning rate': lr,
      'training/seconds': seconds,
      'validation/loss': validationLoss,
      'validation/accuracy': validationAccuracy,
    }
    const known = Object.entries(tags).filter((entry): entry is [string, number] => entry[1] !== undefined)
    this.#attempt(() => this.#events.scalars(metrics.step, Object.fromEntries(known)))
  }

  close(): void {
    this.#metrics.close()
    this.#events.close()
  }

  #attempt<T>(action: () => T): T {
    return attempt(`cannot write the metrics into ${quoted(this.#folder)}`, action)
  }
}

/**
 * The first step of which metrics will be written anew: those of an epoch are of its last step. Where all steps of an epoch are done,
 * but not its validation, they are of a step that was done already.
 */
function firstStepOf(resume: Checkpoint | undefined): number {
  if (resume === undefined) return 0
  const { batch, trainer } = resume
  return batch === 0 ? trainer.steps + 1 : trainer.steps
}
