import fs from 'node:fs'
import path from 'node:path'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

/** Records of all event files of a folder, oldest first. `check` is given each record's parts: length, CRC, bytes, CRC. */
export function recordsOf(
  directory: string,
  check: (length: Uint8Array, lengthCrc: number, bytes: Uint8Array, crc: number) => void = () => undefined,
): Uint8Array[] {
  return fs
    .readdirSync(directory)
    .sort()
    .flatMap((name) => {
      const bytes = fs.readFileSync(path.join(directory, name))
      const found: Uint8Array[] = []
      for (let at = 0; at < bytes.length;) {
        const length = Number(bytes.readBigUInt64LE(at))
        const record = bytes.subarray(at + 12, at + 12 + length)
        check(bytes.subarray(at, at + 8), bytes.readUInt32LE(at + 8), record, bytes.readUInt32LE(at + 12 + length))
        found.push(record)
        at += length + 16
      }
      return found
    })
}

/** Fields of a message by number. */
export function fieldsOf(bytes: Uint8Array): Map<number, unknown[]> {
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
    found.set(number, [...(found.get(number) ?? []), read()])
  }
  return found
}

/** What TensorBoard shows: [step, value] by tag, after a SessionLog START has taken away what it takes away (step and later). */
export function scalarsOf(directory: string): Map<string, (readonly [number, number])[]> {
  const scalars = new Map<string, (readonly [number, number])[]>()
  for (const event of recordsOf(directory).map(fieldsOf)) {
    const step = Number(event.get(2)?.[0] ?? 0)
    if (event.has(7))
      for (const [tag, values] of scalars)
        scalars.set(
          tag,
          values.filter(([before]) => before < step),
        )
    for (const value of event.has(5) ? (fieldsOf(event.get(5)![0] as Uint8Array).get(1) ?? []) : []) {
      const entry = fieldsOf(value as Uint8Array)
      const tag = Buffer.from(entry.get(1)![0] as Uint8Array).toString()
      scalars.set(tag, [...(scalars.get(tag) ?? []), [step, entry.get(2)![0] as number]])
    }
  }
  return scalars
}
