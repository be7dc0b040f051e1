import fs from 'node:fs'
import path from 'node:path'
import { csvOf } from '../plot/csv.js'
import { withFont } from '../plot/font/embedded.js'
import { pngOf } from '../plot/png.js'
import type { Claim } from './claims/claim.js'
import type { Figure, Row, Settings } from './figure.js'
import { CLAIMS, jsonText, writeWhole } from './results-folder.js'

/** A plot that was drawn. */
export interface DrawnPlot {
  readonly name: string
  /** With what was reduced. */
  readonly caption: string
}

export interface FigureOutput {
  readonly plots: readonly DrawnPlot[]
  readonly claims: readonly Claim[]
  /** Absolute. */
  readonly files: readonly string[]
}

/** Captions of a figure's plots, beside them. */
export const PLOTS = 'plots.json'

/** Writes into a figure's folder what follows from its rows: plots as SVG and PNG, their captions, the rows as CSV, the claims. */
export function writeOutput(
  figure: Figure,
  settings: Settings,
  rows: readonly Row[],
  folder: string,
  reduced: readonly string[],
): FigureOutput {
  const files: string[] = []
  const write = (name: string, content: string | Uint8Array): void => {
    files.push(path.join(folder, name))
    // What is drawn again is mostly the same.
    const file = path.join(folder, name)
    const same = fs.existsSync(file) && fs.readFileSync(file).equals(Buffer.from(content))
    if (!same) writeWhole(file, content)
  }
  const plots = figure.plots(rows, settings).map(({ name, svg, caption }): DrawnPlot => {
    const drawn =
      fs.existsSync(path.join(folder, `${name}.svg`)) && fs.readFileSync(path.join(folder, `${name}.svg`), 'utf8')
    // Beside the others, an SVG is opened by itself, where its font may not be installed.
    const alone = withFont(svg)
    write(`${name}.svg`, alone)
    const png = path.join(folder, `${name}.png`)
    // Rasterising takes longer than everything else here.
    if (drawn === alone && fs.existsSync(png)) files.push(png)
    else write(`${name}.png`, pngOf(svg))
    return { name, caption: withReduced(caption, reduced) }
  })
  write(PLOTS, jsonText(plots))
  write(`${figure.name}.csv`, csvOf(rows))
  const claims = figure.claims(rows, settings)
  write(CLAIMS, jsonText(claims))
  return { plots, claims, files }
}

/** A caption that says what differs from the paper's settings. */
export function withReduced(caption: string, reduced: readonly string[]): string {
  return reduced.length === 0 ? caption : `${caption} Not the paper’s settings: ${reduced.join('; ')}.`
}
