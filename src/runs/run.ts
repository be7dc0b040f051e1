import fs from 'node:fs'
import path from 'node:path'
import type { Cob } from '../cob/cob.js'
import { decodeCob } from '../cob/file.js'
import type { Dataset } from '../data/dataset.js'
import type { Progress } from '../data/progress.js'
import { type Model, ModelError } from '../graph/model.js'
import { sameDims } from '../graph/tensor.js'
import { quoted, shapeText } from '../graph/text.js'
import { type ModelOptions, modelOf } from '../models/registry.js'
import { loadModel, saveModel } from '../runtime/node/load.js'
import { nodeRuntime } from '../runtime/node/session.js'
import { attempt } from '../runtime/node/system-errors.js'
import type { EpochMetrics, FitResult, StepProgress } from '../train/fit-options.js'
import { fit } from '../train/fit.js'
import { openTrainer } from '../train/runner.js'
import type { TrainingStep } from '../train/step.js'
import { land, type Teleportation } from '../train/teleportation.js'
import { type ReadConfig, readConfig } from './config.js'
import { Log, METRICS } from './log.js'
import { readMetrics } from './metrics.js'
import { readText, recordOf, RunFolder, type RunRecord, TRAINED } from './run-folder.js'
import type { RunLock } from './run-lock.js'
import { datasetOf, type ImageSource, trainingSource, validationSource } from './sources.js'
import { scheduleOf, stepOptions } from './training-options.js'
import { versions } from './versions.js'

/** What a run tells while it goes, and what ends it early. */
export interface RunOptions {
  readonly onStep?: (progress: StepProgress) => void
  readonly onEpoch?: (metrics: EpochMetrics) => void
  readonly onData?: (progress: Progress) => void
  readonly onWarning?: (line: string) => void
  /** The step is finished and a checkpoint written. */
  readonly signal?: AbortSignal
  /** Of a run that begins, where its configuration does not say; default: one for each core. */
  readonly threads?: number
  /** The lock of the run's folder, where the caller has it already. */
  readonly lock?: RunLock
  /** Gives the data set of a configuration; default: it is loaded. */
  readonly dataset?: typeof datasetOf
}

/** A configuration that is in no file. */
export interface ConfigText {
  readonly text: string
  /** Names it in errors. Names of files in it are relative to its folder. */
  readonly file: string
}

export interface RunResult {
  readonly folder: string
  readonly ended: FitResult['ended']
  /** Of all epochs of the run, those before it was resumed too. */
  readonly epochs: readonly EpochMetrics[]
  /** The final network, once the run is finished. */
  readonly model?: string
}

/**
 * Begins a run in a new folder.
 * @param from the configuration, or its file; names of files in it are relative to its folder
 * @throws ModelError for a wrong configuration, model or data set, before anything is written, and where training diverges
 */
export async function beginRun(
  from: string | ConfigText,
  folder: string,
  options: RunOptions = {},
): Promise<RunResult> {
  const { text, file: configFile } = typeof from === 'string' ? { text: readText(from), file: from } : from
  const read = readConfig(text, configFile)
  const record = recordOf(configFile, read, options.threads)
  RunFolder.checkFree(folder)
  const cobs = cobsBeside(read, record)
  const { file } = read.config.model
  const model =
    file === undefined
      ? undefined
      : await saying(read.where('model', 'file'), () => loadModel(path.resolve(path.dirname(configFile), file)))
  return train(
    {
      read,
      record,
      cobs,
      ...(model && { model }),
      folder: () => RunFolder.begin(folder, { text, read, record, cobs, ...(model && { model }) }, options.lock),
    },
    options,
  )
}

/**
 * Goes on with a run from its last checkpoint, with the same losses as if it had never stopped.
 * @throws ModelError if the folder holds no run, or another process is training it
 */
export async function resumeRun(folder: string, options: RunOptions = {}): Promise<RunResult> {
  const run = await RunFolder.resume(folder, options.lock)
  try {
    const { read } = run
    warnOfVersions(run.record, options)
    const given = read.config.teleportations.flatMap(({ kind }, i) => (kind === 'given' ? [i] : []))
    return await train(
      {
        read,
        record: run.record,
        cobs: new Map(given.map((i) => [i, run.cob(i)])),
        ...(read.config.model.file !== undefined && { model: await run.initialModel() }),
        folder: () => Promise.resolve(run),
        from: run,
      },
      options,
    )
  } finally {
    run.close()
  }
}

interface Start {
  readonly read: ReadConfig
  readonly record: RunRecord
  readonly cobs: ReadonlyMap<number, Uint8Array>
  /** The network, where it came from a file. */
  readonly model?: Model
  /** Where to write: asked for when all is well, and the first step ready to run. */
  readonly folder: () => Promise<RunFolder>
  /** The run that goes on. */
  readonly from?: RunFolder
}

async function train(start: Start, options: RunOptions): Promise<RunResult> {
  const { read, record, from } = start
  const { config, where } = read
  const warn = options.onWarning ?? (() => undefined)
  const dataset = await saying(where('data'), () =>
    (options.dataset ?? datasetOf)(config, path.dirname(record.configuration), {
      ...(options.onData && { onProgress: options.onData }),
      onWarning: warn,
    }),
  )
  const initial =
    start.model ??
    (await saying(where('model'), () => networkOf(read, { inputShape: dataset.shape, classes: dataset.classes })))
  const step = await saying(where('training', 'optimizer'), () => stepOptions(config))
  const schedule = await saying(where('training', 'schedule'), () => scheduleOf(config))
  const teleportations = teleportationsOf(start, initial)
  const resume = from?.checkpoints.latest((error) =>
    warn(`${error.message}; the run goes on from what was before it, with the same losses`),
  )
  const sources: ImageSource[] = []
  let run = from
  let ready = from !== undefined
  let log: Log | undefined
  try {
    const training = await saying(where('training', 'batchSize'), () => trainingSource(dataset, config))
    sources.push(training)
    const validation = validationSource(dataset, config)
    sources.push(validation)
    const open = async (step: TrainingStep) => {
      if (run === undefined) checkFit(step, dataset, warn)
      const trainer = await openTrainer(nodeRuntime, step, {
        seed: config.seed,
        device: config.device,
        threads: config.threads ?? record.threads,
        warn,
      })
      // Only now nothing can be wrong any more with what the configuration says.
      ready = true
      try {
        run ??= await start.folder()
        run.check()
        log ??= new Log(run, resume)
      } catch (error) {
        await trainer.release()
        throw error
      }
      return trainer
    }
    const begin = async () =>
      fit({
        model: initial,
        step,
        training,
        validation,
        epochs: config.training.epochs,
        schedule,
        teleportations,
        seed: config.seed,
        open,
        onCheckpoint: (checkpoint) => {
          run?.check()
          run?.checkpoints.write(checkpoint)
        },
        onEpoch: (metrics) => {
          run?.check()
          log?.epoch(metrics)
          options.onEpoch?.(metrics)
        },
        ...(resume && { resume }),
        ...(options.onStep && { onStep: options.onStep }),
        ...(options.signal && { signal: options.signal }),
        ...(config.checkpoints.steps !== undefined && { checkpointSteps: config.checkpoints.steps }),
      })
    // What is said before the first step is ready is about the network.
    const result = await saying(() => (ready ? undefined : where('model')), begin)
    return await ended(run as unknown as RunFolder, result)
  } finally {
    log?.close()
    run?.close()
    await Promise.all(sources.map((source) => source.close()))
  }
}

async function ended(run: RunFolder, { ended, model }: FitResult): Promise<RunResult> {
  const file = run.path(TRAINED)
  run.check()
  if (ended === 'finished') await saveModel(model, file, { force: true })
  const epochs = readMetrics(run.path(METRICS)) as EpochMetrics[]
  return { folder: run.folder, ended, epochs, ...(ended === 'finished' && { model: file }) }
}

function networkOf({ config }: ReadConfig, defaults: Pick<ModelOptions, 'inputShape' | 'classes'>): Model {
  const { name, ...options } = config.model as { readonly name: string } & ModelOptions
  return modelOf(name, { ...defaults, seed: config.seed, ...options })
}

/** @throws ModelError where the network takes other images, or has fewer outputs than the data have classes */
function checkFit(step: TrainingStep, { shape, classes: needed }: Dataset, warn: (line: string) => void): void {
  const { inputs, classes = 0 } = step
  const [input] = inputs
  if (input === undefined || inputs.length > 1)
    throw new ModelError(`the network has ${inputs.length} inputs; expected one, for images`)
  if (!sameDims(input.dims.slice(1), shape))
    throw new ModelError(
      `the network takes ${shapeText(input.dims.slice(1))} (input ${quoted(input.name)}), and the images are ${shapeText(shape)}`,
    )
  if (classes < needed)
    throw new ModelError(
      `the network tells ${classes} classes apart, and the data have ${needed}; expected logits [N, ${needed}]`,
    )
  if (classes > needed)
    warn(`the network has ${classes} outputs, and the data ${needed} classes: the others are never right`)
}

function cobsBeside({ config, where }: ReadConfig, { configuration }: RunRecord): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>()
  config.teleportations.forEach((teleportation, i) => {
    if (teleportation.kind !== 'given') return
    const file = path.resolve(path.dirname(configuration), teleportation.cob)
    const what = `${where('teleportations', i, 'cob')}: cannot read ${quoted(file)}`
    found.set(
      i,
      attempt(what, () => fs.readFileSync(file)),
    )
  })
  return found
}

/** @throws ModelError for a CoB that does not fit the network: now, and not at the epoch in which it is due */
function teleportationsOf({ read, cobs }: Start, model: Model): Teleportation[] {
  const { config, where } = read
  return config.teleportations.map((teleportation, i): Teleportation => {
    if (teleportation.kind !== 'given') return withoutUndefined(teleportation)
    const place = `${where('teleportations', i, 'cob')}: ${quoted(teleportation.cob)}`
    const cob: Cob = decodeCob(cobs.get(i) as Uint8Array, place)
    const given = { ...withoutUndefined(teleportation), cob }
    try {
      land(model, new Map(), given, 0)
    } catch (error) {
      if (error instanceof ModelError) throw new ModelError(`${place} does not fit the network: ${error.message}`)
      throw error
    }
    return given
  })
}

function warnOfVersions(record: RunRecord, { onWarning }: RunOptions): void {
  const now = versions()
  for (const [name, version] of Object.entries(record.versions))
    if (now[name] !== version)
      onWarning?.(
        `the run was begun with ${name} ${version}, and goes on with ${now[name] ?? 'none'}: its losses may differ in their last digits`,
      )
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Defined<T>
}

/** Puts the place in the configuration before what is said of it. */
async function saying<T>(where: string | (() => string | undefined), action: () => T | Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    const place = typeof where === 'string' ? where : where()
    if (!(error instanceof ModelError) || place === undefined) throw error
    throw new ModelError(`${place}: ${error.message}`, { cause: error })
  }
}
