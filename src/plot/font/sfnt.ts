import { ModelError } from '../../graph/model.js'

/** A font's tables by their tags. */
export type Tables = ReadonlyMap<string, Uint8Array>

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** @throws ModelError if it is no TrueType font */
export function tablesOf(file: Uint8Array): Tables {
  // What is cut out of a Node Buffer by slice() would not be a copy.
  const font = new Uint8Array(file.buffer, file.byteOffset, file.byteLength)
  const view = viewOf(font)
  if (font.length < 12 || view.getUint32(0) !== 0x10000) throw new ModelError('expected a TrueType font')
  return new Map(
    Array.from({ length: view.getUint16(4) }, (_, i) => {
      const at = 12 + 16 * i
      const start = view.getUint32(at + 8)
      return [String.fromCharCode(...font.subarray(at, at + 4)), font.subarray(start, start + view.getUint32(at + 12))]
    }),
  )
}

/** Sums of a table's words, as OpenType has them. */
function checksum(table: Uint8Array): number {
  const view = viewOf(padded(table))
  let sum = 0
  for (let at = 0; at < view.byteLength; at += 4) sum = (sum + view.getUint32(at)) >>> 0
  return sum
}

/** To whole words. */
export function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil(bytes.length / 4) * 4)
  whole.set(bytes)
  return whole
}

/** A TrueType font of tables. */
export function sfntOf(tables: Tables): Uint8Array {
  const tags = [...tables.keys()].sort()
  const parts = tags.map((tag) => ({ tag, table: tables.get(tag) as Uint8Array }))
  const power = 2 ** Math.floor(Math.log2(parts.length))
  let place = 12 + 16 * parts.length
  const font = new Uint8Array(parts.reduce((size, { table }) => size + padded(table).length, place))
  const view = viewOf(font)
  const header = [1, 0, parts.length, 16 * power, Math.log2(power), 16 * (parts.length - power)]
  header.forEach((word, i) => view.setUint16(2 * i, word))
  parts.forEach(({ tag, table }, i) => {
    const at = 12 + 16 * i
    for (let j = 0; j < 4; j++) view.setUint8(at + j, tag.charCodeAt(j))
    const entry = [checksum(table), place, table.length]
    entry.forEach((word, j) => view.setUint32(at + 4 + 4 * j, word))
    font.set(table, place)
    place += padded(table).length
  })
  return font
}

/**
 * A WOFF (version 1) of tables.
 * @param compress to the zlib format; a table that it makes no smaller is stored
 */
export function woffOf(tables: Tables, compress: (table: Uint8Array) => Uint8Array): Uint8Array {
  const tags = [...tables.keys()].sort()
  const parts = tags.map((tag) => {
    const table = tables.get(tag) as Uint8Array
    const smaller = compress(table)
    return { tag, table, stored: smaller.length < table.length ? smaller : table }
  })
  const directory = 44 + 20 * parts.length
  const woff = new Uint8Array(parts.reduce((size, { stored }) => size + padded(stored).length, directory))
  const view = viewOf(woff)
  const whole = parts.reduce((size, { table }) => size + 16 + padded(table).length, 12)
  const header = [0x774f4646, 0x10000, woff.length, (parts.length << 16) >>> 0, whole, 0x10000]
  header.forEach((word, i) => view.setUint32(4 * i, word))
  let place = directory
  parts.forEach(({ tag, table, stored }, i) => {
    const at = 44 + 20 * i
    for (let j = 0; j < 4; j++) view.setUint8(at + j, tag.charCodeAt(j))
    const entry = [place, stored.length, table.length, checksum(table)]
    entry.forEach((word, j) => view.setUint32(at + 4 + 4 * j, word))
    woff.set(stored, place)
    place += padded(stored).length
  })
  return woff
}
