import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'

/** A file that is read at chosen places. It stays readable, and its bytes stay the same, if another is renamed over it. */
export interface InputFile {
  /** How messages call it. */
  readonly name: string
  readonly size: number
  /** Exactly `length` bytes; may be a view of shared memory, never to be written into. @throws ModelError past the end */
  read(offset: number, length: number): Uint8Array
  /** Fills `target` from `offset` on. @throws ModelError past the end */
  readInto(offset: number, target: Uint8Array): void
  /** Optional: a file that is no longer referred to may close itself. */
  close(): void
}

/** A file in the making, which lies beside its place until it is committed. */
export interface OutputFile {
  readonly path: string
  /** Appends. The bytes may be overwritten by the caller afterwards. */
  write(bytes: Uint8Array): void
  /** Takes away what was written. Does nothing after a commit. */
  abort(): void
}

export interface Hash {
  update(bytes: Uint8Array): void
  /** The digest in hexadecimal. */
  hex(): string
}

/** Where files come from and go to: a disk, or memory. Every error is a ModelError that names the file. */
export interface Files {
  open(path: string): InputFile
  /** Opens the external data file `location` of the model at `modelPath`, which must be an ordinary file inside the model's folder. */
  openExternal(modelPath: string, location: string): InputFile
  /** @throws ModelError if there is such a file and `force` is not set */
  create(path: string, force: boolean): OutputFile
  /** Moves all of them into their places, or, if one cannot be moved, none. */
  commit(outputs: readonly OutputFile[]): void
  /** The last part of a path. */
  baseName(path: string): string
  /** The path of the file `name` in the folder of the file at `path`. */
  beside(path: string, name: string): string
  sha256(): Hash
}

/**
 * The parts of an external location, if it is a relative path that stays below its folder.
 * @throws ModelError for an absolute path, a drive, `..`, and what no file can be called
 */
export function locationParts(location: string): string[] {
  const refuse = (why: string): ModelError =>
    new ModelError(
      `external data ${quoted(location)}: ${why}; data must lie in the model's folder, under a relative path`,
    )
  if (location === '') throw refuse('the location is empty')
  if (location.includes('\0')) throw refuse('the location holds a NUL')
  if (location.length > 4096) throw refuse('the location is too long')
  if (/^[/\\]/.test(location) || /^[A-Za-z]:/.test(location)) throw refuse('the location is absolute')
  const parts = location.split(/[/\\]/)
  if (parts.includes('..')) throw refuse("the location leaves the folder ('..')")
  return location.split('/').filter((part) => part !== '' && part !== '.')
}
