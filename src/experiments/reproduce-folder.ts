import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { versions } from '../runs/versions.js'
import { attempt } from '../runtime/node/system-errors.js'
import type { Figure, Scale, Settings } from './figure.js'
import { differingKeys } from './reproduce-settings.js'
import {
  type FigureRecord,
  jsonText,
  readFigureRecord,
  readReproduction,
  type Reproduction as ReproductionRecord,
  REPRODUCTION,
  SETTINGS,
  writeWhole,
} from './results-folder.js'

/** @throws ModelError if the figure's folder holds it with other settings */
export function checkSettings(folder: string, figure: Figure, scale: Scale, settings: Settings): void {
  const place = path.join(folder, figure.name)
  const before = readFigureRecord(place)
  if (before === undefined) return
  const now = JSON.parse(JSON.stringify(settings)) as Settings
  const keys = differingKeys(before.settings, now)
  if (keys.length === 0 && before.scale === scale) return
  const values = keys.map(
    (key) => `${key} ${JSON.stringify(before.settings[key] ?? null)}, not ${JSON.stringify(now[key] ?? null)}`,
  )
  const found =
    before.scale === scale ? values.join('; ') : [`scale ${before.scale}, not ${scale}`, ...values].join('; ')
  throw new ModelError(
    `${quoted(place)} was computed with ${found}; choose another folder with -o, or start the figure anew with --force`,
  )
}

export function removeFigure(folder: string, figure: Figure): void {
  const place = path.join(folder, figure.name)
  attempt(`cannot remove ${quoted(place)}`, () => fs.rmSync(place, { recursive: true, force: true }))
}

export function makeFolder(folder: string): void {
  if (fs.statSync(folder, { throwIfNoEntry: false })?.isFile() === true)
    throw new ModelError(`${quoted(folder)} is a file; expected a folder, or a name that is free`)
  attempt(`cannot write ${quoted(folder)}`, () => makeFolders(path.resolve(folder)))
}

/** As `mkdir` does with `recursive`, which never returns where a part of the path is a link to nothing. */
function makeFolders(folder: string): void {
  if (fs.existsSync(folder)) return
  makeFolders(path.dirname(folder))
  try {
    fs.mkdirSync(folder)
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!fs.existsSync(folder)) throw error
  }
}

export function writeFigureRecord(
  folder: string,
  record: FigureRecord & { readonly reduced: readonly string[] },
): void {
  const place = path.join(folder, record.figure)
  makeFolder(place)
  writeWhole(path.join(place, SETTINGS), jsonText(record))
}

/** `reproduction.json`, brought up to date as figures end. */
export class ReproductionFile {
  readonly #file: string
  #record: ReproductionRecord

  constructor(folder: string, scale: Scale, command: string | undefined, warn: (line: string) => void) {
    this.#file = path.join(folder, REPRODUCTION)
    const before = readReproduction(folder)
    const now = versions()
    for (const [name, version] of Object.entries(before?.versions ?? {}))
      if (now[name] !== version)
        warn(
          `${folder} was begun with ${name} ${version}, and goes on with ${now[name] ?? 'none'}: figures may differ in their last digits`,
        )
    const { finished: _, ...kept } = before ?? { started: new Date().toISOString(), seconds: {} }
    this.#record = {
      ...kept,
      scale,
      ...(command !== undefined && { command }),
      versions: now,
      machine: machine(),
    }
  }

  update(change: (record: ReproductionRecord) => Partial<ReproductionRecord>): void {
    this.#record = { ...this.#record, ...change(this.#record) }
    writeWhole(this.#file, jsonText(this.#record))
  }
}

function machine(): Record<string, string | number> {
  return {
    platform: `${os.platform()} ${os.arch()}`,
    processor: os.cpus()[0]?.model ?? '',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
  }
}
