import { type Tables, padded, viewOf } from './sfnt.js'

/** A glyph that the font lacks: Δ upside down. */
const NABLA = '∇'.charCodeAt(0)
const DELTA = 'Δ'.charCodeAt(0)

/**
 * The part of a font that some characters need: their outlines and widths, without features, hints or kerning. Characters that the font lacks are left
 * out, so that a browser finds them elsewhere, but for ∇, which is made of its Δ.
 * @param names by number, those of the OpenType name table
 */
export function subsetOf(
  font: Tables,
  characters: Iterable<string>,
  names: Readonly<Record<number, string>>,
): Map<string, Uint8Array> {
  const glyphOf = characterMap(font)
  const wanted = [...new Set(characters)].map((character) => character.codePointAt(0) as number)
  const turned = wanted.includes(NABLA) && glyphOf(NABLA) === 0
  const mapped = [...new Set([...wanted, ...(turned ? [DELTA] : [])])]
    .map((code) => ({ code, glyph: glyphOf(code) }))
    .filter(({ code, glyph }) => glyph !== 0 && code < 0xffff)
  // Glyph 0 is what stands for characters that a font lacks. Accents are glyphs of their own.
  const glyphs = [...new Set([0, ...mapped.map(({ glyph }) => glyph)])]
  for (const glyph of glyphs)
    for (const { part } of components(outline(font, glyph))) if (!glyphs.includes(part)) glyphs.push(part)
  const numberOf = (glyph: number): number => glyphs.indexOf(glyph)
  const outlines = glyphs.map((glyph) => renumbered(outline(font, glyph), numberOf))
  const metrics = glyphs.map((glyph) => metric(font, glyph))
  const codes = mapped.map(({ code, glyph }) => ({ code, glyph: numberOf(glyph) }))
  if (turned) {
    const delta = numberOf(glyphOf(DELTA))
    codes.push({ code: NABLA, glyph: outlines.length })
    outlines.push(upsideDown(outlines[delta] as Uint8Array, delta))
    metrics.push(metrics[delta] as Uint8Array)
  }
  codes.sort((a, b) => a.code - b.code)
  const copy = (tag: string, edit: (view: DataView) => void = () => undefined): [string, Uint8Array] => {
    const bytes = (font.get(tag) as Uint8Array).slice()
    edit(viewOf(bytes))
    return [tag, bytes]
  }
  const postscript = (font.get('post') as Uint8Array).slice(0, 32)
  viewOf(postscript).setUint32(0, 0x30000)
  return new Map([
    copy('head', (view) => {
      view.setUint32(8, 0)
      view.setInt16(50, 1)
    }),
    copy('hhea', (view) => view.setUint16(34, outlines.length)),
    copy('maxp', (view) => view.setUint16(4, outlines.length)),
    copy('OS/2', (view) => {
      view.setUint16(64, codes[0]?.code ?? 0)
      view.setUint16(66, codes.at(-1)?.code ?? 0)
    }),
    ['cmap', cmapOf(codes)],
    ['glyf', joined(outlines)],
    ['hmtx', joined(metrics)],
    ['loca', locaOf(outlines)],
    ['name', nameOf(names)],
    ['post', postscript],
  ])
}

/** Glyphs by code point, 0 for none; of the basic plane. */
function characterMap(font: Tables): (code: number) => number {
  const cmap = viewOf(font.get('cmap') as Uint8Array)
  const starts = Array.from({ length: cmap.getUint16(2) }, (_, i) => cmap.getUint32(8 + 8 * i))
  const at = starts.find((start) => cmap.getUint16(start) === 4) as number
  const twice = cmap.getUint16(at + 6)
  return (code) => {
    for (let i = 0; i < twice; i += 2) {
      if (cmap.getUint16(at + 14 + i) < code) continue
      const first = cmap.getUint16(at + 16 + twice + i)
      if (first > code) return 0
      const delta = cmap.getUint16(at + 16 + 2 * twice + i)
      const rangeAt = at + 16 + 3 * twice + i
      const range = cmap.getUint16(rangeAt)
      if (range === 0) return (code + delta) & 0xffff
      const glyph = cmap.getUint16(rangeAt + range + 2 * (code - first))
      return glyph === 0 ? 0 : (glyph + delta) & 0xffff
    }
    return 0
  }
}

function outline(font: Tables, glyph: number): Uint8Array {
  const loca = viewOf(font.get('loca') as Uint8Array)
  const long = viewOf(font.get('head') as Uint8Array).getInt16(50) === 1
  const place = (i: number): number => (long ? loca.getUint32(4 * i) : 2 * loca.getUint16(2 * i))
  return (font.get('glyf') as Uint8Array).subarray(place(glyph), place(glyph + 1))
}

/** Glyphs that an outline is put together from, and where it names them. */
function components(glyph: Uint8Array): { readonly part: number; readonly at: number }[] {
  if (glyph.length === 0 || viewOf(glyph).getInt16(0) >= 0) return []
  const view = viewOf(glyph)
  const parts: { part: number; at: number }[] = []
  for (let at = 10, more = true; more;) {
    const flags = view.getUint16(at)
    parts.push({ part: view.getUint16(at + 2), at: at + 2 })
    at += 4 + (flags & 1 ? 4 : 2) + (flags & 8 ? 2 : flags & 0x40 ? 4 : flags & 0x80 ? 8 : 0)
    more = (flags & 0x20) !== 0
  }
  return parts
}

function renumbered(glyph: Uint8Array, numberOf: (glyph: number) => number): Uint8Array {
  const copy = padded(glyph)
  for (const { part, at } of components(glyph)) viewOf(copy).setUint16(at, numberOf(part))
  return copy
}

/** A glyph that is another, mirrored within its own height. */
function upsideDown(glyph: Uint8Array, number: number): Uint8Array {
  const view = viewOf(glyph)
  const [left, low, right, high] = [2, 4, 6, 8].map((at) => view.getInt16(at)) as [number, number, number, number]
  // An offset of words, and scales of x and y, 1 and −1 in parts of 2¹⁴.
  return padded(numbers([-1, left, low, right, high, 0x1 | 0x2 | 0x40, number, 0, low + high, 0x4000, -0x4000], 2))
}

/** Advance and left bearing. */
function metric(font: Tables, glyph: number): Uint8Array {
  const widths = viewOf(font.get('hhea') as Uint8Array).getUint16(34)
  const hmtx = font.get('hmtx') as Uint8Array
  if (glyph < widths) return hmtx.subarray(4 * glyph, 4 * glyph + 4)
  const bearing = 4 * widths + 2 * (glyph - widths)
  return joined([hmtx.subarray(4 * widths - 4, 4 * widths - 2), hmtx.subarray(bearing, bearing + 2)])
}

function locaOf(outlines: readonly Uint8Array[]): Uint8Array {
  const words = [0]
  for (const { length } of outlines) words.push((words.at(-1) as number) + length)
  return numbers(words, 4)
}

/** Format 4, a segment for each run of code points and of glyphs. */
function cmapOf(codes: readonly { readonly code: number; readonly glyph: number }[]): Uint8Array {
  const segments: { first: number; last: number; delta: number }[] = []
  for (const { code, glyph } of codes) {
    const delta = (glyph - code) & 0xffff
    const open = segments.at(-1)
    if (open?.last === code - 1 && open.delta === delta) open.last = code
    else segments.push({ first: code, last: code, delta })
  }
  segments.push({ first: 0xffff, last: 0xffff, delta: 1 })
  const count = segments.length
  const power = 2 ** Math.floor(Math.log2(count))
  const words = [
    ...[0, 1, 3, 1, 0, 12],
    ...[4, 16 + 8 * count, 0, 2 * count, 2 * power, Math.log2(power), 2 * (count - power)],
    ...segments.map(({ last }) => last),
    0,
    ...segments.map(({ first }) => first),
    ...segments.map(({ delta }) => delta),
    ...segments.map(() => 0),
  ]
  return numbers(words, 2)
}

function nameOf(names: Readonly<Record<number, string>>): Uint8Array {
  const entries = Object.entries(names)
  let place = 0
  const records = entries.flatMap(([number, text]) => {
    const record = [3, 1, 0x409, Number(number), 2 * text.length, place]
    place += 2 * text.length
    return record
  })
  const text = entries.map(([, value]) => value).join('')
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))
  return numbers([0, entries.length, 6 + 12 * entries.length, ...records, ...units], 2)
}

function numbers(values: readonly number[], bytes: 2 | 4): Uint8Array {
  const table = new Uint8Array(values.length * bytes)
  const view = viewOf(table)
  values.forEach((value, i) => (bytes === 2 ? view.setUint16(2 * i, value) : view.setUint32(4 * i, value)))
  return table
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, { length }) => size + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
