import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { decodeCob } from '../cob/file.js'
import { type Model, ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { Progress } from '../data/progress.js'
import { type ModelOptions, modelOf } from '../models/registry.js'
import { loadModel, saveModel } from '../runtime/node/load.js'
import { nodeRuntime } from '../runtime/node/session.js'
import { type Checkpoint, type EpochMetrics, fit, type FitResult, type StepProgress } from '../train/fit.js'
import { adam, adamw } from '../train/optimizer-adam.js'
import { sgd } from '../train/optimizer-sgd.js'
import type { Optimizer } from '../train/optimizer.js'
import { constant, cosine, multiStep, reduceOnPlateau, type Schedule, stepDecay } from '../train/schedule.js'
import type { Loss } from '../train/step.js'
import type { Teleportation } from '../train/teleportation.js'
import { openTrainer } from '../train/runner.js'
import type { RunConfig } from './config-schema.js'
import { MetricsFile } from './metrics.js'
import { RunFolder } from './run-folder.js'
import { datasetOf, trainingSource, validationSource } from './sources.js'
import { EventFile } from './tensorboard.js'
import { versions } from './versions.js'

/** What a run tells while it goes, and what ends it early. */
export interface RunOptions {
  readonly onStep?: (progress: StepProgress) => void
  readonly onEpoch?: (metrics: EpochMetrics) => void
  readonly onData?: (progress: Progress) => void
  readonly onWarning?: (line: string) => void
  /** The step is finished and a checkpoint written. */
  readonly signal?: AbortSignal
}

export interface RunResult {
  readonly folder: string
  readonly ended: FitResult['ended']
  /** Of the epochs that were trained now. */
  readonly epochs: readonly EpochMetrics[]
  /** The final network, once the run is finished. */
  readonly model?: string
}

/**
 * Begins a run in a new folder.
 * @throws ModelError for a wrong configuration, before anything is written, and where training diverges
 */
export async function beginRun(configFile: string, folder: string, options: RunOptions = {}): Promise<RunResult> {
  return go(RunFolder.create(folder, configFile), path.dirname(configFile), options)
}

/**
 * Goes on with a run from its last checkpoint, with the same losses as if it had never stopped.
 * @throws ModelError if the folder holds no run, or another process is training it
 */
export async function resumeRun(folder: string, options: RunOptions = {}): Promise<RunResult> {
  return go(RunFolder.open(folder), undefined, options)
}

/** @param beside where the configuration's file names begin; undefined where a run is resumed */
async function go(run: RunFolder, beside: string | undefined, options: RunOptions): Promise<RunResult> {
  const { config } = run.read
  run.lock()
  try {
    const resume = run.checkpoints.latest()
    if (resume === undefined && beside === undefined)
      throw new ModelError(
        `${quoted(run.folder)} has no checkpoint to go on from; begin the run again in another folder`,
      )
    const dataset = await datasetOf(config, {
      ...(options.onData && { onProgress: options.onData }),
      ...(options.onWarning && { onWarning: options.onWarning }),
    })
    const model = resume?.model ?? (await modelFor(run, beside ?? '', dataset.shape, dataset.classes))
    const training = trainingSource(dataset, config)
    const validation = validationSource(dataset, config)
    const log = new Log(run, resume)
    try {
      const result = await fit({
        model,
        step: stepOptions(config),
        training,
        validation,
        epochs: config.training.epochs,
        schedule: scheduleOf(config.training.schedule, config.training.epochs),
        teleportations: teleportationsOf(run),
        seed: config.seed,
        open: (step) =>
          openTrainer(nodeRuntime, step, {
            seed: config.seed,
            device: config.device,
            ...(config.threads !== undefined && { threads: config.threads }),
            ...(options.onWarning && { warn: options.onWarning }),
          }),
        onCheckpoint: (checkpoint) => void run.checkpoints.write(checkpoint),
        onEpoch: (metrics) => {
          log.epoch(metrics)
          options.onEpoch?.(metrics)
        },
        ...(resume && { resume }),
        ...(options.onStep && { onStep: options.onStep }),
        ...(options.signal && { signal: options.signal }),
        ...(config.checkpoints.steps !== undefined && { checkpointSteps: config.checkpoints.steps }),
      })
      const file = run.path('model.onnx')
      if (result.ended === 'finished') await saveModel(result.model, file, { force: true })
      return {
        folder: run.folder,
        ended: result.ended,
        epochs: result.epochs,
        ...(result.ended === 'finished' && { model: file }),
      }
    } finally {
      log.close()
      await Promise.all([training.close(), validation.close()])
    }
  } finally {
    run.unlock()
  }
}

async function modelFor(run: RunFolder, beside: string, shape: readonly number[], classes: number): Promise<Model> {
  const { config, where } = run.read
  try {
    if ('file' in config.model && config.model.file !== undefined)
      return await loadModel(path.resolve(beside, config.model.file))
    const { name, ...options } = config.model as { readonly name: string } & ModelOptions
    return modelOf(name, { inputShape: shape, classes, seed: config.seed, ...options })
  } catch (error) {
    if (error instanceof ModelError) throw new ModelError(`${where('model')}: ${error.message}`)
    throw error
  }
}

function stepOptions({ training }: RunConfig) {
  const { batchSize, clipNorm, frozen, l2Penalty } = training
  return {
    loss: lossOf(training.loss),
    optimizer: optimizerOf(training.optimizer),
    batchSize,
    frozen,
    l2Penalty,
    ...(clipNorm !== undefined && { clipNorm }),
  }
}

function lossOf(loss: RunConfig['training']['loss']): Loss {
  return typeof loss === 'string' ? loss : { crossEntropy: loss }
}

function optimizerOf(settings: RunConfig['training']['optimizer']): Optimizer {
  switch (settings.name) {
    case 'sgd':
      return sgd(settings)
    case 'adam':
      return adam(settings)
    case 'adamw':
      return adamw(settings)
  }
}

function scheduleOf(settings: RunConfig['training']['schedule'], epochs: number): Schedule {
  switch (settings.name) {
    case 'constant':
      return constant()
    case 'step':
      return stepDecay(settings)
    case 'multiStep':
      return multiStep(settings)
    case 'cosine':
      return cosine({ epochs: settings.epochs ?? epochs, minimum: settings.minimum })
    case 'reduceOnPlateau':
      return reduceOnPlateau(settings)
  }
}

function teleportationsOf(run: RunFolder): Teleportation[] {
  const { config, where } = run.read
  return config.teleportations.map((teleportation, i): Teleportation => {
    if (teleportation.kind !== 'given') return withoutUndefined(teleportation)
    return { ...teleportation, cob: decodeCob(run.cob(i), where('teleportations', i, 'cob')) }
  })
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Defined<T>
}

/** What a run writes as it goes: metrics as JSON lines and for TensorBoard, and once what it runs with. */
class Log {
  readonly #metrics: MetricsFile
  readonly #events: EventFile

  constructor(run: RunFolder, resume: Checkpoint | undefined) {
    const { seed, threads = os.availableParallelism() } = run.read.config
    if (!fs.existsSync(run.path('run.json')))
      run.writeRecord({
        seed,
        threads,
        versions: versions(),
        machine: {
          platform: `${os.platform()} ${os.arch()}`,
          processor: os.cpus()[0]?.model ?? '',
          cores: os.cpus().length,
        },
        started: new Date().toISOString(),
      })
    this.#metrics = new MetricsFile(run.path('metrics.jsonl'), resume?.epoch ?? 0)
    this.#events = new EventFile(run.path('tensorboard'), resume && { startStep: resume.trainer.steps })
  }

  epoch(metrics: EpochMetrics): void {
    this.#metrics.write(metrics)
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
    this.#events.scalars(metrics.step, Object.fromEntries(known))
  }

  close(): void {
    this.#metrics.close()
    this.#events.close()
  }
}
