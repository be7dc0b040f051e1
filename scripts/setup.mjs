// Makes a checkout ready to run: installs the dependencies if they are missing or older than the lock file, and compiles src to
// dist if that is older than its sources. `npm start` and `npm test` begin with it, since .npmrc keeps npm from running pre-scripts.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const at = (...parts) => path.join(root, ...parts)
const changed = (file) => (existsSync(file) ? statSync(file).mtimeMs : -Infinity)

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) fail(`Node ${process.versions.node}: version 20.19 or later is needed`)

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

function run(what, command, args) {
  process.stderr.write(`${what} …\n`)
  // What these say is not this command's result: it goes to stderr.
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (error !== undefined) fail(`${what}: ${error.message}`)
  if (status !== 0) fail(`${what} failed`)
}

function install() {
  // npm says where it is to whatever it runs. Started by hand, it must be found on the PATH, on Windows by a shell.
  const npm = process.env.npm_execpath
  const args = ['ci', '--include=dev']
  if (npm !== undefined && /\.[cm]?js$/.test(npm)) run('installing dependencies', process.execPath, [npm, ...args])
  else if (process.platform === 'win32')
    run('installing dependencies', process.env.ComSpec ?? 'cmd.exe', ['/d', '/s', '/c', `npm ${args.join(' ')}`])
  else run('installing dependencies', 'npm', args)
}

function newestSource(folder) {
  let newest = -Infinity
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name)
    // A folder's own time tells of files that were deleted.
    newest = Math.max(newest, changed(file), entry.isDirectory() ? newestSource(file) : -Infinity)
  }
  return newest
}

// npm writes this file last, so an installation that was broken off has none.
const installed = at('node_modules', '.package-lock.json')
if (changed(installed) < changed(at('package-lock.json')) || !existsSync(at('node_modules', 'typescript'))) install()

const built = at('dist', '.built')
const sources = [at('src'), at('tsconfig.json'), at('tsconfig.build.json'), installed]
if (changed(built) < Math.max(...sources.map(changed), newestSource(at('src')))) {
  const started = new Date()
  rmSync(at('dist'), { recursive: true, force: true })
  run('compiling', process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'])
  writeFileSync(built, '')
  // What is edited while the compiler runs is newer than its result.
  utimesSync(built, started, started)
}
