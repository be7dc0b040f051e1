import fs from 'node:fs'
import path from 'node:path'
import { decodeCob } from '../cob/file.js'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { attempt } from '../runtime/node/system-errors.js'
import { CheckpointFolder } from './checkpoint-folder.js'
import { type ReadConfig, readConfig } from './config.js'

const CONFIG = 'config.yaml'
const RECORD = 'run.json'
const LOCK = 'lock'

/** What is known of a run beside its configuration. */
export interface RunRecord {
  readonly seed: number
  readonly versions: Readonly<Record<string, string>>
  readonly machine: Readonly<Record<string, string | number>>
  readonly threads: number
  /** ISO 8601. */
  readonly started: string
}

/**
 * The folder of a run: `config.yaml`, `run.json` (seed, versions, machine), `metrics.jsonl`, `tensorboard/`, `checkpoints/`, the CoBs that were given,
 * and at the end `model.onnx`. One process at a time works in it.
 */
export class RunFolder {
  readonly folder: string
  readonly read: ReadConfig
  readonly checkpoints: CheckpointFolder
  #locked = false

  private constructor(folder: string, read: ReadConfig) {
    this.folder = folder
    this.read = read
    this.checkpoints = new CheckpointFolder(path.join(folder, 'checkpoints'), read.config.checkpoints.keep)
  }

  /**
   * Makes the folder of a new run, with a copy of its configuration and of the CoBs that it names.
   * @param configFile names of files in it are relative to it
   * @throws ModelError for a wrong configuration, or if the folder holds a run
   */
  static create(folder: string, configFile: string): RunFolder {
    const text = attempt(`cannot read ${quoted(configFile)}`, () => fs.readFileSync(configFile, 'utf8'))
    const read = readConfig(text, configFile)
    const cobs = read.config.teleportations.flatMap((teleportation, i) => {
      if (teleportation.kind !== 'given') return []
      const file = path.resolve(path.dirname(configFile), teleportation.cob)
      const bytes = attempt(`${read.where('teleportations', i, 'cob')}: cannot read ${quoted(file)}`, () =>
        fs.readFileSync(file),
      )
      decodeCob(bytes, quoted(file))
      return [[i, bytes] as const]
    })
    if (fs.existsSync(path.join(folder, CONFIG)))
      throw new ModelError(
        `${quoted(folder)} holds a run already; go on with it by --resume ${quoted(folder)}, or choose another folder with --output`,
      )
    attempt(`cannot write ${quoted(folder)}`, () => {
      fs.mkdirSync(folder, { recursive: true })
      for (const [i, bytes] of cobs) fs.writeFileSync(path.join(folder, cobName(i)), bytes)
      fs.writeFileSync(path.join(folder, CONFIG), text)
    })
    return new RunFolder(folder, read)
  }

  /** The folder of a run that was begun. @throws ModelError if it holds none */
  static open(folder: string): RunFolder {
    const file = path.join(folder, CONFIG)
    if (!fs.existsSync(file))
      throw new ModelError(`${quoted(folder)} holds no run: there is no ${CONFIG} in it; expected the folder of a run`)
    return new RunFolder(folder, readConfig(fs.readFileSync(file, 'utf8'), file))
  }

  path(name: string): string {
    return path.join(this.folder, name)
  }

  /** The bytes of the CoB that the teleportation of this index was given. */
  cob(index: number): Uint8Array {
    const file = this.path(cobName(index))
    return attempt(`cannot read ${quoted(file)}`, () => fs.readFileSync(file))
  }

  writeRecord(record: RunRecord): void {
    fs.writeFileSync(this.path(RECORD), `${JSON.stringify(record, undefined, 2)}\n`)
  }

  /** Keeps other processes out. A lock whose process is gone is taken over. @throws ModelError if another process works here */
  lock(): void {
    const file = this.path(LOCK)
    for (let attempts = 0; attempts < 2; attempts++)
      try {
        fs.writeFileSync(file, String(process.pid), { flag: 'wx' })
        this.#locked = true
        return
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
          throw new ModelError(`cannot write ${quoted(file)}: ${(error as Error).message}`)
        const owner = Number(fs.readFileSync(file, 'utf8'))
        if (owner !== process.pid && isRunning(owner))
          throw new ModelError(`${quoted(this.folder)}: process ${owner} is training this run; wait for it, or stop it`)
        fs.rmSync(file, { force: true })
      }
    throw new ModelError(`cannot lock ${quoted(this.folder)}: another process took it at the same moment`)
  }

  unlock(): void {
    if (this.#locked) fs.rmSync(this.path(LOCK), { force: true })
    this.#locked = false
  }
}

function cobName(index: number): string {
  return `teleportation-${index}.safetensors`
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
