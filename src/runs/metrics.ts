import fs from 'node:fs'
import type { Metrics } from '../train/fit-options.js'

/** The metrics of a run as JSON lines, appended one whole line at a time. */
export class MetricsFile {
  readonly #descriptor: number

  /**
   * Opens the file, or makes it.
   * @param lastEpoch lines of later epochs are dropped: a run that is resumed from a checkpoint writes them again. So is a last line
   * that a crash cut off.
   */
  constructor(file: string, lastEpoch: number) {
    const kept = readMetrics(file).filter(({ epoch }) => epoch <= lastEpoch)
    const temporary = `${file}.new`
    fs.writeFileSync(temporary, kept.map((line) => `${JSON.stringify(line)}\n`).join(''), { flush: true })
    fs.renameSync(temporary, file)
    this.#descriptor = fs.openSync(file, 'a')
  }

  write(metrics: Metrics): void {
    // Not writeSync, which on a disk that is nearly full may write a part of it and say so only by a number.
    fs.writeFileSync(this.#descriptor, `${JSON.stringify(metrics)}\n`)
    // Before the checkpoint after it is on the disk.
    fs.fsyncSync(this.#descriptor)
  }

  close(): void {
    fs.closeSync(this.#descriptor)
  }
}

/** The whole lines of a metrics file; none where there is no file. A last line that was cut off is left out. */
export function readMetrics(file: string): Metrics[] {
  if (!fs.existsSync(file)) return []
  const lines = fs.readFileSync(file, 'utf8').split('\n')
  // What stands behind the last line break was cut off.
  return lines.slice(0, -1).flatMap((line) => {
    try {
      return [JSON.parse(line) as Metrics]
    } catch {
      return []
    }
  })
}
