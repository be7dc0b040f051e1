import fs from 'node:fs'
import path from 'node:path'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { readText } from '../runs/run-folder.js'
import { attempt } from '../runtime/node/system-errors.js'
import { labelText } from './enumerate.js'
import { readSweepFile, runsOfFile, type SweepFile } from './sweep-file.js'
import type { SweepRun } from './sweep.js'

const CONFIG = 'sweep.yaml'
const RUNS = 'runs.json'

/** A sweep in its folder: `sweep.yaml`, a copy of its configuration; `runs.json`, the runs; `runs/<id>/`, the folder of each. */
export interface SweepFolder {
  readonly runs: readonly SweepRun[]
  readonly runsFolder: string
  readonly settings: SweepFile
}

/**
 * Begins a sweep in a folder, or goes on with it, or extends it: where there is one, all of its runs must be in the configuration.
 * @throws ModelError for a configuration that is wrong, before anything is written, and where the folder holds another sweep
 */
export function beginSweep(configFile: string, folder: string): SweepFolder {
  const text = readText(configFile)
  const settings = readSweepFile(text, configFile)
  const runs = runsOfFile(text, configFile)
  if (fs.existsSync(path.join(folder, RUNS))) {
    const ids = new Set(runs.map(({ id }) => id))
    const missing = readRuns(folder).filter(({ id }) => !ids.has(id))
    if (missing.length > 0)
      throw new ModelError(
        `${quoted(folder)} holds a sweep with ${missing.length} runs that are not in ${quoted(configFile)} (${labelText((missing[0] as SweepRun).labels)}); choose another folder, or add them: a sweep can only grow`,
      )
  }
  attempt(`cannot write ${quoted(folder)}`, () => fs.mkdirSync(folder, { recursive: true }))
  // The runs first: where they are, a sweep is.
  write(path.join(folder, RUNS), `[\n${runs.map((run) => JSON.stringify(run)).join(',\n')}\n]\n`)
  write(path.join(folder, CONFIG), text)
  return { runs, settings, runsFolder: path.join(folder, 'runs') }
}

/** The sweep that a folder holds. @throws ModelError where it holds none */
export function readSweep(folder: string): SweepFolder {
  const file = path.join(folder, CONFIG)
  if (!fs.existsSync(file) || !fs.existsSync(path.join(folder, RUNS)))
    throw new ModelError(`${quoted(folder)} holds no sweep: there is no ${CONFIG} with ${RUNS} in it`)
  return {
    runs: readRuns(folder),
    settings: readSweepFile(readText(file), file),
    runsFolder: path.join(folder, 'runs'),
  }
}

function readRuns(folder: string): SweepRun[] {
  const file = path.join(folder, RUNS)
  try {
    return JSON.parse(readText(file)) as SweepRun[]
  } catch (error) {
    if (error instanceof SyntaxError) throw new ModelError(`${quoted(file)} is damaged: it is not JSON`)
    throw error
  }
}

function write(file: string, text: string): void {
  attempt(`cannot write ${quoted(file)}`, () => {
    const temporary = `${file}.${process.pid}.new`
    try {
      fs.writeFileSync(temporary, text, { flush: true })
      fs.renameSync(temporary, file)
    } catch (error) {
      fs.rmSync(temporary, { force: true })
      throw error
    }
  })
}
