import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'

/**
 * A program that prints a line of JSON when it is ready, and then answers each line that it is given with one. What it prints on
 * stderr is kept for the error, should it end.
 */
export class Conversation {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string, undefined>
  readonly #ended: Promise<unknown>
  #complaint = ''

  constructor(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(command, args, { env: { ...process.env, ...environment } })
    this.#ended = once(this.#child, 'close').catch((error: unknown) => (this.#complaint += String(error)))
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#complaint += text))
    // What is written to a program that has ended is lost; that it has ended is found out when its answer is waited for.
    this.#child.stdin.on('error', () => undefined)
    const lines: Interface = createInterface({ input: this.#child.stdout })
    this.#lines = lines[Symbol.asyncIterator]() as AsyncIterator<string, undefined>
  }

  /** The next line. @throws Error with what the program said, if it ended instead */
  async hear<T>(): Promise<T> {
    const { done, value } = await this.#lines.next()
    if (done !== true) return JSON.parse(value) as T
    await this.#ended
    throw new Error(this.#complaint.trim() || 'the program ended without a word')
  }

  /** @param limit milliseconds after which the program is stopped. @throws Error if it ended, or had to be stopped */
  async ask<T>(line: string, limit?: number): Promise<T> {
    this.#child.stdin.write(`${line}\n`)
    if (limit === undefined) return await this.hear()
    const timer = setTimeout(() => {
      this.#complaint = `no answer within ${limit / 1000} s`
      this.#child.kill()
    }, limit)
    try {
      return await this.hear()
    } finally {
      clearTimeout(timer)
    }
  }

  async end(): Promise<void> {
    this.#child.stdin.end()
    await this.#ended
  }
}
