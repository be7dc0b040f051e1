import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { ModelError } from '../../graph/model.js'
import { quoted } from '../../graph/text.js'
import { attempt } from '../../runtime/node/system-errors.js'
import { finishedRuns, type FinishedRun } from '../../sweeps/finished-run.js'
import { statusOf } from '../../sweeps/status.js'
import { readSweep } from '../../sweeps/sweep-folder.js'
import type { Figure } from '../figure.js'
import { FIGURES } from '../figures.js'
import { CLAIMS, jsonText, readJson, REPORT, writeWhole } from '../results-folder.js'
import { holdsResults, readResults } from './read-results.js'
import { reproductionPage } from './reproduction-page.js'
import { sweepPage } from './sweep-page.js'
import { type AdjustedClaim, adjusted } from './tally.js'

export interface ReportOptions {
  /** Default: `report.html` in the folder. */
  readonly output?: string
  /** Replace the file that is named by `output`. Default: false; the folder's own report is always replaced. */
  readonly force?: boolean
  /** Default: all of the paper that there are. */
  readonly figures?: readonly Figure[]
  /** A line for everything that could not be used. */
  readonly warn?: (line: string) => void
}

export interface Report {
  /** The report. */
  readonly file: string
  /** The claims of all figures, as JSON; a sweep has none. */
  readonly claimsFile?: string
  readonly claims: readonly AdjustedClaim[]
  /** Names of figures of which something is there. */
  readonly figures: readonly string[]
  readonly problems: readonly string[]
}

/**
 * Writes the report on a folder of `teleport reproduce` or `teleport sweep`, from whatever results are there: one HTML file that needs no other, and the claims as JSON beside it.
 * Plots and claims are drawn and tested anew from the rows.
 * @throws ModelError if there is no such folder, or nothing of a reproduction in it, and where the report cannot be written
 */
export function writeReport(
  folder: string,
  { output, force = false, figures = FIGURES, warn = () => undefined }: ReportOptions = {},
): Report {
  const there = attempt(`cannot read ${quoted(folder)}`, () => fs.statSync(folder))
  if (!there.isDirectory())
    throw new ModelError(`${quoted(folder)} is a file; expected a folder of teleport reproduce or teleport sweep`)
  if (fs.existsSync(path.join(folder, 'sweep.yaml')) && !holdsResults(folder, figures))
    return writeSweepReport(folder, output, force)
  if (!holdsResults(folder, figures))
    throw new ModelError(
      `${quoted(folder)} holds no results; expected a folder that teleport reproduce or teleport sweep has written`,
    )
  const file = output ?? path.join(folder, REPORT)
  const claimsFile = output === undefined ? path.join(folder, CLAIMS) : `${file.replace(/\.html?$/i, '')}.claims.json`
  if (output !== undefined && !force)
    for (const name of [file, claimsFile])
      if (fs.existsSync(name)) throw new ModelError(`${quoted(name)} exists; use --force to replace it`)
  const results = readResults(folder, figures)
  const claims = adjusted(results.figures.flatMap((figure) => figure.claims))
  const placeOf = (name: string): string | undefined => {
    const target = path.join(folder, name)
    return fs.existsSync(target)
      ? path
          .relative(path.dirname(path.resolve(file)), path.resolve(target))
          .split(path.sep)
          .join('/')
      : undefined
  }
  const page = reproductionPage(results, placeOf, path.basename(claimsFile))
  writeWhole(claimsFile, jsonText(claims))
  writeWhole(file, page)
  for (const problem of results.problems) warn(problem)
  return {
    file,
    claimsFile,
    claims,
    figures: results.figures.map(({ figure }) => figure.name),
    problems: results.problems,
  }
}

/** @throws ModelError as `writeReport` */
function writeSweepReport(folder: string, output: string | undefined, force: boolean): Report {
  const file = output ?? path.join(folder, REPORT)
  if (output !== undefined && !force && fs.existsSync(file))
    throw new ModelError(`${quoted(file)} exists; use --force to replace it`)
  const { runs, runsFolder } = readSweep(folder)
  const ended = finishedRuns(runs, runsFolder)
  const page = sweepPage({
    folder,
    status: statusOf(runs, runsFolder),
    runs: ended,
    versions: versionsOf(ended),
  })
  writeWhole(file, page)
  return { file, claims: [], figures: [], problems: [] }
}

const recordSchema = z.looseObject({ versions: z.record(z.string(), z.string()) })

/** Those that the runs were trained with: several, where it changed on the way. */
function versionsOf(runs: readonly FinishedRun[]): Record<string, string> {
  const found = new Map<string, Set<string>>()
  for (const { folder } of runs)
    try {
      for (const [name, version] of Object.entries(
        readJson(path.join(folder, 'run.json'), recordSchema)?.versions ?? {},
      ))
        found.set(name, (found.get(name) ?? new Set()).add(version))
    } catch (error) {
      // A run's results do not depend on whether its record can still be read.
      if (!(error instanceof ModelError)) throw error
    }
  return Object.fromEntries([...found].map(([name, all]) => [name, [...all].join(' and ')]))
}
