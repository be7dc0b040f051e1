import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeRunEnd } from '../../src/sweeps/run-end.js'
import { statusOf } from '../../src/sweeps/status.js'
import { trainRun } from '../../src/sweeps/train-run.js'
import { smallRuns } from './runs.js'

let folder = ''
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'status-'))
})
afterEach(() => fs.rmSync(folder, { recursive: true }))

describe('the time left of a sweep', () => {
  const runs = smallRuns([1, 2, 3, 4])

  /** A run of which so many epochs are trained, their steps in 10 seconds each. */
  const trained = (i: number, epochs: number) => {
    const place = path.join(folder, runs[i]!.id)
    fs.mkdirSync(place)
    const lines = Array.from({ length: epochs }, (_, i) => `${JSON.stringify({ epoch: i + 1, seconds: 10 })}\n`)
    fs.writeFileSync(path.join(place, 'metrics.jsonl'), lines.join(''))
    return place
  }

  it('is that of the steps, and of what finished runs took beside them', () => {
    expect(statusOf(runs, folder).secondsLeft).toBeNull()
    // 1 of 3 epochs: 11 are left.
    trained(1, 1)
    expect(statusOf(runs, folder).secondsLeft).toBe(110)
    // Its last process trained two epochs in 26 seconds, 3 of each for validation: 8 are left.
    writeRunEnd(trained(0, 3), { ended: 'finished', measured: { epochs: 2, seconds: 26 } })
    expect(statusOf(runs, folder).secondsLeft).toBe(8 * 13)
    // A run that says nothing of it changes nothing.
    writeRunEnd(trained(2, 3), { ended: 'finished' })
    expect(statusOf(runs, folder).secondsLeft).toBe(5 * 13)
    expect(statusOf(runs, folder).epochs).toEqual({ done: 7, all: 12 })
  })

  it('is measured by runs', async () => {
    await trainRun(runs[0]!, folder)
    const { measured } = JSON.parse(fs.readFileSync(path.join(folder, runs[0]!.id, 'result.json'), 'utf8')) as {
      measured: { epochs: number; seconds: number }
    }
    expect(measured.epochs).toBe(3)
    const steps = fs
      .readFileSync(path.join(folder, runs[0]!.id, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
    const seconds = steps.reduce((sum, line) => sum + (JSON.parse(line) as { seconds: number }).seconds, 0)
    expect(measured.seconds).toBeGreaterThan(seconds)
    expect(statusOf(runs, folder).secondsLeft).toBeCloseTo(3 * measured.seconds, 9)
  })
})
