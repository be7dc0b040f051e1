import fs from 'node:fs'
import path from 'node:path'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { moveIntoPlace } from '../runtime/node/move-into-place.js'
import { attempt } from '../runtime/node/system-errors.js'

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
  readonly #kept: { readonly file: string; readonly model: string }[] = []
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
    const folder = writing(target, () =>
      fs.mkdtempSync(path.join(parent, `.${path.basename(target).slice(0, 100)}.tmp-`)),
    )
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

  /** Files that hold weights of a model which stays as it is: not even `--force` replaces them, or the model would be another one. */
  keep(files: readonly string[], model: string): void {
    for (const file of files) this.#kept.push({ file, model })
  }

  /** Moves all files into their places, or, if one cannot be moved, none. */
  commit(): void {
    const undo: (() => void)[] = []
    try {
      const moves = this.#staged.flatMap(({ target, folder }) =>
        // Data before the model that speaks of them: 'm.onnx.data' sorts after 'm.onnx'.
        fs
          .readdirSync(folder)
          .sort()
          .reverse()
          .map((name) => ({ from: path.join(folder, name), to: path.join(path.dirname(target), name) })),
      )
      const places = new Set<string>()
      for (const { to } of moves) {
        this.#checkKept(to)
        if (places.has(path.resolve(to)))
          throw new ModelError(`${quoted(to)} would be two outputs (a model's weights lie beside it); name other files`)
        places.add(path.resolve(to))
      }
      for (const { from, to } of moves) writing(to, () => moveIntoPlace(from, to, this.#force, undo))
    } catch (error) {
      for (const step of undo.reverse()) step()
      throw error
    } finally {
      this.discard()
    }
  }

  #checkKept(to: string): void {
    const existing = statOf(to)
    const kept = existing && this.#kept.find(({ file }) => isSameFile(statOf(file), existing))
    if (kept !== undefined)
      throw new ModelError(
        `cannot write ${quoted(to)}: it holds weights of the input ${quoted(kept.model)}; name another file`,
      )
  }

  /** Takes away what was not committed. */
  discard(): void {
    process.removeListener('exit', this.#onExit)
    for (const { folder } of this.#staged.splice(0)) fs.rmSync(folder, { recursive: true, force: true })
  }
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

export function isSamePlace(a: string, b: string): boolean {
  const stats = statOf(b)
  return stats !== undefined && isSameFile(statOf(a), stats)
}

function writing<T>(target: string, action: () => T): T {
  const noFolder = `there is no folder ${quoted(path.dirname(target))}; make it first`
  return attempt(`cannot write ${quoted(target)}`, action, { ENOENT: noFolder, ENOTDIR: noFolder })
}

/** The bytes of an input file. @throws ModelError */
export function readInput(name: string): Uint8Array {
  return attempt(`cannot read ${quoted(name)}`, () => fs.readFileSync(name))
}

/** Writes a whole file at a staged path. @throws ModelError that names `target` */
export function writeStaged(staged: string, target: string, bytes: Uint8Array | string): void {
  writing(target, () => fs.writeFileSync(staged, bytes))
}
