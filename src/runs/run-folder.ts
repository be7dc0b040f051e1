import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type Model, ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { loadModel, saveModel } from '../runtime/node/load.js'
import { attempt } from '../runtime/node/system-errors.js'
import { CheckpointFolder } from './checkpoint-folder.js'
import { type ReadConfig, readConfig } from './config.js'
import { RunLock } from './run-lock.js'
import { versions } from './versions.js'

export const CONFIG = 'config.yaml'
/** The trained network. */
export const TRAINED = 'model.onnx'
export const RECORD = 'run.json'
const INITIAL = 'initial.onnx'

/** What is known of a run beside its configuration. */
export interface RunRecord {
  readonly seed: number
  readonly threads: number
  readonly versions: Readonly<Record<string, string>>
  readonly machine: Readonly<Record<string, string | number>>
  /** ISO 8601. */
  readonly started: string
  /** Where the configuration was read. Names of files in it are relative to its folder. */
  readonly configuration: string
}

/** What a run begins with. */
export interface Beginning {
  readonly text: string
  readonly read: ReadConfig
  readonly record: RunRecord
  /** The CoBs that the configuration names, by the index of their teleportation. */
  readonly cobs: ReadonlyMap<number, Uint8Array>
  /** The network, where it came from a file. */
  readonly model?: Model
}

/**
 * The folder of a run: `config.yaml`, `run.json` (seed, threads, versions, machine), `metrics.jsonl`, `tensorboard/`, `checkpoints/`, copies of the
 * model and the CoBs that the configuration names, and at the end `model.onnx`. One process at a time works in it.
 */
export class RunFolder {
  readonly folder: string
  readonly read: ReadConfig
  readonly record: RunRecord
  readonly checkpoints: CheckpointFolder
  readonly #lock: RunLock
  readonly #keepsLock: boolean

  private constructor(folder: string, read: ReadConfig, record: RunRecord, lock: RunLock, keepsLock: boolean) {
    this.folder = folder
    this.read = read
    this.record = record
    this.checkpoints = new CheckpointFolder(path.join(folder, 'checkpoints'), read.config.checkpoints.keep)
    this.#lock = lock
    this.#keepsLock = keepsLock
  }

  /** @throws ModelError if the folder holds a run, or something else than a folder is there */
  static checkFree(folder: string): void {
    const there = attempt(`cannot write ${quoted(folder)}`, () => fs.statSync(folder, { throwIfNoEntry: false }))
    if (there !== undefined && !there.isDirectory())
      throw new ModelError(`cannot write the run to ${quoted(folder)}: it is a file; expected a folder`)
    if (fs.existsSync(path.join(folder, CONFIG)))
      throw new ModelError(
        `${quoted(folder)} holds a run already; go on with it by --resume ${folder}, or choose another folder with --output`,
      )
  }

  /**
   * Makes the folder of a new run. Its configuration comes last: where that is, all is.
   * @param held the folder's lock, where the caller has it; it stays the caller's
   * @throws ModelError see `checkFree`
   */
  static async begin(folder: string, beginning: Beginning, held?: RunLock): Promise<RunFolder> {
    const { text, read, record, cobs, model } = beginning
    RunFolder.checkFree(folder)
    attempt(`cannot write ${quoted(folder)}`, () => fs.mkdirSync(folder, { recursive: true }))
    const lock = held ?? (await RunLock.take(folder))
    try {
      lock.check()
      RunFolder.checkFree(folder)
      for (const [i, bytes] of cobs) write(path.join(folder, cobName(i)), bytes)
      if (model !== undefined) await saveModel(model, path.join(folder, INITIAL), { force: true })
      write(path.join(folder, RECORD), `${JSON.stringify(record, undefined, 2)}\n`)
      write(path.join(folder, CONFIG), text)
    } catch (error) {
      if (held === undefined) lock.release()
      throw error
    }
    return new RunFolder(folder, read, record, lock, held !== undefined)
  }

  /**
   * The folder of a run that was begun.
   * @param held the folder's lock, where the caller has it; it stays the caller's
   * @throws ModelError if it holds none, or another process is training it
   */
  static async resume(folder: string, held?: RunLock): Promise<RunFolder> {
    const file = path.join(folder, CONFIG)
    if (!fs.existsSync(file))
      throw new ModelError(`${quoted(folder)} holds no run: there is no ${CONFIG} in it; expected the folder of a run`)
    const lock = held ?? (await RunLock.take(folder))
    try {
      const read = readConfig(readText(file), file)
      const record = path.join(folder, RECORD)
      try {
        return new RunFolder(folder, read, JSON.parse(readText(record)) as RunRecord, lock, held !== undefined)
      } catch (error) {
        if (error instanceof SyntaxError) throw new ModelError(`${quoted(record)} is damaged: it is not JSON`)
        throw error
      }
    } catch (error) {
      if (held === undefined) lock.release()
      throw error
    }
  }

  /** To be called before anything is written. @throws LostLockError if the folder is not this process's any more */
  check(): void {
    this.#lock.check()
  }

  path(name: string): string {
    return path.join(this.folder, name)
  }

  /** The network that was read from a file when the run began. */
  initialModel(): Promise<Model> {
    return loadModel(this.path(INITIAL))
  }

  /** The bytes of the CoB that the teleportation of this index was given. */
  cob(index: number): Uint8Array {
    const file = this.path(cobName(index))
    return attempt(`cannot read ${quoted(file)}`, () => fs.readFileSync(file))
  }

  /** Lets other processes in. */
  close(): void {
    if (!this.#keepsLock) this.#lock.release()
  }
}

/** What is to be known of a run that begins now. @param threads where the configuration does not say; default: one for each core */
export function recordOf(
  configFile: string,
  { config }: ReadConfig,
  threads: number = os.availableParallelism(),
): RunRecord {
  return {
    seed: config.seed,
    threads: config.threads ?? threads,
    versions: versions(),
    machine: {
      platform: `${os.platform()} ${os.arch()}`,
      processor: os.cpus()[0]?.model ?? '',
      cores: os.cpus().length,
    },
    started: new Date().toISOString(),
    configuration: path.resolve(configFile),
  }
}

function cobName(index: number): string {
  return `teleportation-${index}.safetensors`
}

export function readText(file: string): string {
  return attempt(`cannot read ${quoted(file)}`, () => fs.readFileSync(file, 'utf8'))
}

/** In one step, and on the disk when it is done. */
function write(file: string, content: string | Uint8Array): void {
  const temporary = `${file}.new`
  attempt(`cannot write ${quoted(file)}`, () => {
    fs.writeFileSync(temporary, content, { flush: true })
    fs.renameSync(temporary, file)
  })
}
