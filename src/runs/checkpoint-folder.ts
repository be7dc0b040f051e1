import fs from 'node:fs'
import path from 'node:path'
import { type Model, ModelError } from '../graph/model.js'
import { decodeSafetensors, encodeSafetensors } from '../graph/safetensors.js'
import { quoted } from '../graph/text.js'
import { readModelBytes } from '../onnx/read.js'
import { writeModel } from '../onnx/write.js'
import { hostOfTensor, tensorOfHost } from '../runtime/host.js'
import { nodeFiles } from '../runtime/node/files.js'
import type { Checkpoint } from '../train/fit.js'

/** The checkpoints of a run, each a folder with the network, the optimiser's state and where the run stands. */
export class CheckpointFolder {
  readonly folder: string
  readonly #keep: number

  /** @param keep how many of the latest are kept */
  constructor(folder: string, keep = 2) {
    this.folder = folder
    this.#keep = keep
  }

  /** Writes a checkpoint beside its place and renames it into it: there is never half a checkpoint under a checkpoint's name. */
  write(checkpoint: Checkpoint): string {
    const { model, trainer, ...progress } = checkpoint
    const name = nameOf(checkpoint)
    const target = path.join(this.folder, name)
    const temporary = path.join(this.folder, `.${name}.${process.pid}`)
    fs.rmSync(temporary, { recursive: true, force: true })
    fs.mkdirSync(temporary, { recursive: true })
    writeModel(nodeFiles, model, path.join(temporary, MODEL))
    const { optimizer, ...counts } = trainer
    write(
      path.join(temporary, STATE),
      encodeSafetensors({ tensors: [...optimizer].map(([name, value]) => tensorOfHost(name, value)), metadata: {} }),
    )
    write(path.join(temporary, PROGRESS), `${JSON.stringify({ ...progress, ...counts }, undefined, 2)}\n`)
    fs.rmSync(target, { recursive: true, force: true })
    fs.renameSync(temporary, target)
    this.#tidy()
    return target
  }

  /** The latest checkpoint that can be read; undefined where there is none. */
  latest(): Checkpoint | undefined {
    const name = this.#names().at(-1)
    return name === undefined ? undefined : readCheckpoint(path.join(this.folder, name))
  }

  /** Oldest first. */
  #names(): string[] {
    if (!fs.existsSync(this.folder)) return []
    return fs
      .readdirSync(this.folder)
      .filter((name) => /^epoch-\d+(-batch-\d+)?$/.test(name))
      .sort((a, b) => orderOf(a) - orderOf(b))
  }

  /** Takes away old checkpoints, and what a killed process left. */
  #tidy(): void {
    const superfluous = this.#names().slice(0, -this.#keep)
    const left = fs.readdirSync(this.folder).filter((name) => name.startsWith('.epoch-'))
    for (const name of [...superfluous, ...left])
      fs.rmSync(path.join(this.folder, name), { recursive: true, force: true })
  }
}

const MODEL = 'model.onnx'
const STATE = 'optimizer.safetensors'
const PROGRESS = 'progress.json'

function nameOf({ epoch, batch }: Checkpoint): string {
  return `epoch-${String(epoch).padStart(4, '0')}${batch === 0 ? '' : `-batch-${String(batch).padStart(6, '0')}`}`
}

function orderOf(name: string): number {
  const [, epoch, , batch = '0'] = /^epoch-(\d+)(-batch-(\d+))?$/.exec(name) ?? []
  return Number(epoch) * 1e9 + Number(batch)
}

/** @throws ModelError if the folder holds no checkpoint, or a damaged one */
export function readCheckpoint(folder: string): Checkpoint {
  const refuse = (why: string) => new ModelError(`${quoted(folder)} is not a checkpoint: ${why}`)
  const read = (file: string): Buffer => {
    try {
      return fs.readFileSync(path.join(folder, file))
    } catch {
      throw refuse(`${file} cannot be read`)
    }
  }
  const model: Model = readModelBytes(read(MODEL))
  const { tensors } = decodeSafetensors(read(STATE), (why) => refuse(`${STATE}: ${why}`))
  let parsed: unknown
  try {
    parsed = JSON.parse(read(PROGRESS).toString('utf8'))
  } catch {
    throw refuse(`${PROGRESS} is not JSON`)
  }
  const { steps, updates, ...progress } = parsed as Omit<Checkpoint, 'model' | 'trainer'> & {
    steps: number
    updates: number
  }
  const optimizer = new Map(tensors.map((tensor) => [tensor.name, hostOfTensor(tensor)]))
  return { ...progress, model, trainer: { steps, updates, optimizer } }
}

/** Also on the disk before the folder gets its name. */
function write(file: string, content: string | Uint8Array): void {
  fs.writeFileSync(file, content, { flush: true })
}
