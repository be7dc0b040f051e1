/**
 * A name from a file, quoted for an error message: names may hold line ends, control characters or a megabyte of anything, and
 * a message is one line that can be read.
 */
export function quoted(name: string): string {
  // Both ends say something: of a path the file, of an exporter's name the module.
  const short = name.length > 80 ? `${name.slice(0, 38)}...${name.slice(-38)}` : name
  return `'${short.replace(UNPRINTABLE, '?')}'`
}

// Control characters, the line and paragraph separators, the direction overrides and lone surrogates.
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cf}\p{Cs}]/gu

/** A shape for an error message: `[1, N, ?, 3]`, cut after eight dimensions. */
export function shapeText(dims: readonly (number | string | null)[]): string {
  const shown = dims
    .slice(0, 8)
    .map((dim) => (dim === null ? '?' : typeof dim === 'number' ? String(dim) : quoted(dim)))
  return `[${shown.join(', ')}${dims.length > 8 ? `, … ${dims.length} dimensions` : ''}]`
}

/** A text that may have come from anywhere, in one line. */
export function oneLine(text: string): string {
  return text.trim().replace(/\s*[\r\n\u2028\u2029]\s*/g, ' ')
}
