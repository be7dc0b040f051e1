import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { ModelError } from '../../graph/model.js'
import { quoted } from '../../graph/text.js'
import { type Files, type Hash, type InputFile, type OutputFile, locationParts } from '../../onnx/files.js'
import { MemoryInput, pastEnd } from '../../onnx/memory-files.js'
import { backupOf, existsAlready, moveIntoPlace } from './move-into-place.js'
import { attempt } from './system-errors.js'

/** Files up to this size are read at once: that holds no descriptor open, and their tensors are views without a copy. */
const SMALL_MODEL = 16 * 1024 * 1024
/** Of data files there may be thousands. */
const SMALL_DATA = 64 * 1024

/** The disk, by Node's synchronous calls: what is computed in between is far cheaper than a turn of the event loop per piece. */
export const nodeFiles: Files = {
  open(name) {
    return opened(name, name, fs.constants.O_RDONLY, SMALL_MODEL)
  },

  openExternal(modelPath, location) {
    const parts = locationParts(location)
    const where = `external data ${quoted(location)} of ${quoted(modelPath)}`
    const target = attempt(`cannot read ${where}`, () => {
      const folder = fs.realpathSync(path.dirname(modelPath))
      const real = fs.realpathSync(path.join(folder, ...parts))
      if (!real.startsWith(folder.endsWith(path.sep) ? folder : folder + path.sep))
        throw new ModelError(`${where} is a link out of the model's folder; put the data itself there`)
      return real
    })
    // The path is free of links now; O_NOFOLLOW closes the gap in which one could be put there.
    const file = opened(target, location, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW, SMALL_DATA, (stat) => {
      if (stat.nlink > 1)
        throw new ModelError(
          `${where} has ${stat.nlink} hard links, so it may belong elsewhere; put a copy of its own there`,
        )
    })
    return file
  },

  create(name, force) {
    if (attempt(`cannot write ${quoted(name)}`, () => isThere(name)) && !force) throw existsAlready(name)
    return new NodeOutput(name, force)
  },

  commit(outputs) {
    const undo: (() => void)[] = []
    const settle: (() => void)[] = []
    try {
      for (const output of outputs) (output as NodeOutput).moveIntoPlace(undo, settle)
    } catch (error) {
      for (const step of undo.reverse()) step()
      throw error
    }
    for (const step of settle) step()
  },

  baseName: (name) => path.basename(name),
  beside: (name, other) => path.join(path.dirname(name), other),

  sha256(): Hash {
    const hash = createHash('sha256')
    return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') }
  },
}

// A model that nobody refers to any more takes its descriptor with it.
const abandoned = new FinalizationRegistry((descriptor: number) => fs.closeSync(descriptor))

function opened(
  target: string,
  name: string,
  flags: number,
  small: number,
  check?: (stat: fs.Stats) => void,
): InputFile {
  return attempt(`cannot read ${quoted(name)}`, () => {
    // O_NONBLOCK: a named pipe without a writer would be waited for without end.
    const descriptor = fs.openSync(target, flags | fs.constants.O_NONBLOCK)
    let keep = false
    try {
      const stat = fs.fstatSync(descriptor)
      if (!stat.isFile()) throw new ModelError(`cannot read ${quoted(name)}: it is not an ordinary file`)
      check?.(stat)
      const file = new NodeInput(name, descriptor, stat.size)
      if (stat.size <= small) return new MemoryInput(name, file.read(0, stat.size))
      keep = true
      abandoned.register(file, descriptor, file)
      return file
    } finally {
      if (!keep) fs.closeSync(descriptor)
    }
  })
}

class NodeInput implements InputFile {
  readonly name: string
  readonly size: number
  #descriptor: number | undefined
  constructor(name: string, descriptor: number, size: number) {
    this.name = name
    this.#descriptor = descriptor
    this.size = size
  }
  read(offset: number, length: number): Uint8Array {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) throw pastEnd(this, offset, length)
    const bytes = new Uint8Array(length)
    this.readInto(offset, bytes)
    return bytes
  }
  readInto(offset: number, target: Uint8Array): void {
    const descriptor = this.#descriptor
    if (descriptor === undefined) throw new ModelError(`${quoted(this.name)} was closed`)
    attempt(`cannot read ${quoted(this.name)}`, () => {
      for (let done = 0; done < target.length;) {
        const length = Math.min(target.length - done, 2 ** 30)
        const got = fs.readSync(descriptor, target, done, length, offset + done)
        if (got === 0)
          throw new ModelError(`${quoted(this.name)} ends at byte ${offset + done}: it was cut off while it was read`)
        done += got
      }
    })
  }
  close(): void {
    if (this.#descriptor === undefined) return
    abandoned.unregister(this)
    fs.closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}

class NodeOutput implements OutputFile {
  readonly path: string
  readonly #force: boolean
  readonly #temporary: string
  #descriptor: number | undefined
  constructor(name: string, force: boolean) {
    this.path = name
    this.#force = force
    this.#temporary = path.join(
      path.dirname(name),
      `.${path.basename(name).slice(0, 100)}.${randomBytes(6).toString('hex')}.tmp`,
    )
    this.#descriptor = attempt(`cannot write ${quoted(name)}`, () => fs.openSync(this.#temporary, 'wx'))
  }

  write(bytes: Uint8Array): void {
    const descriptor = this.#descriptor
    if (descriptor === undefined) throw new ModelError(`${quoted(this.path)} was closed`)
    attempt(`cannot write ${quoted(this.path)}`, () => {
      for (let done = 0; done < bytes.length;) done += fs.writeSync(descriptor, bytes, done)
    })
  }

  abort(): void {
    if (this.#descriptor === undefined) return
    fs.closeSync(this.#descriptor)
    this.#descriptor = undefined
    fs.rmSync(this.#temporary, { force: true })
  }

  /** `undo` gets what takes the move back, `settle` what is left to do once all files are moved. */
  moveIntoPlace(undo: (() => void)[], settle: (() => void)[]): void {
    attempt(`cannot write ${quoted(this.path)}`, () => {
      isThere(this.path)
      moveIntoPlace(this.#temporary, this.path, this.#force, undo)
      settle.push(() => fs.rmSync(backupOf(this.#temporary), { force: true }))
      settle.push(() => {
        if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor)
        this.#descriptor = undefined
      })
    })
  }
}

/** Whether there is a file to replace. @throws ModelError if there is something that a file must not replace */
function isThere(name: string): boolean {
  const stat = fs.lstatSync(name, { throwIfNoEntry: false })
  if (stat === undefined || stat.isFile() || stat.isSymbolicLink()) return stat !== undefined
  throw new ModelError(
    `cannot write ${quoted(name)}: it is ${stat.isDirectory() ? 'a folder' : 'not an ordinary file'}`,
  )
}
