import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { MetricsFile, readMetrics } from '../../src/runs/metrics.js'

it('keeps whole lines up to an epoch, and drops what a crash cut off', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'metrics-'))
  try {
    const file = path.join(folder, 'metrics.jsonl')
    const first = new MetricsFile(file, 0)
    for (const epoch of [1, 2, 3]) first.write({ epoch, loss: 1 / epoch })
    first.close()
    fs.appendFileSync(file, '{"epoch":4,"lo')
    expect(readMetrics(file).map(({ epoch }) => epoch)).toEqual([1, 2, 3])
    const second = new MetricsFile(file, 2)
    second.write({ epoch: 3, loss: 0.25 })
    second.close()
    expect(readMetrics(file)).toEqual([
      { epoch: 1, loss: 1 },
      { epoch: 2, loss: 0.5 },
      { epoch: 3, loss: 0.25 },
    ])
    expect(fs.readFileSync(file, 'utf8').split('\n')).toHaveLength(4)
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
})
