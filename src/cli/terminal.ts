import { oneLine } from '../graph/text.js'

/**
 * Where a command's words go: results to stdout; progress and warnings to stderr. Warnings wait until the result is there, so that
 * a command that fails says one line, and progress is shown to people only.
 */
class Terminal {
  #quiet = false
  #json = false
  #progress = false
  readonly #warnings: string[] = []

  configure(options: { readonly quiet?: boolean; readonly json?: boolean }): void {
    this.#quiet = options.quiet === true
    this.#json = options.json === true
  }

  /** What is being done now. */
  progress(text: string): void {
    if (this.#quiet || !process.stderr.isTTY) return
    this.clear()
    process.stderr.write(`${text} …`)
    this.#progress = true
  }

  clear(): void {
    if (this.#progress) process.stderr.write('\r\x1b[2K')
    this.#progress = false
  }

  /** A line at once, while the command goes on. */
  line(text: string, stream: NodeJS.WriteStream = process.stdout): void {
    this.clear()
    if (!this.#quiet) stream.write(`${text}\n`)
  }

  warn(line: string): void {
    this.#warnings.push(line)
  }

  /** The command's result: one JSON object with `--json`, and else `text`. */
  result(data: object, text: readonly string[]): void {
    this.clear()
    if (!this.#quiet) for (const line of this.#warnings) process.stderr.write(`warning: ${oneLine(line)}\n`)
    process.stdout.write(this.#json ? `${JSON.stringify(data, null, 2)}\n` : `${text.join('\n')}\n`)
  }
}

export const terminal = new Terminal()
