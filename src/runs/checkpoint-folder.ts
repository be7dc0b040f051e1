import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { ModelError } from '../graph/model.js'
import { decodeSafetensors, encodeSafetensors } from '../graph/safetensors.js'
import { quoted } from '../graph/text.js'
import { readModelBytes } from '../onnx/read.js'
import { writeModel } from '../onnx/write.js'
import { hostOfTensor, tensorOfHost } from '../runtime/host.js'
import { nodeFiles } from '../runtime/node/files.js'
import { attempt } from '../runtime/node/system-errors.js'
import type { Checkpoint } from '../train/checkpoint.js'

/** The checkpoints of a run, each a folder with the network, the optimiser's state and where the run stands. */
export class CheckpointFolder {
  readonly folder: string
  readonly #keep: number

  /** @param keep how many of the latest are kept */
  constructor(folder: string, keep = 2) {
    this.folder = folder
    this.#keep = keep
  }

  /**
   * Writes a checkpoint beside its place and renames it into it: there is never half a checkpoint under a checkpoint's name.
   * @throws ModelError where it cannot be written; those before it are still there then
   */
  write(checkpoint: Checkpoint): string {
    const name = nameOf(checkpoint)
    const target = path.join(this.folder, name)
    const temporary = path.join(this.folder, `.${name}.new`)
    attempt(`cannot write the checkpoint ${quoted(target)}`, () => {
      try {
        fs.rmSync(temporary, { recursive: true, force: true })
        fs.mkdirSync(temporary, { recursive: true })
        writeFiles(temporary, checkpoint)
      } catch (error) {
        fs.rmSync(temporary, { recursive: true, force: true })
        throw error
      }
      this.#remove(name)
      fs.renameSync(temporary, target)
      this.#tidy(name)
    })
    return target
  }

  /**
   * The latest checkpoint that can be read; undefined where there is none.
   * @param onDamaged is told of those that cannot
   */
  latest(onDamaged: (error: ModelError) => void = () => undefined): Checkpoint | undefined {
    for (const name of this.#names().reverse())
      try {
        return readCheckpoint(path.join(this.folder, name))
      } catch (error) {
        if (!(error instanceof ModelError)) throw error
        onDamaged(error)
      }
    return undefined
  }

  /** Oldest first. */
  #names(): string[] {
    if (!fs.existsSync(this.folder)) return []
    return fs
      .readdirSync(this.folder)
      .filter((name) => NAME.test(name))
      .sort((a, b) => orderOf(a) - orderOf(b))
  }

  /**
   * Takes away old checkpoints, and what a killed process left. Later ones than the one just written could not be read when the run went on
   * before them: they must not count among those that are kept.
   */
  #tidy(written: string): void {
    const names = this.#names()
    const end = names.indexOf(written) + 1
    for (const name of [...names.slice(0, end).slice(0, -this.#keep), ...names.slice(end)]) this.#remove(name)
    for (const name of fs.readdirSync(this.folder).filter((name) => name.startsWith('.epoch-')))
      fs.rmSync(path.join(this.folder, name), { recursive: true, force: true })
  }

  /** Under another name first: half a checkpoint must not bear a checkpoint's. */
  #remove(name: string): void {
    const place = path.join(this.folder, name)
    const aside = path.join(this.folder, `.${name}.old`)
    fs.rmSync(aside, { recursive: true, force: true })
    if (!fs.existsSync(place)) return
    fs.renameSync(place, aside)
    fs.rmSync(aside, { recursive: true, force: true })
  }
}

const MODEL = 'model.onnx'
const STATE = 'optimizer.safetensors'
const PROGRESS = 'progress.json'
const NAME = /^epoch-(\d+)(?:-batch-(\d+))?$/

function nameOf({ epoch, batch }: Checkpoint): string {
  return `epoch-${String(epoch).padStart(4, '0')}${batch === 0 ? '' : `-batch-${String(batch).padStart(6, '0')}`}`
}

function orderOf(name: string): number {
  const [, epoch, batch = '0'] = NAME.exec(name) ?? []
  return Number(epoch) * 1e9 + Number(batch)
}

/** All on the disk before the folder gets its name. */
function writeFiles(folder: string, { model, trainer, ...progress }: Checkpoint): void {
  writeModel(nodeFiles, model, path.join(folder, MODEL))
  const descriptor = fs.openSync(path.join(folder, MODEL), 'r+')
  fs.fsyncSync(descriptor)
  fs.closeSync(descriptor)
  const { optimizer, ...counts } = trainer
  const tensors = [...optimizer].map(([name, value]) => tensorOfHost(name, value))
  fs.writeFileSync(path.join(folder, STATE), encodeSafetensors({ tensors, metadata: {} }), { flush: true })
  const text = `${JSON.stringify({ ...progress, ...counts }, undefined, 2)}\n`
  fs.writeFileSync(path.join(folder, PROGRESS), text, { flush: true })
}

const whole = z.int().min(0)
const progressSchema = z.object({
  epoch: whole,
  batch: whole,
  sums: z.object({ loss: z.number(), correct: whole, batches: whole, examples: whole, seconds: z.number() }),
  schedule: z.record(z.string(), z.number()),
  teleportations: whole,
  teleported: z.array(z.string()),
  steps: whole,
  updates: whole,
})

/** @throws ModelError if the folder holds no checkpoint, or a damaged one */
export function readCheckpoint(folder: string): Checkpoint {
  const refuse = (why: string) => new ModelError(`${quoted(folder)} is not a whole checkpoint: ${why}`)
  const read = (file: string): Buffer =>
    attempt(`${quoted(folder)} is not a whole checkpoint: ${file} cannot be read`, () =>
      fs.readFileSync(path.join(folder, file)),
    )
  const { steps, updates, ...progress } = progressOf(read(PROGRESS), refuse)
  const { tensors } = decodeSafetensors(read(STATE), (why) => refuse(`${STATE}: ${why}`))
  const optimizer = new Map(tensors.map((tensor) => [tensor.name, hostOfTensor(tensor)]))
  const bytes = read(MODEL)
  try {
    return { ...progress, model: readModelBytes(bytes), trainer: { steps, updates, optimizer } }
  } catch (error) {
    if (error instanceof ModelError) throw refuse(`${MODEL}: ${error.message}`)
    throw error
  }
}

function progressOf(bytes: Buffer, refuse: (why: string) => ModelError): z.infer<typeof progressSchema> {
  let json: unknown
  try {
    json = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw refuse(`${PROGRESS} is not JSON`)
  }
  const parsed = progressSchema.safeParse(json)
  if (!parsed.success) throw refuse(`${PROGRESS}: ${parsed.error.issues[0]?.path.join('.') ?? ''} is wrong`)
  return parsed.data
}
