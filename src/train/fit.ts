import { type Model, ModelError } from '../graph/model.js'
import { constant, type Schedule, type ScheduleState } from './schedule.js'
import type { TrainingStep, TrainingStepOptions } from './step.js'
import { trainingStep } from './training-step.js'
import { land, type Teleportation } from './teleportation.js'
import type { Trainer, TrainerState, TrainingBatch } from './trainer.js'

/** Batches, epoch after epoch. The memory of a batch may be used again once the next one is asked for. */
export interface EpochSource {
  /** Batches of an epoch. */
  readonly batchCount: number
  /** The batches of an epoch (from 0), from the batch `first` on. The same each time for the same epoch. */
  epoch(epoch: number, first?: number): AsyncIterable<TrainingBatch>
}

/** Where a run stands: enough to go on as if it had never stopped. */
export interface Checkpoint {
  /** Epochs that are finished. */
  readonly epoch: number
  /** Batches done of the epoch after them. */
  readonly batch: number
  /** Sums over those batches. */
  readonly sums: EpochSums
  readonly schedule: ScheduleState
  /** Teleportations done. */
  readonly teleportations: number
  /** What was done of them since the last epoch ended. */
  readonly teleported: readonly string[]
  /** The network in inference form, with current weights and with the nodes that teleportations have inserted. */
  readonly model: Model
  /** The weights are the model's. */
  readonly trainer: Omit<TrainerState, 'weights'>
}

export interface EpochSums {
  readonly loss: number
  readonly correct: number
  readonly batches: number
  readonly examples: number
  /** Seconds spent training. */
  readonly seconds: number
}

/** Plain data that belongs to an epoch. */
export interface Metrics {
  /** From 1; the epoch that was finished, or in which a step was done. */
  readonly epoch: number
  readonly [key: string]: unknown
}

/** What is known when an epoch ends. Losses are means; accuracies fractions of 1; times seconds. */
export interface EpochMetrics extends Metrics {
  /** Steps done since the run began. */
  readonly step: number
  readonly lr: number
  /** Mean over the epoch's steps, each before its update. */
  readonly loss: number
  readonly accuracy?: number
  readonly validationLoss?: number
  readonly validationAccuracy?: number
  /** Training alone, without validation. */
  readonly seconds: number
  /** What was done before the epoch began. */
  readonly teleported?: string
}

export interface StepProgress {
  /** From 1. */
  readonly epoch: number
  readonly epochs: number
  /** Batches done of this epoch, and how many it has. */
  readonly batch: number
  readonly batches: number
  /** Of this step. */
  readonly loss: number
  readonly lr: number
  /** Seconds per step, lately. */
  readonly stepSeconds: number
  /** Until the end of the run, validation included as far as it has been seen. */
  readonly secondsLeft: number
}

export interface FitOptions {
  /** The network to be trained, in inference form. A resumed run takes its checkpoint's instead. */
  readonly model: Model
  readonly step: TrainingStepOptions
  readonly training: EpochSource
  readonly validation?: EpochSource
  /** How many in all. */
  readonly epochs: number
  /** Default: constant. */
  readonly schedule?: Schedule
  /** In the order of their epochs. */
  readonly teleportations?: readonly Teleportation[]
  /** Of teleportations that have none of their own; default 0. */
  readonly seed?: number
  /** Makes a step ready to run, e.g. `(step) => openTrainer(nodeRuntime, step)`. */
  readonly open: (step: TrainingStep) => Promise<Trainer>
  /** A run that was interrupted goes on here. */
  readonly resume?: Checkpoint
  readonly onStep?: (progress: StepProgress) => void
  /** Returning `'stop'` ends the run after this epoch. */
  readonly onEpoch?: (metrics: EpochMetrics, trainer: Trainer) => 'stop' | undefined | Promise<'stop' | undefined>
  /** Given before the first epoch, after every epoch, every `checkpointSteps` steps, and when the run is interrupted. */
  readonly onCheckpoint?: (checkpoint: Checkpoint) => void | Promise<void>
  /** Default: no checkpoints but after epochs. */
  readonly checkpointSteps?: number
  /** Interrupts the run: the current step is finished, and a checkpoint given. */
  readonly signal?: AbortSignal
}

export interface FitResult {
  /** In inference form, with the weights of the end. */
  readonly model: Model
  readonly epochs: readonly EpochMetrics[]
  /** `interrupted`: by the signal; a checkpoint has been given. `stopped`: by `onEpoch`. */
  readonly ended: 'finished' | 'stopped' | 'interrupted'
}

/** The loss is infinite or no number: training has diverged. */
export class DivergedError extends ModelError {
  override name = 'DivergedError'
}

const NO_SUMS: EpochSums = { loss: 0, correct: 0, batches: 0, examples: 0, seconds: 0 }

/**
 * Trains a network: epochs of steps, each epoch followed by a validation, teleportations between them. The same options give the same
 * losses bit for bit on one machine, whether a run was interrupted and resumed or not.
 * @throws DivergedError where the loss is not finite
 */
export async function fit(options: FitOptions): Promise<FitResult> {
  const { epochs, training, validation, signal, resume } = options
  const schedule = options.schedule ?? constant()
  const teleportations = sorted(options.teleportations ?? [])
  let state = resume?.schedule ?? schedule.start(options.step.optimizer.lr)
  let done = resume?.teleportations ?? 0
  let trainer = await options.open(stepFor(resume?.model ?? options.model, options))
  const finished: EpochMetrics[] = []
  const clock = new Clock()
  let teleported = resume?.teleported ?? []
  const checkpoint = (epoch: number, batch: number, sums: EpochSums): Checkpoint => {
    const { steps, updates, optimizer } = trainer.state()
    return {
      epoch,
      batch,
      sums,
      schedule: state,
      teleportations: done,
      teleported,
      model: trainer.model(),
      trainer: { steps, updates, optimizer },
    }
  }
  try {
    if (resume !== undefined) trainer.load({ ...resume.trainer, weights: trainer.state().weights })
    else await options.onCheckpoint?.(checkpoint(0, 0, NO_SUMS))
    for (let epoch = resume?.epoch ?? 0; epoch < epochs; epoch++) {
      const resumed = epoch === resume?.epoch
      // A checkpoint in the middle of an epoch was made after that epoch's teleportations.
      for (; (teleportations[done]?.epoch ?? Infinity) <= epoch; done++) {
        const teleportation = teleportations[done] as Teleportation
        trainer = await teleportTrainer(trainer, teleportation, options)
        teleported = [...teleported, describeTeleportation(teleportation)]
      }
      const lr = schedule.lr(state)
      let sums = resumed ? resume.sums : NO_SUMS
      let batch = resumed ? resume.batch : 0
      const begun = clock.now() - 1000 * sums.seconds
      for await (const data of training.epoch(epoch, batch)) {
        const started = clock.now()
        const { loss, correct = 0 } = await trainer.run(data, { lr })
        batch++
        if (!Number.isFinite(loss)) throw diverged(loss, epoch, batch, lr)
        sums = {
          loss: sums.loss + loss,
          correct: sums.correct + correct,
          batches: sums.batches + 1,
          examples: sums.examples + trainer.step.batchSize,
          seconds: (clock.now() - begun) / 1000,
        }
        clock.step(clock.now() - started, sums.seconds / sums.batches)
        const left = clock.left(training.batchCount - batch, epochs - epoch - 1, training.batchCount)
        options.onStep?.({
          epoch: epoch + 1,
          epochs,
          batch,
          batches: training.batchCount,
          loss,
          lr,
          stepSeconds: clock.stepSeconds,
          secondsLeft: left,
        })
        const more = batch < training.batchCount
        if (more && options.checkpointSteps !== undefined && trainer.steps % options.checkpointSteps === 0)
          await options.onCheckpoint?.(checkpoint(epoch, batch, sums))
        if (signal?.aborted === true && more) {
          await options.onCheckpoint?.(checkpoint(epoch, batch, sums))
          return { model: trainer.model(), epochs: finished, ended: 'interrupted' }
        }
      }
      if (sums.batches === 0)
        throw new ModelError('training: an epoch has no batch; the data set is smaller than a batch')
      const validated = validation === undefined ? undefined : await validate(trainer, validation, clock)
      const metrics: EpochMetrics = {
        epoch: epoch + 1,
        step: trainer.steps,
        lr,
        loss: sums.loss / sums.batches,
        ...(trainer.step.classes !== undefined && { accuracy: sums.correct / sums.examples }),
        ...validated,
        seconds: sums.seconds,
        ...(teleported.length > 0 && { teleported: teleported.join('; ') }),
      }
      finished.push(metrics)
      teleported = []
      state = schedule.next(state, { metric: validated?.validationLoss ?? metrics.loss })
      const wish = await options.onEpoch?.(metrics, trainer)
      const last = epoch + 1 === epochs || wish === 'stop'
      await options.onCheckpoint?.(checkpoint(epoch + 1, 0, NO_SUMS))
      if (wish === 'stop') return { model: trainer.model(), epochs: finished, ended: 'stopped' }
      if (signal?.aborted === true && !last) return { model: trainer.model(), epochs: finished, ended: 'interrupted' }
    }
    return { model: trainer.model(), epochs: finished, ended: 'finished' }
  } finally {
    await trainer.release()
  }
}

/** Mean loss and accuracy over all batches of a source. */
export async function validate(
  trainer: Trainer,
  source: EpochSource,
  clock = new Clock(),
): Promise<{ readonly validationLoss: number; readonly validationAccuracy?: number }> {
  const started = clock.now()
  const sums = { loss: 0, correct: 0, count: 0 }
  for await (const batch of source.epoch(0)) {
    const { lossSum, correct = 0, count } = await trainer.evaluate(batch)
    sums.loss += lossSum
    sums.correct += correct
    sums.count += count
  }
  if (sums.count === 0) throw new ModelError('validation: the data set is empty')
  clock.validation(clock.now() - started)
  return {
    validationLoss: sums.loss / sums.count,
    ...(trainer.step.classes !== undefined && { validationAccuracy: sums.correct / sums.count }),
  }
}

/** What a teleportation inserts is no weight. */
function stepFor(model: Model, { step }: FitOptions): TrainingStep {
  return trainingStep(model, { ...step, frozen: [...(step.frozen ?? []), 'teleport/*'] })
}

async function teleportTrainer(trainer: Trainer, teleportation: Teleportation, options: FitOptions): Promise<Trainer> {
  const { steps, updates, optimizer } = trainer.state()
  const landing = land(trainer.model(), optimizer, teleportation, options.seed ?? 0)
  await trainer.release()
  const next = await options.open(stepFor(landing.model, options))
  const fresh = next.state()
  const reset = landing.optimizer.size === 0
  next.load({
    steps,
    updates: reset ? 0 : updates,
    weights: fresh.weights,
    optimizer: reset ? fresh.optimizer : new Map([...fresh.optimizer, ...landing.optimizer]),
  })
  return next
}

function describeTeleportation(teleportation: Teleportation): string {
  const { kind, momentum = 'reset', scope = 'full' } = teleportation
  const rest = `scope ${scope}, momentum ${momentum}`
  if (kind === 'given') return `given, ${rest}`
  const { sampling = 'intra', range = 0.9 } = teleportation
  return `${kind}, ${sampling} ${range}, ${rest}`
}

function sorted(teleportations: readonly Teleportation[]): readonly Teleportation[] {
  for (const { epoch } of teleportations)
    if (!Number.isSafeInteger(epoch) || epoch < 0)
      throw new ModelError(`teleportation at epoch ${epoch}: expected a whole number of at least 0`)
  return [...teleportations].sort((a, b) => a.epoch - b.epoch)
}

function diverged(loss: number, epoch: number, batch: number, lr: number): DivergedError {
  return new DivergedError(
    `training diverged: the loss is ${loss} in epoch ${epoch + 1}, step ${batch} (learning rate ${lr}); use a smaller learning rate or clipNorm`,
  )
}

/** How long steps and validations take, for the time that is left. */
class Clock {
  #recent = 0
  #average = 0
  #validation = 0
  readonly now = (): number => performance.now()

  step(milliseconds: number, averageSeconds: number): void {
    this.#recent = this.#recent === 0 ? milliseconds : 0.95 * this.#recent + 0.05 * milliseconds
    this.#average = averageSeconds
  }

  validation(milliseconds: number): void {
    this.#validation = milliseconds
  }

  get stepSeconds(): number {
    return this.#recent / 1000
  }

  left(batches: number, epochs: number, perEpoch: number): number {
    return (batches + epochs * perEpoch) * this.#average + ((epochs + 1) * this.#validation) / 1000
  }
}
