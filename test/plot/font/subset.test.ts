import { expect, test } from 'vitest'
import { zlibSync, unzlibSync } from 'fflate'
import { withFont } from '../../../src/plot/font/embedded.js'
import { sfntOf, tablesOf, viewOf, woffOf } from '../../../src/plot/font/sfnt.js'
import { fontTables } from '../../../src/plot/font/source-sans.js'
import { subsetOf } from '../../../src/plot/font/subset.js'
import { pngOf } from '../../../src/plot/png.js'

const FONT = fontTables(400)

/** Read here by another way than the subset is written: glyph, advance and outline of a character. */
function glyphOf(font: ReadonlyMap<string, Uint8Array>, character: string) {
  const table = (tag: string) => viewOf(font.get(tag)!)
  const [cmap, loca, hhea, hmtx] = [table('cmap'), table('loca'), table('hhea'), table('hmtx')]
  const format4 = Array.from({ length: cmap.getUint16(2) }, (_, i) => cmap.getUint32(8 + 8 * i)).find(
    (at) => cmap.getUint16(at) === 4,
  )!
  const count = cmap.getUint16(format4 + 6) / 2
  const words = (nth: number) => (i: number) => cmap.getUint16(format4 + 14 + 2 * i + nth)
  const [last, first, delta] = [words(0), words(2 * count + 2), words(4 * count + 2)]
  const code = character.charCodeAt(0)
  const segment = Array.from({ length: count }, (_, i) => i).find((i) => first(i) <= code && code <= last(i))
  const glyph = segment === undefined ? 0 : (code + delta(segment)) & 0xffff
  return {
    glyph,
    advance: hmtx.getUint16(4 * Math.min(glyph, hhea.getUint16(34) - 1)),
    outline: font.get('glyf')!.subarray(loca.getUint32(4 * glyph), loca.getUint32(4 * glyph + 4)),
  }
}

test('a subset draws its characters as the font does, and no others', () => {
  const subset = subsetOf(FONT, 'Wgσ-0', { 1: 'Part' })
  for (const character of 'Wg') {
    const [whole, part] = [glyphOf(FONT, character), glyphOf(subset, character)]
    expect(part.glyph).toBeGreaterThan(0)
    expect(part.advance).toBe(whole.advance)
    expect(part.outline.subarray(0, whole.outline.length)).toEqual(whole.outline)
  }
  expect(glyphOf(subset, 'X').glyph).toBe(0)
  expect(viewOf(subset.get('maxp')!).getUint16(4)).toBe(6)
  expect(FONT.get('glyf')!.length).toBeGreaterThan(100_000)
})

test('a letter with an accent brings its parts', () => {
  const subset = subsetOf(FONT, 'é', {})
  const { outline } = glyphOf(subset, 'é')
  const view = viewOf(outline)
  expect(view.getInt16(0)).toBe(-1)
  const part = view.getUint16(12)
  expect(part).toBeLessThan(viewOf(subset.get('maxp')!).getUint16(4))
  const loca = viewOf(subset.get('loca')!)
  const e = glyphOf(FONT, 'e').outline
  expect(subset.get('glyf')!.subarray(loca.getUint32(4 * part), loca.getUint32(4 * part) + e.length)).toEqual(e)
})

test('as a file it can be read again, compressed or not', () => {
  const subset = subsetOf(FONT, 'Aé∇', { 1: 'Part' })
  expect(tablesOf(sfntOf(subset))).toEqual(new Map([...subset].sort(([a], [b]) => (a < b ? -1 : 1))))
  const woff = woffOf(subset, (table) => zlibSync(table))
  const view = viewOf(woff)
  expect([view.getUint32(0), view.getUint32(8)]).toEqual([0x774f4646, woff.length])
  for (let i = 0; i < view.getUint16(12); i++) {
    const at = 44 + 20 * i
    const [place, stored, size] = [4, 8, 12].map((offset) => view.getUint32(at + offset)) as [number, number, number]
    const bytes = woff.subarray(place, place + stored)
    const tag = String.fromCharCode(...woff.subarray(at, at + 4))
    expect(stored < size ? unzlibSync(bytes) : bytes).toEqual(subset.get(tag))
  }
})

test('PNGs have ∇, which is Δ upside down', () => {
  const drawn = (text: string) =>
    pngOf(
      `<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" font-family="'Source Sans 3'"><text y="15">${text}</text></svg>`,
    )
  const [nabla, delta, missing] = ['∇', 'Δ', '∝'].map((text) => Buffer.from(drawn(text)).toString('base64'))
  expect(nabla).not.toBe(delta)
  // The same box stands for all that no font has.
  expect(missing).toBe(Buffer.from(drawn('∈')).toString('base64'))
  expect(nabla).not.toBe(missing)
})

test('a drawing takes its font along, of which licence and another name are part', () => {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif"><title>Zq</title><text>ab</text></svg>`
  const alone = withFont(svg)
  expect(alone).toMatch(/^<svg [^>]*font-family="'Teleport Sans', sans-serif"><style>@font-face\{/)
  expect(alone.match(/@font-face/g)).toHaveLength(1)
  expect(withFont(svg)).toBe(alone)
  const woff = Buffer.from(/base64,([^)]*)/.exec(alone)![1]!, 'base64')
  expect(woff.length).toBeLessThan(2500)
  expect(withFont(svg.replace('<text', '<text font-weight="600"')).match(/@font-face/g)).toHaveLength(2)
})
