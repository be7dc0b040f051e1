import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configSchema } from '../../src/runs/config-schema.js'
import { DatasetCache } from '../../src/sweeps/dataset-cache.js'
import { statusOf } from '../../src/sweeps/status.js'
import { OutOfMemoryError, trainRun } from '../../src/sweeps/train-run.js'
import { outcomes, smallRuns } from './runs.js'

let folder = ''
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'failing-'))
})
afterAll(() => fs.rmSync(folder, { recursive: true }))

describe('a run of a sweep', () => {
  it('that diverges has failed, with its reason, and is not tried again', async () => {
    const runs = smallRuns([1], { training: { epochs: 3, batchSize: 16, optimizer: { name: 'sgd', lr: 1e30 } } })
    expect(await trainRun(runs[0]!, folder)).toBe('ended')
    const status = statusOf(runs, folder)
    expect(status).toMatchObject({ runs: 1, done: 0, running: 0, failed: 1, left: 0 })
    expect(status.failures[0]!.reason).toMatch(/the loss is NaN \(epoch 1, step \d/)
    const before = fs.statSync(path.join(folder, runs[0]!.id, 'metrics.jsonl')).mtimeMs
    expect(await trainRun(runs[0]!, folder)).toBe('ended')
    expect(fs.statSync(path.join(folder, runs[0]!.id, 'metrics.jsonl')).mtimeMs).toBe(before)
  })

  it('that is trained but has no result gets it; a folder with another run is refused', async () => {
    const runs = smallRuns([1, 2])
    expect(await trainRun(runs[0]!, folder)).toBe('ended')
    const expected = outcomes(runs.slice(0, 1), folder)
    const place = path.join(folder, runs[0]!.id)
    fs.rmSync(path.join(place, 'result.json'))
    const before = fs.statSync(path.join(place, 'model.onnx')).mtimeMs
    expect(await trainRun(runs[0]!, folder)).toBe('ended')
    expect(outcomes(runs.slice(0, 1), folder)).toEqual(expected)
    expect(fs.statSync(path.join(place, 'model.onnx')).mtimeMs).toBe(before)
    fs.cpSync(place, path.join(folder, runs[1]!.id), { recursive: true })
    fs.rmSync(path.join(folder, runs[1]!.id, 'result.json'))
    await expect(trainRun(runs[1]!, folder)).rejects.toThrow(/holds a run of another configuration/)
  })

  it('that finds no memory leaves no result: another process may have it', async () => {
    const [run] = smallRuns([8])
    const dataset = () => Promise.reject(new RangeError('Array buffer allocation failed'))
    await expect(trainRun(run!, folder, { dataset })).rejects.toThrow(OutOfMemoryError)
    expect(fs.readdirSync(path.join(folder, run!.id))).toEqual([])
    expect(await trainRun(run!, folder)).toBe('ended')
  })

  it('whose lock is lost on the way ends without a result', async () => {
    const [run] = smallRuns([7])
    const place = path.join(folder, run!.id)
    let written = ''
    const outcome = await trainRun(run!, folder, {
      onStep: ({ epoch, batch }) => {
        if (epoch !== 2 || batch !== 3) return
        for (const name of fs.readdirSync(place)) if (name.startsWith('lock.')) fs.rmSync(path.join(place, name))
        written = fs.readdirSync(path.join(place, 'checkpoints')).join(' ')
      },
    })
    expect(outcome).toBe('taken')
    expect(fs.readdirSync(path.join(place, 'checkpoints')).join(' ')).toBe(written)
    expect(fs.existsSync(path.join(place, 'result.json'))).toBe(false)
  })
})

describe('the data sets of a process', () => {
  const of = (data: object) => configSchema.parse({ ...smallRuns([1])[0]!.config, data })

  it('are shared by runs, whose folders differ', () => {
    const load = (data: object, beside: string) => {
      const dataset = cache.load(of(data), beside, {})
      // There is none.
      dataset.catch(() => undefined)
      return dataset
    }
    const cache = new DatasetCache()
    const cifar = { name: 'cifar10', from: '/nowhere' }
    expect(load(cifar, '/runs/b')).toBe(load(cifar, '/runs/a'))
    expect(load({ ...cifar, from: 'here' }, '/runs/b')).not.toBe(load({ ...cifar, from: 'here' }, '/runs/a'))
    expect(load({ ...cifar, training: 5 }, '/runs/a')).not.toBe(load(cifar, '/runs/a'))
  })
})
