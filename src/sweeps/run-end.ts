import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { quoted } from '../graph/text.js'
import { readConfig } from '../runs/config.js'
import { METRICS } from '../runs/log.js'
import { readMetrics } from '../runs/metrics.js'
import { CONFIG, readText, TRAINED } from '../runs/run-folder.js'
import { attempt } from '../runtime/node/system-errors.js'

const RESULT = 'result.json'

const schema = z.object({
  ended: z.enum(['finished', 'failed']),
  reason: z.string().optional(),
  /** How many epochs the process trained that ended the run, and how many seconds it took for all that it did. */
  measured: z.object({ epochs: z.int().min(1), seconds: z.number() }).optional(),
})

/** How a run ended. */
export type RunEnd = z.infer<typeof schema>

/** How the run in a folder ended; undefined where it has not. A file that is damaged counts as none. */
export function readRunEnd(folder: string): RunEnd | undefined {
  const file = path.join(folder, RESULT)
  if (!fs.existsSync(file)) return undefined
  try {
    return schema.parse(JSON.parse(readText(file)))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined
    throw error
  }
}

/** The last that is written of a run: at once, and on the disk when it is done. */
export function writeRunEnd(folder: string, end: RunEnd): void {
  const file = path.join(folder, RESULT)
  attempt(`cannot write ${quoted(file)}`, () => {
    fs.writeFileSync(`${file}.new`, `${JSON.stringify(end)}\n`, { flush: true })
    fs.renameSync(`${file}.new`, file)
  })
}

/** Is the run in a folder trained to its end, be it by this sweep or by `teleport train`? */
export function isTrained(folder: string): boolean {
  if (!fs.existsSync(path.join(folder, TRAINED)) || !fs.existsSync(path.join(folder, CONFIG))) return false
  const { config } = readConfig(readText(path.join(folder, CONFIG)), path.join(folder, CONFIG))
  return readMetrics(path.join(folder, METRICS)).at(-1)?.epoch === config.training.epochs
}

/** Takes away all that a run has left. @param keep files that stay: the lock of who calls this */
export function clearRun(folder: string, keep: (name: string) => boolean): void {
  attempt(`cannot empty ${quoted(folder)}`, () => {
    // The result last: until then the run has failed, and is cleared again when this is cut off.
    const names = fs.readdirSync(folder).filter((name) => !keep(name) && name !== RESULT)
    for (const name of [...names, RESULT]) fs.rmSync(path.join(folder, name), { recursive: true, force: true })
  })
}
