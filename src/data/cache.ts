import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { attempt, codeOf } from '../runtime/node/system-errors.js'
import { type CifarFormat, fileBytes, type RecordFile } from './cifar-format.js'

/** A file in the cache. */
export interface CachedFile {
  readonly name: string
  readonly bytes: number
  /** In hexadecimal. */
  readonly sha256: string
}

/** What a folder of the cache holds. Written last, into a folder that is then renamed into its place. */
export interface Manifest {
  readonly dataset: string
  /** Where the data came from. */
  readonly source: string
  readonly files: readonly CachedFile[]
}

/** The cache lacks something, or has not what the manifest says. Whoever reads it fetches the data again. */
export class DamagedCache extends Error {
  override name = 'DamagedCache'
}

const MANIFEST = 'manifest.json'

/**
 * The folder that holds data sets: `given`, else $NEURAL_TELEPORTATION_CACHE, else `neural-teleportation` in the platform's
 * cache folder ($XDG_CACHE_HOME or ~/.cache; ~/Library/Caches on macOS; %LOCALAPPDATA% on Windows).
 */
export function cacheFolder(
  given?: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
  platform: NodeJS.Platform = process.platform,
  home: string = os.homedir(),
): string {
  const chosen = given ?? env['NEURAL_TELEPORTATION_CACHE']
  if (chosen !== undefined && chosen !== '') return path.resolve(chosen)
  return path.join(platformCache(env, platform, home), 'neural-teleportation')
}

function platformCache(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform,
  home: string,
): string {
  if (platform === 'win32') return env['LOCALAPPDATA'] ?? path.join(home, 'AppData', 'Local')
  if (platform === 'darwin') return path.join(home, 'Library', 'Caches')
  // The standard says of a relative path here that it is to be ignored.
  const xdg = env['XDG_CACHE_HOME']
  return xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(home, '.cache')
}

function filesOf(format: CifarFormat): readonly CachedFile[] {
  return format.files.map((file) => ({ name: file.name, bytes: fileBytes(format, file), sha256: file.sha256 }))
}

/** The manifest of a cached data set. @throws DamagedCache that says what is wrong */
export function readManifest(folder: string, format: CifarFormat): Manifest {
  const manifest = parsed(path.join(folder, MANIFEST)) as Partial<Manifest> | null
  const { source } = manifest ?? {}
  const files = filesOf(format)
  if (typeof source !== 'string' || JSON.stringify(manifest?.files) !== JSON.stringify(files))
    throw new DamagedCache(`${quoted(path.join(folder, MANIFEST))} is not that of ${format.title}`)
  return { dataset: format.name, source, files }
}

function parsed(file: string): unknown {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new DamagedCache(`${quoted(file)} is missing`)
    if (error instanceof SyntaxError) throw new DamagedCache(`${quoted(file)} is not JSON`)
    return attempt(`cannot read ${quoted(file)}`, () => {
      throw error
    })
  }
}

/**
 * The bytes of a cached file, checked: what is hashed is what is returned.
 * @throws DamagedCache where it is missing, or size or SHA-256 differ
 */
export function readCached(folder: string, format: CifarFormat, file: RecordFile): Uint8Array {
  const name = path.join(folder, file.name)
  const size = fs.statSync(name, { throwIfNoEntry: false })?.size
  if (size === undefined) throw new DamagedCache(`${quoted(name)} is missing`)
  const expected = fileBytes(format, file)
  if (size !== expected) throw new DamagedCache(`${quoted(name)} has ${size} bytes, not ${expected}`)
  const bytes = attempt(`cannot read ${quoted(name)}`, () => fs.readFileSync(name))
  if (sha256(bytes) !== file.sha256) throw new DamagedCache(`${quoted(name)} has another SHA-256 than it must have`)
  return bytes
}

/** Is there a data set whose every file is as it was when it was complete? */
export function isWhole(folder: string, format: CifarFormat): boolean {
  try {
    readManifest(folder, format)
    for (const file of format.files) readCached(folder, format, file)
    return true
  } catch (error) {
    if (error instanceof DamagedCache) return false
    throw error
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A data set in the making: a folder of this process beside the place where it will be. */
export class Staging {
  /** For downloads. */
  readonly folder: string
  readonly #place: string
  readonly #format: CifarFormat
  readonly #added = new Set<string>()
  readonly #onExit = (): void => this.discard()

  constructor(cache: string, format: CifarFormat) {
    this.#format = format
    this.#place = path.join(cache, format.name)
    this.folder = path.join(cache, `${stagingPrefix(format)}${process.pid}-${randomBytes(4).toString('hex')}`)
    attempt(`cannot write into the cache ${quoted(cache)}`, () => {
      fs.mkdirSync(cache, { recursive: true })
      removeAbandoned(cache, format)
      fs.mkdirSync(path.join(this.folder, 'complete'), { recursive: true })
    })
    process.once('exit', this.#onExit)
  }

  /** Forgets what was added, so that another source can be tried. */
  clear(): void {
    this.#added.clear()
    fs.rmSync(this.folder, { recursive: true, force: true })
    fs.mkdirSync(path.join(this.folder, 'complete'), { recursive: true })
  }

  /** @throws ModelError where the bytes are not those that the file must have; `where` they come from */
  add(file: RecordFile, bytes: Uint8Array, where: string): void {
    const expected = fileBytes(this.#format, file)
    if (bytes.length !== expected)
      throw new ModelError(`${quoted(where)}: expected ${expected} bytes, got ${bytes.length}; take another copy`)
    const got = sha256(bytes)
    if (got !== file.sha256)
      throw new ModelError(`${quoted(where)}: expected the SHA-256 ${file.sha256}, got ${got}; take another copy`)
    this.#write(file.name, bytes)
    this.#added.add(file.name)
  }

  /** The files that have not been added. */
  get missing(): readonly RecordFile[] {
    return this.#format.files.filter((file) => !this.#added.has(file.name))
  }

  /** Writes the manifest and moves the folder into its place; of what was there before, nothing stays. */
  commit(source: string): void {
    const manifest: Manifest = { dataset: this.#format.name, source, files: filesOf(this.#format) }
    this.#write(MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`)
    attempt(`cannot move ${this.#format.title} to ${quoted(this.#place)}`, () => {
      // A folder can be renamed only to where none is, so the old one goes aside first. Two processes that do this at the same
      // time each have a whole copy: whichever comes second replaces one whole copy by another.
      for (let attempts = 0; ; attempts++) {
        try {
          fs.renameSync(this.#place, path.join(this.folder, `old-${attempts}`))
        } catch (error) {
          if (codeOf(error) !== 'ENOENT') throw error
        }
        try {
          return fs.renameSync(path.join(this.folder, 'complete'), this.#place)
        } catch (error) {
          if (attempts === 9 || !['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(codeOf(error))) throw error
        }
      }
    })
  }

  discard(): void {
    process.removeListener('exit', this.#onExit)
    fs.rmSync(this.folder, { recursive: true, force: true })
  }

  #write(name: string, data: Uint8Array | string): void {
    const file = path.join(this.folder, 'complete', name)
    attempt(`cannot write ${quoted(file)}`, () => fs.writeFileSync(file, data))
  }
}

/** The machine's name is in it since a cache may lie on a file system that several machines share. */
function stagingPrefix(format: CifarFormat): string {
  return `.${format.name}-${os.hostname().replace(/[^\w-]/g, '_')}-`
}

/** Takes away what processes of this machine left that were killed. */
function removeAbandoned(cache: string, format: CifarFormat): void {
  const prefix = stagingPrefix(format)
  for (const name of fs.readdirSync(cache)) {
    const pid = name.startsWith(prefix) ? Number(/^\d+/.exec(name.slice(prefix.length))?.[0]) : NaN
    if (Number.isInteger(pid) && !isAlive(pid)) fs.rmSync(path.join(cache, name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) !== 'ESRCH'
  }
}
