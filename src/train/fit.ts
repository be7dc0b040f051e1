import { ModelError, type Model } from '../graph/model.js'
import { RESCALE_PREFIX } from '../ops/field.js'
import { type Checkpoint, type EpochSums, NO_SUMS } from './checkpoint.js'
import { Clock } from './clock.js'
import type { EpochMetrics, FitOptions, FitResult } from './fit-options.js'
import { constant, type Schedule, type ScheduleState } from './schedule.js'
import type { TrainingStep } from './step.js'
import { land, type Teleportation } from './teleportation.js'
import { teleportationSeed } from './teleportation-seed.js'
import type { Trainer } from './trainer.js'
import { trainingStep } from './training-step.js'
import { type Validation, validateUntil } from './validate.js'

export type { Checkpoint, EpochSums } from './checkpoint.js'
export type { EpochMetrics, FitOptions, FitResult, Metrics, StepProgress } from './fit-options.js'
export { type EpochSource, validate } from './validate.js'

/** The loss is infinite or no number: training has diverged. */
export class DivergedError extends ModelError {
  override name = 'DivergedError'
}

/**
 * Trains a network: epochs of steps, each epoch followed by a validation, teleportations between them. The same options give the same
 * losses bit for bit on one machine, whether a run was interrupted and resumed or not.
 * @throws DivergedError where the loss is not finite
 */
export async function fit(options: FitOptions): Promise<FitResult> {
  check(options)
  const run = new Fit(options, await options.open(stepFor(options.resume?.model ?? options.model, options)))
  try {
    return await run.all()
  } finally {
    await run.release()
  }
}

class Fit {
  readonly #options: FitOptions
  readonly #schedule: Schedule
  readonly #teleportations: readonly Teleportation[]
  readonly #clock = new Clock()
  readonly #finished: EpochMetrics[] = []
  #trainer: Trainer
  #state: ScheduleState
  #done: number
  #teleported: readonly string[]

  constructor(options: FitOptions, trainer: Trainer) {
    const { resume, schedule = constant(), step, teleportations = [] } = options
    this.#options = options
    this.#schedule = schedule
    this.#teleportations = [...teleportations].sort((a, b) => a.epoch - b.epoch)
    this.#trainer = trainer
    this.#state = resume?.schedule ?? schedule.start(step.optimizer.lr)
    this.#done = resume?.teleportations ?? 0
    this.#teleported = resume?.teleported ?? []
  }

  async all(): Promise<FitResult> {
    const { epochs, resume, signal } = this.#options
    if (resume !== undefined) {
      const { weights } = this.#trainer.state()
      this.#trainer.load({ ...resume.trainer, weights })
    }
    for (let epoch = resume?.epoch ?? 0; epoch < epochs; epoch++) {
      if (signal?.aborted === true) return this.#result('interrupted')
      // A checkpoint in the middle of an epoch was made after that epoch's teleportations.
      await this.#teleport(epoch)
      const sums = await this.#train(epoch, epoch === resume?.epoch ? resume : { batch: 0, sums: NO_SUMS })
      if (sums === undefined) return this.#result('interrupted')
      const validation = await this.#validate(epoch, sums)
      if (validation === 'interrupted') return this.#result('interrupted')
      if ((await this.#end(epoch, sums, validation)) === 'stop') return this.#result('stopped')
    }
    return this.#result('finished')
  }

  async release(): Promise<void> {
    await this.#trainer.release()
  }

  /** The steps of an epoch; undefined where they were interrupted. */
  async #train(epoch: number, from: Pick<Checkpoint, 'batch' | 'sums'>): Promise<EpochSums | undefined> {
    const { training, epochs, checkpointSteps, signal, onStep } = this.#options
    const batches = training.batchCount
    const lr = this.#schedule.lr(this.#state)
    let { batch, sums } = from
    this.#clock.start()
    for await (const data of training.epoch(epoch, batch)) {
      const trainer = this.#trainer
      const { loss, correct = 0 } = await trainer.run(data, { lr })
      batch++
      if (!Number.isFinite(loss)) throw diverged('loss', loss, `epoch ${epoch + 1}, step ${batch}`, lr)
      sums = {
        loss: sums.loss + loss,
        correct: sums.correct + correct,
        batches: sums.batches + 1,
        examples: sums.examples + trainer.step.batchSize,
        seconds: sums.seconds + this.#clock.step(),
      }
      const { stepSeconds } = this.#clock
      const average = sums.seconds / sums.batches
      const secondsLeft = this.#clock.left((epochs - epoch) * batches - batch, average, epochs - epoch)
      onStep?.({ epoch: epoch + 1, epochs, batch, batches, loss, lr, stepSeconds, secondsLeft })
      const interrupted = signal?.aborted === true
      if (interrupted || (batch < batches && checkpointSteps !== undefined && trainer.steps % checkpointSteps === 0))
        await this.#checkpoint(epoch, batch, sums)
      if (interrupted) return undefined
      this.#clock.start()
    }
    if (sums.batches === 0)
      throw new ModelError('training: an epoch has no batch; the data set is smaller than a batch')
    return sums
  }

  async #validate(epoch: number, sums: EpochSums): Promise<Validation | undefined | 'interrupted'> {
    const { validation, signal } = this.#options
    if (validation === undefined) return undefined
    this.#clock.start()
    const found = await validateUntil(this.#trainer, validation, signal)
    if (found === undefined) {
      await this.#checkpoint(epoch, sums.batches, sums)
      return 'interrupted'
    }
    this.#clock.validation()
    const { validationLoss } = found
    const lr = this.#schedule.lr(this.#state)
    if (!Number.isFinite(validationLoss))
      throw diverged('validation loss', validationLoss, `after epoch ${epoch + 1}`, lr)
    return found
  }

  async #end(epoch: number, sums: EpochSums, validation: Validation | undefined): Promise<'stop' | undefined> {
    const metrics: EpochMetrics = {
      epoch: epoch + 1,
      step: this.#trainer.steps,
      lr: this.#schedule.lr(this.#state),
      loss: sums.loss / sums.batches,
      ...(this.#trainer.step.classes !== undefined && { accuracy: sums.correct / sums.examples }),
      ...validation,
      seconds: sums.seconds,
      ...(this.#teleported.length > 0 && { teleported: this.#teleported.join('; ') }),
    }
    this.#finished.push(metrics)
    this.#teleported = []
    this.#state = this.#schedule.next(this.#state, { metric: validation?.validationLoss ?? metrics.loss })
    const wish = await this.#options.onEpoch?.(metrics, this.#trainer)
    await this.#checkpoint(epoch + 1, 0, NO_SUMS)
    return wish
  }

  async #checkpoint(epoch: number, batch: number, sums: EpochSums): Promise<void> {
    const { onCheckpoint } = this.#options
    if (onCheckpoint === undefined) return
    const { steps, updates, optimizer } = this.#trainer.state()
    await onCheckpoint({
      epoch,
      batch,
      sums,
      schedule: this.#state,
      teleportations: this.#done,
      teleported: this.#teleported,
      model: this.#trainer.model(),
      trainer: { steps, updates, optimizer },
    })
  }

  /** Does what is due before an epoch. A step is a graph of its model, so each teleportation opens a new one. */
  async #teleport(epoch: number): Promise<void> {
    for (; (this.#teleportations[this.#done]?.epoch ?? Infinity) <= epoch; this.#done++) {
      const teleportation = this.#teleportations[this.#done] as Teleportation
      const seed = teleportationSeed(this.#options.seed ?? 0, this.#done)
      const { steps, updates, optimizer } = this.#trainer.state()
      const landing = land(this.#trainer.model(), optimizer, teleportation, seed)
      await this.#trainer.release()
      this.#trainer = await this.#options.open(stepFor(landing.model, this.#options))
      const fresh = this.#trainer.state()
      const reset = (teleportation.momentum ?? 'reset') === 'reset'
      // The copy of a weight whose users part begins with a state of zero.
      const kept = [...fresh.optimizer].map(([name, zero]) => [name, landing.optimizer.get(name) ?? zero] as const)
      this.#trainer.load({ steps, updates: reset ? 0 : updates, weights: fresh.weights, optimizer: new Map(kept) })
      this.#teleported = [...this.#teleported, landing.description]
    }
  }

  #result(ended: FitResult['ended']): FitResult {
    return { model: this.#trainer.model(), epochs: this.#finished, ended }
  }
}

/** What a teleportation inserts is no weight. */
function stepFor(model: Model, { step }: FitOptions): TrainingStep {
  return trainingStep(model, { ...step, frozen: [...(step.frozen ?? []), `${RESCALE_PREFIX}*`] })
}

function check({ epochs, checkpointSteps = 1, teleportations = [] }: FitOptions): void {
  for (const [name, value] of Object.entries({ epochs, checkpointSteps }))
    if (!Number.isSafeInteger(value) || value < 1)
      throw new ModelError(`${name} is ${value}; expected a whole number of at least 1`)
  for (const { epoch } of teleportations)
    if (!Number.isSafeInteger(epoch) || epoch < 0 || epoch >= epochs)
      throw new ModelError(
        `teleportation after epoch ${epoch}: training has ${epochs} epochs; expected a whole number from 0 to ${epochs - 1}`,
      )
}

function diverged(what: string, loss: number, where: string, lr: number): DivergedError {
  return new DivergedError(
    `training diverged: the ${what} is ${loss} (${where}, learning rate ${lr}); use a smaller learning rate, or limit the gradients by clipNorm`,
  )
}
