import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** What a process took. */
export interface Cost {
  readonly seconds: number
  /** Peak resident memory in bytes. */
  readonly peak: number
}

/**
 * Says on its way out how much memory the process took, on a channel that nobody else writes to. On Linux `maxRSS` of a new process
 * is at least what the process had that started it, so there the kernel is asked for its own account.
 */
const WITNESS = `data:text/javascript,${encodeURIComponent(`import fs from 'node:fs'
process.on('exit', () => {
  let kilobytes = process.resourceUsage().maxRSS
  try {
    kilobytes = /VmHWM:\\s*(\\d+) kB/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]
  } catch {}
  fs.writeSync(3, String(kilobytes))
})`)}`

export const COMMAND = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))

/** Runs a script of Node in a process of its own. @throws Error with what it said, if it fails */
export function runNode(args: readonly string[]): Cost {
  const start = performance.now()
  const { status, stderr, output } = spawnSync(process.execPath, ['--import', WITNESS, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  const seconds = (performance.now() - start) / 1000
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`)
  return { seconds, peak: Number(output[3]) * 1024 }
}

export function copyFile(from: string, to: string): number {
  const start = performance.now()
  const { status } = spawnSync('cp', [from, to])
  if (status !== 0) throw new Error(`cp ${from} ${to} failed`)
  return (performance.now() - start) / 1000
}

/** Gives a folder that is gone afterwards. */
export function inFolder<T>(act: (folder: string) => T): T {
  const folder = mkdtempSync(path.join(tmpdir(), 'teleport-bench-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  let result: T
  try {
    result = act(folder)
  } catch (error) {
    remove()
    throw error
  }
  if (result instanceof Promise) return result.finally(remove) as T
  remove()
  return result
}
