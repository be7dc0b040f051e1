import fs from 'node:fs'
import path from 'node:path'
import { RECORD, type RunRecord } from '../runs/run-folder.js'
import { versions } from '../runs/versions.js'
import { readRunEnd } from './run-end.js'
import type { SweepRun } from './sweep.js'

/** Says of which versions the runs are that have ended, where they are not today's: they stay as they are. */
export function warnOfVersions(
  runs: readonly SweepRun[],
  runsFolder: string,
  warn: (line: string) => void = () => undefined,
): void {
  const now = versions()
  const others = new Map<string, number>()
  for (const { id } of runs) {
    const folder = path.join(runsFolder, id)
    if (readRunEnd(folder) === undefined) continue
    for (const [name, version] of Object.entries(versionsOf(folder))) {
      // Another Node computes the same.
      if (name === 'node' || now[name] === version) continue
      const text = `${name} ${version}`
      others.set(text, (others.get(text) ?? 0) + 1)
    }
  }
  for (const [text, count] of others)
    warn(
      `${count} of ${runs.length} runs were trained by ${text}, not by what is installed now; remove their folders to train them anew`,
    )
}

function versionsOf(folder: string): RunRecord['versions'] {
  try {
    return (JSON.parse(fs.readFileSync(path.join(folder, RECORD), 'utf8')) as RunRecord).versions
  } catch {
    // A run that failed before it began has none.
    return {}
  }
}
