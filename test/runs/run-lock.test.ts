import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LockedError, LockWatch, LostLockError, RunLock } from '../../src/runs/run-lock.js'

let folder = ''
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lock-'))
})
afterEach(() => fs.rmSync(folder, { recursive: true }))

describe('a lock', () => {
  it('of a machine that gives no sign of life is taken away, once that has been watched for long enough', async () => {
    const foreign = path.join(folder, 'lock.elsewhere.12.34')
    fs.writeFileSync(foreign, '')
    // However old it is: clocks of two machines are not compared.
    fs.utimesSync(foreign, 0, 0)
    await expect(RunLock.take(folder)).rejects.toThrow(LockedError)
    const watch = new LockWatch(0.3)
    expect(watch.holder(folder)).toEqual({ host: 'elsewhere', pid: 12 })
    await setTimeout(200)
    fs.utimesSync(foreign, 5, 5)
    expect(watch.holder(folder)).toBeDefined()
    await setTimeout(200)
    watch.free(folder)
    expect(watch.holder(folder)).toBeDefined()
    await setTimeout(200)
    expect(watch.holder(folder)).toBeUndefined()
    watch.free(folder)
    expect(fs.readdirSync(folder)).toEqual([])
    const lock = await RunLock.take(folder)
    lock.release()
  })

  it('beats while it is held', async () => {
    const lock = await RunLock.take(folder, undefined, 0.05)
    const file = path.join(folder, fs.readdirSync(folder)[0]!)
    fs.utimesSync(file, 5, 5)
    await setTimeout(300)
    expect(fs.statSync(file).mtimeMs).toBeGreaterThan(5000)
    lock.check()
    lock.release()
  })

  it('that was lost is noticed', async () => {
    const lock = await RunLock.take(folder)
    fs.rmSync(path.join(folder, fs.readdirSync(folder)[0]!))
    expect(() => lock.check()).toThrow(LostLockError)
    lock.release()
  })

  it('of a process of this machine that is gone is passed over', async () => {
    fs.writeFileSync(path.join(folder, `lock.${os.hostname()}.${2 ** 22 + 1}.5`), '')
    expect(new LockWatch().holder(folder)).toBeUndefined()
    const lock = await RunLock.take(folder)
    expect(fs.readdirSync(folder)).toHaveLength(1)
    lock.release()
  })
})
