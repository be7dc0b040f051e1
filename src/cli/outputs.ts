import fs from 'node:fs'
import path from 'node:path'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'

interface Staged {
  readonly target: string
  /** A folder of its own beside the target, so that a rename can move what is in it. */
  readonly folder: string
}

/**
 * Output files in the making. Each is written in a folder beside its place, under its own name (which external data are called
 * after), and moved into its place when all are complete.
 */
export class Outputs {
  readonly #force: boolean
  readonly #staged: Staged[] = []
  readonly #onExit = (): void => this.discard()

  constructor(force: boolean) {
    this.#force = force
    process.once('exit', this.#onExit)
    process.once('SIGINT', () => process.exit(130))
    process.once('SIGTERM', () => process.exit(143))
  }

  /**
   * The path under which to write what will be `target`.
   * @param inputs files that the command reads, which only `--force` lets it replace
   */
  stage(target: string, inputs: readonly string[] = []): string {
    this.#check(target, inputs)
    const parent = path.dirname(target)
    let folder: string
    try {
      folder = fs.mkdtempSync(path.join(parent, `.${path.basename(target).slice(0, 100)}.tmp-`))
    } catch (error) {
      throw cannotWrite(target, error, parent)
    }
    this.#staged.push({ target, folder })
    return path.join(folder, path.basename(target))
  }

  #check(target: string, inputs: readonly string[]): void {
    if (path.basename(target) === '' || /[/\\]$/.test(target))
      throw new ModelError(`cannot write ${quoted(target)}: expected the name of a file`)
    if (this.#staged.some((other) => path.resolve(other.target) === path.resolve(target)))
      throw new ModelError(`${quoted(target)} is given for two outputs; give each a file of its own`)
    const existing = statOf(target)
    if (existing === undefined) return
    if (existing.isDirectory()) throw new ModelError(`cannot write ${quoted(target)}: it is a folder`)
    if (!existing.isFile()) throw new ModelError(`cannot write ${quoted(target)}: it is not an ordinary file`)
    if (this.#force) return
    const same = inputs.some((input) => isSameFile(statOf(input), existing))
    throw new ModelError(
      same
        ? `${quoted(target)} is the input itself; name another file, or use --force to replace it`
        : `${quoted(target)} exists; use --force to replace it, or name another file`,
    )
  }

  /** Moves all files into their places, or, if one cannot be moved, none. */
  commit(): void {
    const undo: (() => void)[] = []
    try {
      for (const { target, folder } of this.#staged) {
        // Data before the model that speaks of them: 'm.onnx.data' sorts after 'm.onnx'.
        for (const name of fs.readdirSync(folder).sort().reverse())
          this.#move(path.join(folder, name), path.join(path.dirname(target), name), undo)
      }
    } catch (error) {
      for (const step of undo.reverse()) step()
      throw error
    } finally {
      this.discard()
    }
  }

  #move(from: string, to: string, undo: (() => void)[]): void {
    try {
      if (this.#force && fs.lstatSync(to, { throwIfNoEntry: false }) !== undefined) {
        const backup = `${from}.old`
        setAside(to, backup)
        undo.push(() => fs.renameSync(backup, to))
        fs.renameSync(from, to)
      } else {
        moveWithoutReplacing(from, to)
        undo.push(() => fs.rmSync(to, { force: true }))
      }
    } catch (error) {
      throw cannotWrite(to, error, path.dirname(to))
    }
  }

  /** Takes away what was not committed. */
  discard(): void {
    process.removeListener('exit', this.#onExit)
    for (const { folder } of this.#staged.splice(0)) fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** A second name for the file, so that there is one under its own name at every moment; where links cannot be made, another name. */
function setAside(name: string, backup: string): void {
  try {
    fs.linkSync(name, backup)
  } catch {
    fs.renameSync(name, backup)
  }
}

/** A link fails where a file is, which a rename would replace; a file system without links has to do with a look beforehand. */
function moveWithoutReplacing(from: string, to: string): void {
  try {
    fs.linkSync(from, to)
  } catch (error) {
    if (codeOf(error) === 'EEXIST' || fs.existsSync(to))
      throw new ModelError(`${quoted(to)} exists; use --force to replace it`)
    fs.renameSync(from, to)
    return
  }
  fs.rmSync(from)
}

function statOf(name: string): fs.Stats | undefined {
  try {
    return fs.statSync(name, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

function isSameFile(a: fs.Stats | undefined, b: fs.Stats): boolean {
  return a !== undefined && a.ino === b.ino && a.dev === b.dev
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the quota is used up',
  ENAMETOOLONG: 'the name is too long',
}

function cannotWrite(target: string, error: unknown, folder: string): unknown {
  const code = codeOf(error)
  if (error instanceof ModelError || code === '') return error
  const why =
    code === 'ENOENT' || code === 'ENOTDIR'
      ? `there is no folder ${quoted(folder)}; make it first`
      : (REASONS[code] ?? code)
  return new ModelError(`cannot write ${quoted(target)}: ${why}`, { cause: error })
}

/** The bytes of an input file. @throws ModelError */
export function readInput(name: string): Uint8Array {
  try {
    if (statOf(name)?.isDirectory() === true) throw new ModelError(`cannot read ${quoted(name)}: it is a folder`)
    return fs.readFileSync(name)
  } catch (error) {
    const code = codeOf(error)
    if (error instanceof ModelError || code === '') throw error
    const why = code === 'ENOENT' ? 'there is no such file' : (REASONS[code] ?? code)
    throw new ModelError(`cannot read ${quoted(name)}: ${why}`, { cause: error })
  }
}

/** Writes a whole file at a staged path. @throws ModelError that names `target` */
export function writeStaged(staged: string, target: string, bytes: Uint8Array | string): void {
  try {
    fs.writeFileSync(staged, bytes)
  } catch (error) {
    throw cannotWrite(target, error, path.dirname(target))
  }
}
