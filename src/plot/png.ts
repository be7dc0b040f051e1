import { createRequire } from 'node:module'
import { Resvg } from '@resvg/resvg-js'

/** The one file of this folder that needs Node: the rasteriser is native, and it reads fonts from files. */
const resolve = createRequire(import.meta.url).resolve
const FONTS = ['400Regular/SourceSans3_400Regular.ttf', '600SemiBold/SourceSans3_600SemiBold.ttf'].map((file) =>
  resolve(`@expo-google-fonts/source-sans-3/${file}`),
)

/**
 * Draws an SVG as PNG, with the package's own font alone, so that it is the same on every machine.
 * The font has no ∇: ▽ stands for it.
 * @param zoom pixels per unit of the SVG; default 2
 */
export function pngOf(svg: string, { zoom = 2 }: { readonly zoom?: number } = {}): Uint8Array {
  const font = { loadSystemFonts: false, fontFiles: FONTS, defaultFontFamily: 'Source Sans 3' }
  return new Resvg(svg.replaceAll('∇', '▽'), { font, fitTo: { mode: 'zoom', value: zoom }, background: '#fff' })
    .render()
    .asPng()
}
