import fs from 'node:fs'
import path from 'node:path'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/**
 * Scalars as TensorBoard reads them: records of tensorflow.Event, framed as TFRecord (length, masked CRC-32C of the length, bytes,
 * masked CRC-32C of the bytes; all little-endian). A folder may hold several files; each is only ever appended to.
 */
export class EventFile {
  readonly #descriptor: number

  /**
   * Begins a file in `folder`, which is made where it is missing.
   * @param options.startStep the run goes on at this step: TensorBoard forgets what earlier files hold from there on
   */
  constructor(folder: string, options: { readonly startStep?: number; readonly now?: () => number } = {}) {
    const now = options.now ?? Date.now
    fs.mkdirSync(folder, { recursive: true })
    const seconds = String(Math.floor(now() / 1000)).padStart(10, '0')
    let name = path.join(folder, `events.out.tfevents.${seconds}.teleport`)
    for (let copy = 1; fs.existsSync(name); copy++)
      name = path.join(folder, `events.out.tfevents.${seconds}.teleport.${copy}`)
    this.#descriptor = fs.openSync(name, 'wx')
    this.#write(event(now(), 0).tag(3, WireType.LengthDelimited).string('brain.Event:2').finish())
    if (options.startStep !== undefined) {
      // SessionLog { status: START }
      const log = new BinaryWriter().tag(1, WireType.Varint).int32(1).finish()
      this.#write(event(now(), options.startStep).tag(7, WireType.LengthDelimited).bytes(log).finish())
    }
  }

  /** Writes scalars of one step, by their tags. */
  scalars(step: number, values: Readonly<Record<string, number>>, now = Date.now()): void {
    const summary = new BinaryWriter()
    for (const [tag, value] of Object.entries(values)) {
      const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string(tag).tag(2, WireType.Bit32).float(value)
      summary.tag(1, WireType.LengthDelimited).bytes(entry.finish())
    }
    this.#write(event(now, step).tag(5, WireType.LengthDelimited).bytes(summary.finish()).finish())
  }

  close(): void {
    fs.closeSync(this.#descriptor)
  }

  /** At once, so that a record is whole or, after a crash, the last and cut off, which TensorBoard passes over. */
  #write(bytes: Uint8Array): void {
    const record = Buffer.alloc(bytes.length + 16)
    record.writeBigUInt64LE(BigInt(bytes.length), 0)
    record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8)
    record.set(bytes, 12)
    record.writeUInt32LE(maskedCrc(bytes), bytes.length + 12)
    fs.writeFileSync(this.#descriptor, record)
  }
}

function event(now: number, step: number): BinaryWriter {
  return new BinaryWriter()
    .tag(1, WireType.Bit64)
    .double(now / 1000)
    .tag(2, WireType.Varint)
    .int64(step)
}

/** CRC-32C (Castagnoli), reflected: polynomial 0x82f63b78. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc >>> 0
})

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

/** TFRecord's mask: rotated, so that a CRC of data that holds CRCs is still one. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}
