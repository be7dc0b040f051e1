import fs from 'node:fs'
import path from 'node:path'
import { ModelError } from '../../graph/model.js'
import { quoted } from '../../graph/text.js'
import type { Claim } from '../claims/claim.js'
import type { Figure, Plot, Row } from '../figure.js'
import { reducedFrom } from '../reproduce-settings.js'
import {
  type FigureRecord,
  REPRODUCTION,
  type Reproduction,
  readFigureRecord,
  readReproduction,
  readRows,
} from '../results-folder.js'

/** What a folder holds of a figure, drawn and tested anew. */
export interface FigureResults {
  readonly figure: Figure
  readonly record: FigureRecord
  readonly rows: readonly Row[]
  /** Cells that are done; undefined where nothing says so. */
  readonly cells?: number
  readonly skipped: Readonly<Record<string, string>>
  readonly seconds?: number
  readonly plots: readonly Plot[]
  readonly claims: readonly Claim[]
  /** What differs from the paper's settings. */
  readonly reduced: readonly string[]
  /** Not all of it is there. */
  readonly incomplete: boolean
}

export interface Results {
  /** As it was given. */
  readonly folder: string
  readonly reproduction?: Reproduction
  readonly figures: readonly FigureResults[]
  /** Figures of which there is nothing. */
  readonly missing: readonly Figure[]
  /** What could not be used, a line each. */
  readonly problems: readonly string[]
}

/** Is there anything of a reproduction in a folder? */
export function holdsResults(folder: string, figures: readonly Figure[]): boolean {
  return [REPRODUCTION, ...figures.map(({ name }) => name)].some((name) => fs.existsSync(path.join(folder, name)))
}

/** Reads whatever results are there. What is damaged is left out and said. */
export function readResults(folder: string, figures: readonly Figure[]): Results {
  const problems: string[] = []
  const attempted = <T>(what: string, action: () => T): T | undefined => {
    try {
      return action()
    } catch (error) {
      // Rows of another version of a figure may be whole and yet not what it can draw.
      const message = error instanceof Error ? error.message : String(error)
      problems.push(error instanceof ModelError ? message : `${what}: ${message.split('\n')[0] ?? ''}`)
      return undefined
    }
  }
  const reproduction = attempted(REPRODUCTION, () => readReproduction(folder))
  const found = figures.flatMap((figure) => {
    const place = path.join(folder, figure.name)
    if (!fs.existsSync(place)) return []
    const results = attempted(`${quoted(place)} is damaged`, () => readFigure(place, figure, attempted))
    return results === undefined ? [] : [results]
  })
  return {
    folder,
    ...(reproduction !== undefined && { reproduction }),
    figures: found,
    missing: figures.filter((figure) => !found.some((results) => results.figure === figure)),
    problems,
  }
}

function readFigure(
  place: string,
  figure: Figure,
  attempted: <T>(what: string, action: () => T) => T | undefined,
): FigureResults | undefined {
  const record = readFigureRecord(place)
  const { rows, cells, skipped, seconds } = readRows(place)
  if (record === undefined) {
    if (rows.length === 0) return undefined
    throw new ModelError(
      `${quoted(place)} holds rows, but no settings.json that says what they are; run the figure again`,
    )
  }
  const { settings, runs } = record
  return {
    figure,
    record,
    rows,
    ...(cells !== undefined && { cells }),
    skipped,
    ...(seconds !== undefined && { seconds }),
    plots: attempted(`${figure.name} cannot be drawn`, () => figure.plots(rows, settings)) ?? [],
    claims: attempted(`${figure.name}: its claims cannot be tested`, () => figure.claims(rows, settings)) ?? [],
    reduced: reducedFrom(settings, figure.settings.paper),
    incomplete:
      (record.cells !== undefined && (cells ?? 0) < record.cells) || (runs !== undefined && runs.ended < runs.all),
  }
}
