import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { afterEach, describe, expect, it } from 'vitest'
import { crc32c, EventFile } from '../../src/runs/tensorboard.js'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => fs.rmSync(folder, { recursive: true })))

function folder(): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'events-'))
  folders.push(made)
  return made
}

/** Records of all files, oldest first, after their framing has been checked. */
function records(directory: string): Uint8Array[] {
  const unmask = (masked: number) => {
    const rotated = (masked - 0xa282ead8) >>> 0
    return ((rotated >>> 17) | (rotated << 15)) >>> 0
  }
  return fs
    .readdirSync(directory)
    .sort()
    .flatMap((name) => {
      const bytes = fs.readFileSync(path.join(directory, name))
      const found: Uint8Array[] = []
      for (let at = 0; at < bytes.length;) {
        const length = Number(bytes.readBigUInt64LE(at))
        expect(unmask(bytes.readUInt32LE(at + 8))).toBe(crc32c(bytes.subarray(at, at + 8)))
        const record = bytes.subarray(at + 12, at + 12 + length)
        expect(unmask(bytes.readUInt32LE(at + 12 + length))).toBe(crc32c(record))
        found.push(record)
        at += length + 16
      }
      return found
    })
}

/** Fields of a message by number. */
function fields(bytes: Uint8Array): Map<number, unknown[]> {
  const reader = new BinaryReader(bytes)
  const found = new Map<number, unknown[]>()
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    const read = {
      [WireType.Varint]: () => reader.int64(),
      [WireType.Bit64]: () => reader.double(),
      [WireType.LengthDelimited]: () => reader.bytes(),
      [WireType.Bit32]: () => reader.float(),
    }[type as 0 | 1 | 2 | 5]
    const value: unknown = read()
    found.set(number, [...(found.get(number) ?? []), value])
  }
  return found
}

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
    const [version, scalars] = records(directory).map(fields)
    expect(text(version!.get(3)![0])).toBe('brain.Event:2')
    expect(version!.get(1)).toEqual([1_700_000_000.5])
    expect(scalars!.get(2)!.map(Number)).toEqual([7])
    const values = fields(scalars!.get(5)![0] as Uint8Array)
      .get(1)!
      .map((value) => fields(value as Uint8Array))
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
    const start = fields(records(directory)[2]!)
    expect(start.get(2)!.map(Number)).toEqual([40])
    expect(
      fields(start.get(7)![0] as Uint8Array)
        .get(1)!
        .map(Number),
    ).toEqual([1])
  })
})
