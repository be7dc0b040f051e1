import { ModelError } from '../graph/model.js'
import type { Trainer, TrainingBatch } from './trainer.js'

/** Batches, epoch after epoch. The memory of a batch may be used again once the next one is asked for. */
export interface EpochSource {
  /** Batches of an epoch. */
  readonly batchCount: number
  /** The batches of an epoch (from 0), from the batch `first` on. The same each time for the same epoch. */
  epoch(epoch: number, first?: number): AsyncIterable<TrainingBatch>
}

export interface Validation {
  /** The mean over all examples. */
  readonly validationLoss: number
  /** A fraction of 1; for classification. */
  readonly validationAccuracy?: number
}

/** Mean loss and accuracy over all batches of a source, with the current weights in inference form. @throws ModelError for an empty one */
export async function validate(trainer: Trainer, source: EpochSource): Promise<Validation> {
  return (await validateUntil(trainer, source, undefined)) as Validation
}

/** See `validate`; undefined if the signal interrupts it between two batches. */
export async function validateUntil(
  trainer: Trainer,
  source: EpochSource,
  signal: AbortSignal | undefined,
): Promise<Validation | undefined> {
  const sums = { loss: 0, correct: 0, count: 0 }
  for await (const batch of source.epoch(0)) {
    if (signal?.aborted === true) return undefined
    const { lossSum, correct = 0, count } = await trainer.evaluate(batch)
    sums.loss += lossSum
    sums.correct += correct
    sums.count += count
  }
  if (sums.count === 0) throw new ModelError('validation: the data set is empty')
  return {
    validationLoss: sums.loss / sums.count,
    ...(trainer.step.classes !== undefined && { validationAccuracy: sums.correct / sums.count }),
  }
}
