import { escaped } from './xml.js'

export const FONT_FAMILY =
  "'Source Sans 3', 'Source Sans Pro', system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
export const INK = '#222'
export const TICK_SIZE = 11
/** Height of a line by the size of its font. */
export const LINE = 1.25

const NARROW = /[iljtfrI.,:;|!'()[\]/ ‖]/
const WIDE = /[mwMW—%@]/
const CAPITAL = /[A-Z0-9−+=×±Δ∇]/

/**
 * About how wide a text is, in pixels. No font can be measured without drawing, and a browser may draw with another font than the PNG does: this is
 * rather more than Source Sans 3 needs, about what common system fonts do.
 */
export function textWidth(text: string, size: number): number {
  let width = 0
  for (const character of text)
    width += NARROW.test(character) ? 0.31 : WIDE.test(character) ? 0.84 : CAPITAL.test(character) ? 0.6 : 0.53
  return width * size
}

/** Breaks a text between words into lines of at most `width` pixels; a word that is longer keeps a line of its own. */
export function wrapped(text: string, size: number, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    const longer = last === undefined ? word : `${last} ${word}`
    if (last === undefined || textWidth(longer, size) > width) lines.push(word)
    else lines[lines.length - 1] = longer
  }
  return lines
}

/** Lines of text, the first of which begins at `top`. */
export function textLines(
  lines: readonly string[],
  x: number,
  top: number,
  size: number,
  bold: boolean,
  anchor: 'start' | 'middle' = 'start',
): string {
  return lines
    .map(
      (line, i) =>
        `<text x="${round(x)}" y="${round(top + size * (0.85 + i * LINE))}" font-size="${size}"${bold ? ' font-weight="600"' : ''}${anchor === 'middle' ? ' text-anchor="middle"' : ''}>${escaped(line)}</text>`,
    )
    .join('')
}

/** Hundredths of a pixel are not seen. */
export function round(value: number): number {
  return Math.round(value * 100) / 100
}
