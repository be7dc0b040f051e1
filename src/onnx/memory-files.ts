import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { type Files, type Hash, type InputFile, type OutputFile, locationParts } from './files.js'
import { Sha256 } from './sha256.js'

/** A file whose bytes are in memory; reading gives views of them. */
export class MemoryInput implements InputFile {
  readonly name: string
  readonly #bytes: Uint8Array
  constructor(name: string, bytes: Uint8Array) {
    this.name = name
    this.#bytes = bytes
  }
  get size(): number {
    return this.#bytes.length
  }
  read(offset: number, length: number): Uint8Array {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) throw pastEnd(this, offset, length)
    return this.#bytes.subarray(offset, offset + length)
  }
  readInto(offset: number, target: Uint8Array): void {
    target.set(this.read(offset, target.length))
  }
  close(): void {
    // Memory has nothing to close.
  }
}

export function pastEnd(file: InputFile, offset: number, length: number): ModelError {
  return new ModelError(
    `${quoted(file.name)}: bytes ${offset} to ${offset + length} are past the end (the file has ${file.size})`,
  )
}

/** Files in memory, by path: for browsers and tests. */
export class MemoryFiles implements Files {
  /** A path's folder is what stands before its last '/'. */
  readonly contents = new Map<string, Uint8Array>()

  open(path: string): InputFile {
    const bytes = this.contents.get(path)
    if (bytes === undefined) throw new ModelError(`cannot read ${quoted(path)}: there is no such file`)
    return new MemoryInput(path, bytes)
  }

  openExternal(modelPath: string, location: string): InputFile {
    return this.open(this.beside(modelPath, locationParts(location).join('/')))
  }

  create(path: string, force: boolean): OutputFile {
    if (!force) this.#refuseExisting(path)
    return new MemoryOutput(path, force)
  }

  commit(outputs: readonly OutputFile[]): void {
    const made = outputs.filter((output) => output instanceof MemoryOutput)
    for (const output of made) if (!output.force) this.#refuseExisting(output.path)
    for (const output of made) this.contents.set(output.path, output.bytes())
  }

  baseName(path: string): string {
    return path.slice(path.lastIndexOf('/') + 1)
  }

  beside(path: string, name: string): string {
    return path.slice(0, path.lastIndexOf('/') + 1) + name
  }

  sha256(): Hash {
    return new Sha256()
  }

  #refuseExisting(path: string): void {
    if (this.contents.has(path)) throw new ModelError(`${quoted(path)} exists; use force to replace it`)
  }
}

/** Collects what is written. */
export class MemoryOutput implements OutputFile {
  readonly path: string
  readonly force: boolean
  #buffer = new Uint8Array(1024)
  #length = 0
  constructor(path: string, force: boolean) {
    this.path = path
    this.force = force
  }
  write(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(2 * this.#buffer.length, this.#length + bytes.length))
      grown.set(this.bytes())
      this.#buffer = grown
    }
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }
  abort(): void {
    this.#length = 0
  }
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }
}
