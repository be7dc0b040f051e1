import { zlibSync } from 'fflate'
import { woffOf } from './sfnt.js'
import { fontTables, type Weight } from './source-sans.js'
import { subsetOf } from './subset.js'

/**
 * The family of embedded subsets: Source Sans 3. Its licence, the SIL Open Font License, reserves the name Source for the font as it was published,
 * so a subset goes by another.
 */
export const EMBEDDED_FAMILY = 'Teleport Sans'

const COPYRIGHT =
  'A subset of Source Sans 3. Copyright 2010-2020 Adobe (http://www.adobe.com/), with Reserved Font Name ‘Source’.'
const LICENCE = 'This Font Software is licensed under the SIL Open Font License, Version 1.1.'
const LICENCE_ADDRESS = 'https://openfontlicense.org'

/** Rules of a style sheet that hold the outlines of the characters of a text, so that it looks alike where the font is not installed. */
export function fontFaces(text: string, weights: readonly Weight[] = [400, 600]): string {
  const characters = [...new Set(text)].filter((character) => character >= ' ')
  return weights
    .map((weight) => {
      const style = weight === 400 ? 'Regular' : 'SemiBold'
      const names = {
        0: COPYRIGHT,
        1: EMBEDDED_FAMILY,
        2: style,
        4: `${EMBEDDED_FAMILY} ${style}`,
        6: `${EMBEDDED_FAMILY.replace(' ', '')}-${style}`,
        13: LICENCE,
        14: LICENCE_ADDRESS,
      }
      const woff = woffOf(subsetOf(fontTables(weight), characters, names), (table) => zlibSync(table, { level: 9 }))
      // Bold is the heavier of the two: no browser is to thicken it.
      return `@font-face{font-family:'${EMBEDDED_FAMILY}';font-weight:${weight === 400 ? '400' : '600 900'};src:url(data:font/woff;base64,${Buffer.from(woff).toString('base64')})format('woff')}`
    })
    .join('\n')
}

/** A drawing with the outlines of its own characters, some 10 KB, as a file that stands by itself. */
export function withFont(svg: string): string {
  const text = svg.replace(/<(title|desc)>[^<]*<\/\1>/g, '').replace(/<[^>]*>/g, '')
  const bold = /font-weight="[6-9]00"/.test(svg)
  const style = `<style>${fontFaces(text, bold ? [400, 600] : [400])}</style>`
  return svg.replace(/^<svg\b[^>]*>/, (tag) => tag.replace('font-family="', `$&'${EMBEDDED_FAMILY}', `) + style)
}
