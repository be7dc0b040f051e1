import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runLocally } from '../../src/sweeps/local.js'
import { outcomes, smallRuns } from './runs.js'

const SCHEDULER = fileURLToPath(new URL('scheduler.mjs', import.meta.url))
const runs = smallRuns([1, 2, 3], {
  training: { epochs: 8, batchSize: 4, optimizer: { name: 'sgd', lr: 0.01, momentum: 0.9 } },
})

let folder = ''
let expected: unknown
beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'killing-'))
  fs.writeFileSync(at('runs.json'), JSON.stringify(runs))
  await runLocally(runs, at('undisturbed'), { processes: 2 })
  expected = outcomes(runs, at('undisturbed'))
})
afterAll(() => fs.rmSync(folder, { recursive: true }))
const at = (name: string) => path.join(folder, name)

interface Scheduler {
  readonly process: ChildProcess
  /** What it said, once it has ended. */
  readonly said: Promise<string>
}

function start(name: string): Scheduler {
  const child = spawn(process.execPath, [SCHEDULER, at('runs.json'), at(name)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
  return { process: child, said: new Promise((resolve) => child.once('close', () => resolve(text))) }
}

/** The processes that a process has started. */
function childrenOf(pid: number): number[] {
  try {
    const text = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}

const alive = (pid: number) => {
  try {
    return fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.startsWith('Z') === false
  } catch {
    return false
  }
}

describe.runIf(process.platform === 'linux')('a sweep', () => {
  it('of which workers and schedulers are killed at random ends as if nothing had happened', async () => {
    const seed = Date.now() % 100_000
    process.stderr.write(`killing with seed ${seed}\n`)
    let state = seed
    const random = () => (state = (state * 48271 + 11) % 2147483647) / 2147483647
    let kills = 0
    for (let round = 0; round < 3; round++) {
      const { process: scheduler, said } = start('killed')
      const deadline = Date.now() + 60_000
      while (scheduler.exitCode === null && childrenOf(scheduler.pid!).length < 2 && Date.now() < deadline)
        await setTimeout(20)
      for (let blow = 0; blow < 2 && scheduler.exitCode === null; blow++) {
        await setTimeout(1500 * random())
        const [victim] = childrenOf(scheduler.pid!).sort(() => random() - 0.5)
        if (victim !== undefined) kill(victim)
        kills++
      }
      await setTimeout(1500 * random())
      const orphans = childrenOf(scheduler.pid!)
      kill(scheduler.pid!)
      await said
      // They notice, and end.
      for (let wait = 0; wait < 600 && orphans.some(alive); wait++) await setTimeout(50)
      expect(orphans.filter(alive)).toEqual([])
    }
    expect(kills).toBeGreaterThan(0)
    expect(await start('killed').said).toBe(`ended ${runs.length}\n`)
    expect(outcomes(runs, at('killed'))).toEqual(expected)
  })

  it('that two schedulers work on at once is trained once', async () => {
    const both = [start('two'), start('two')]
    expect(await Promise.all(both.map(({ said }) => said))).toEqual([
      `ended ${runs.length}\n`,
      `ended ${runs.length}\n`,
    ])
    expect(outcomes(runs, at('two'))).toEqual(expected)
    // Nobody began a run that another one had: there is one file of events for each.
    for (const { id } of runs) expect(fs.readdirSync(at(`two/${id}/tensorboard`))).toHaveLength(1)
  })
})
