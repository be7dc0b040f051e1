import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { crc32c, EventFile } from '../../src/runs/tensorboard.js'
import { fieldsOf, recordsOf } from './events.js'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => fs.rmSync(folder, { recursive: true })))

function folder(): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'events-'))
  folders.push(made)
  return made
}

const unmask = (masked: number) => {
  const rotated = (masked - 0xa282ead8) >>> 0
  return ((rotated >>> 17) | (rotated << 15)) >>> 0
}

/** After their framing has been checked. */
const records = (directory: string) =>
  recordsOf(directory, (length, lengthCrc, bytes, crc) => {
    expect(unmask(lengthCrc)).toBe(crc32c(length))
    expect(unmask(crc)).toBe(crc32c(bytes))
  })

const text = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString()

describe('an event file', () => {
  it('has the CRC-32C of RFC 3720', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43)
  })

  it('holds version, steps, tags and values', () => {
    const directory = folder()
    const file = new EventFile(directory, { now: () => 1_700_000_000_500 })
    file.scalars(7, { 'train/loss': 2.25, 'train/lr': 0.5 }, 1_700_000_001_000)
    file.close()
    expect(fs.readdirSync(directory)).toEqual(['events.out.tfevents.1700000000.teleport'])
    const [version, scalars] = records(directory).map(fieldsOf)
    expect(text(version!.get(3)![0])).toBe('brain.Event:2')
    expect(version!.get(1)).toEqual([1_700_000_000.5])
    expect(scalars!.get(2)!.map(Number)).toEqual([7])
    const values = fieldsOf(scalars!.get(5)![0] as Uint8Array)
      .get(1)!
      .map((value) => fieldsOf(value as Uint8Array))
    expect(values.map((value) => [text(value.get(1)![0]), value.get(2)![0]])).toEqual([
      ['train/loss', 2.25],
      ['train/lr', 0.5],
    ])
  })

  it('of a run that goes on is a new file, which says from which step', () => {
    const directory = folder()
    const now = () => 1_700_000_000_000
    new EventFile(directory, { now }).close()
    new EventFile(directory, { now, startStep: 40 }).close()
    expect(fs.readdirSync(directory)).toHaveLength(2)
    const start = fieldsOf(records(directory)[2]!)
    expect(start.get(2)!.map(Number)).toEqual([40])
    expect(
      fieldsOf(start.get(7)![0] as Uint8Array)
        .get(1)!
        .map(Number),
    ).toEqual([1])
  })
})
