import fs from 'node:fs'
import { ModelError } from '../../graph/model.js'
import { quoted } from '../../graph/text.js'
import { codeOf } from './system-errors.js'

/** Where the file that another replaces is kept until nothing can fail any more. */
export function backupOf(from: string): string {
  return `${from}.old`
}

/**
 * Moves a finished file into its place, in one step. `undo` gets what takes that back; a file that is replaced is kept at
 * `backupOf(from)`, for the caller to take away.
 * @throws ModelError if there is a file and `force` is not set
 */
export function moveIntoPlace(from: string, to: string, force: boolean, undo: (() => void)[]): void {
  if (force && fs.lstatSync(to, { throwIfNoEntry: false }) !== undefined) {
    const backup = backupOf(from)
    setAside(to, backup)
    undo.push(() => fs.renameSync(backup, to))
    fs.renameSync(from, to)
  } else {
    moveWithoutReplacing(from, to)
    undo.push(() => fs.rmSync(to, { force: true }))
  }
}

/** A second name for the file, so that there is one under its own name at every moment; where links cannot be made, another name. */
function setAside(name: string, backup: string): void {
  try {
    fs.linkSync(name, backup)
  } catch {
    fs.renameSync(name, backup)
  }
}

/** A link fails where a file is, which a rename would replace; a file system without links has to do with a look beforehand. */
function moveWithoutReplacing(from: string, to: string): void {
  try {
    fs.linkSync(from, to)
  } catch (error) {
    if (codeOf(error) === 'EEXIST' || fs.existsSync(to)) throw existsAlready(to)
    fs.renameSync(from, to)
    return
  }
  fs.rmSync(from, { force: true })
}

export function existsAlready(name: string): ModelError {
  return new ModelError(`${quoted(name)} exists; use --force to replace it`)
}
