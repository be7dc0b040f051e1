import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Resvg } from '@resvg/resvg-js'
import { sfntOf } from './font/sfnt.js'
import { FONT_FILES, fontTables } from './font/source-sans.js'
import { subsetOf } from './font/subset.js'

/**
 * Draws an SVG as PNG, with the package's own font alone, so that it is the same on every machine.
 * @param zoom pixels per unit of the SVG; default 2
 */
export function pngOf(svg: string, { zoom = 2 }: { readonly zoom?: number } = {}): Uint8Array {
  const drawn = (others: readonly string[]): Uint8Array => {
    const fontFiles = [...Object.values(FONT_FILES), ...others]
    const font = { loadSystemFonts: false, fontFiles, defaultFontFamily: 'Source Sans 3' }
    return new Resvg(svg, { font, fitTo: { mode: 'zoom', value: zoom }, background: '#fff' }).render().asPng()
  }
  return svg.includes('∇') ? withNabla(drawn) : drawn([])
}

/** The font has no ∇. It is made of its Δ, in fonts that are looked at for what the others lack; the rasteriser reads fonts from files alone. */
function withNabla<T>(draw: (fontFiles: readonly string[]) => T): T {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nabla-'))
  try {
    const files = ([400, 600] as const).map((weight) => {
      const file = path.join(folder, `${weight}.ttf`)
      const name = `Nabla ${weight}`
      fs.writeFileSync(
        file,
        sfntOf(subsetOf(fontTables(weight), '∇', { 1: 'Nabla', 2: `${weight}`, 4: name, 6: name })),
      )
      return file
    })
    return draw(files)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}
