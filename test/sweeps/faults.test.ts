import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { finishedRuns } from '../../src/sweeps/finished-run.js'
import { runLocally } from '../../src/sweeps/local.js'
import { outcomes, smallRuns } from './runs.js'

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
// Large enough for their files to fill a small disk.
const runs = smallRuns([1], { model: { name: 'mlp', hidden: [128] } })
const reasons = (name: string) => finishedRuns(runs, at(name)).map(({ reason }) => reason)

let folder = ''
let expected: unknown
const { NODE_OPTIONS } = process.env
beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'faults-'))
  fs.writeFileSync(at('runs.json'), JSON.stringify(runs))
  await runLocally(runs, at('undisturbed'))
  expected = outcomes(runs, at('undisturbed'))
})
afterEach(() => {
  if (NODE_OPTIONS === undefined) delete process.env['NODE_OPTIONS']
  else process.env['NODE_OPTIONS'] = NODE_OPTIONS
})
afterAll(() => fs.rmSync(folder, { recursive: true }))
const at = (name: string) => path.join(folder, name)

/** What befalls workers that are started from now on. @returns the processes that it has befallen */
function fault(kind: 'kill' | 'memory', times: number): () => string[] {
  const log = at(`${kind}.log`)
  fs.rmSync(log, { force: true })
  Object.assign(process.env, { FAULT: kind, FAULT_TIMES: String(times), FAULT_LOG: log })
  process.env['NODE_OPTIONS'] = `${NODE_OPTIONS ?? ''} --import ${new URL('fault.mjs', import.meta.url).href}`
  return () => fs.readFileSync(log, 'utf8').trim().split('\n')
}

describe('a run whose process is killed again and again', () => {
  it('has failed after the third time that it got no further, and is begun anew when that is asked for', async () => {
    const killed = fault('kill', Infinity)
    const warnings: string[] = []
    const options = { warn: (line: string) => void warnings.push(line) }
    await runLocally(runs, at('killed'), options)
    expect(reasons('killed')).toEqual(['its process was killed by SIGKILL, probably out of memory'])
    expect(new Set(killed()).size).toBe(3)
    expect(warnings.join('\n')).toMatch(
      /^(.*killed by SIGKILL.*goes on from its last checkpoint in a new process\n?){2}$/,
    )

    // It has got no further, and is not tried again by itself.
    await runLocally(runs, at('killed'), options)
    expect(killed()).toHaveLength(3)
    delete process.env['NODE_OPTIONS']
    await runLocally(runs, at('killed'), { ...options, retryFailed: true })
    expect(outcomes(runs, at('killed'))).toEqual(expected)
  })
})

describe('a run for which its process has no memory left', () => {
  it('goes on in another process', async () => {
    const lacked = fault('memory', 2)
    await runLocally(runs, at('once'))
    expect(new Set(lacked()).size).toBe(2)
    expect(outcomes(runs, at('once'))).toEqual(expected)
  })

  it('has failed with that reason, if no process has enough', async () => {
    const lacked = fault('memory', Infinity)
    await runLocally(runs, at('never'), { tries: 2 })
    expect(new Set(lacked()).size).toBe(2)
    expect(reasons('never')).toEqual(['out of memory: Array buffer allocation failed'])
  })
})

interface SmallDisk {
  readonly folder: string
  /** What starts a command that writes there. */
  readonly start: readonly string[]
  readonly error: RegExp
  readonly grow: () => void
}

/** A disk with room for less than a run: a real one where one may be mounted, and else files that cannot grow. */
function smallDisk(): SmallDisk {
  const disk = at('disk')
  fs.mkdirSync(disk)
  const mount = (...args: readonly string[]) => spawnSync('mount', args).status === 0
  if (mount('-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', disk))
    return {
      folder: disk,
      start: [],
      error: /: no space is left on the device; what has been trained is kept, and the same command goes on with it\n$/,
      grow: () => void mount('-o', 'remount,size=20m', disk),
    }
  return {
    folder: disk,
    // In blocks of 512 bytes.
    start: ['sh', '-c', 'ulimit -f 150; exec "$@"', 'sh'],
    error: /: EFBIG; what has been trained is kept, and the same command goes on with it\n$/,
    grow: () => undefined,
  }
}

describe.runIf(process.platform !== 'win32')('a sweep on a full disk', () => {
  afterAll(() => spawnSync('umount', [at('disk')]))

  it('ends with one line, and goes on where there is room again', async () => {
    const { folder: disk, start, error, grow } = smallDisk()
    const runsFolder = path.join(disk, 'runs')
    const scheduler = [process.execPath, file('scheduler.mjs'), at('runs.json'), runsFolder]
    const { status, stdout, stderr } = spawnSync('env', [...start, ...scheduler], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(stdout).toMatch(error)
    expect(stdout.trim().split('\n')).toHaveLength(1)
    expect(status).toBe(2)
    expect(finishedRuns(runs, runsFolder)).toEqual([])
    grow()
    await runLocally(runs, runsFolder)
    expect(outcomes(runs, runsFolder)).toEqual(expected)
  }, 240_000)
})
