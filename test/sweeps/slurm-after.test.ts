import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readRunEnd } from '../../src/sweeps/run-end.js'
import { afterTask, NO_MEMORY } from '../../src/sweeps/slurm-after.js'
import { jobFolder, type SlurmRecord } from '../../src/sweeps/slurm-record.js'
import { smallRuns } from './runs.js'

let folder = ''
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'after-'))
})
afterAll(() => fs.rmSync(folder, { recursive: true }))

it('a task whose process has no memory begins again as often as it may; then its run has failed, and the next one begins', async () => {
  const [first, second] = smallRuns([1, 2])
  const record: SlurmRecord = {
    name: 'job',
    runsFolder: folder,
    tasks: [[first!, second!]],
    threads: 1,
    idleRequeues: 1,
    over: [],
  }
  fs.mkdirSync(jobFolder(record), { recursive: true })
  const after = () => afterTask(record, 0, NO_MEMORY, () => undefined)
  const reason = () => [first!, second!].map(({ id }) => readRunEnd(path.join(folder, id))?.reason)
  await after()
  expect(await after()).toBe('requeue')
  expect(reason()).toEqual([undefined, undefined])
  expect(await after()).toBe('requeue')
  expect(reason()).toEqual([
    expect.stringMatching(/^out of memory: .* without coming further; .*slurm\.memory$/),
    undefined,
  ])
})
