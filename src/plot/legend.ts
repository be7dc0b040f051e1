import type { Mark } from './mark.js'
import type { Style } from './series.js'
import { symbolPath } from './symbol.js'
import { textWidth } from './text.js'
import { escaped } from './xml.js'

const SIZE = 12
const SWATCH = 34
const LINE_HEIGHT = 19

/** The legend's entries in rows of at most `width` pixels: of each series line, band and symbol, as they are drawn. */
export function legendOf(
  labels: readonly string[],
  marks: readonly Mark[],
  styles: ReadonlyMap<string, Style>,
  width: number,
): { readonly svg: string; readonly height: number } {
  let x = 0
  let line = 0
  const entries = labels.map((label) => {
    const needed = SWATCH + 6 + textWidth(label, SIZE)
    if (x > 0 && x + needed > width) {
      x = 0
      line++
    }
    const own = marks.filter(({ series }) => series === label)
    const style = { ...(styles.get(label) as Style), ...own.find(({ restyled }) => restyled)?.restyled }
    const filled = marks.find(({ kind }) => kind === 'histogram')?.series === label
    const svg = `<g transform="translate(${Math.round(x)},${line * LINE_HEIGHT + LINE_HEIGHT / 2})">${swatch(own, style, filled)}<text x="${SWATCH + 6}" y="4" font-size="${SIZE}">${escaped(label)}</text></g>`
    x += needed + 20
    return svg
  })
  return { svg: entries.join(''), height: labels.length === 0 ? 0 : (line + 1) * LINE_HEIGHT }
}

function swatch(marks: readonly Mark[], { colour, dash, symbol }: Style, filled: boolean): string {
  const shows = (part: keyof Mark['key']): boolean => marks.some(({ key }) => key[part] === true)
  const dashes = dash === '' ? '' : ` stroke-dasharray="${dash}"`
  if (shows('box'))
    return `<rect x="4" y="-6" width="26" height="12" stroke="${colour}" ${filled ? 'fill-opacity="0.28"' : `stroke-width="1.6"${dashes}`} fill="${filled ? colour : 'none'}"/>`
  const none = marks.length === 0
  return [
    shows('band') ? `<rect y="-6" width="${SWATCH}" height="12" fill="${colour}" fill-opacity="0.16"/>` : '',
    shows('line') || none
      ? `<path d="M0,0H${SWATCH}" fill="none" stroke="${colour}" stroke-width="1.8"${dashes}/>`
      : '',
    shows('symbol') || none
      ? `<path transform="translate(${SWATCH / 2},0)" d="${symbolPath(symbol, 3.6)}" fill="${colour}"/>`
      : '',
  ].join('')
}
