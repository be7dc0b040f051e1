/** How long steps and validations take, for the time that is left. */
export class Clock {
  #mark = performance.now()
  #step = 0
  #validation = 0

  /** What follows is training. */
  start(): void {
    this.#mark = performance.now()
  }

  /** A step is done. Returns the seconds since `start`, or since the last step. */
  step(): number {
    const now = performance.now()
    const seconds = (now - this.#mark) / 1000
    this.#mark = now
    this.#step = this.#step === 0 ? seconds : 0.95 * this.#step + 0.05 * seconds
    return seconds
  }

  /** A validation is done, begun at `start`. */
  validation(): void {
    this.#validation = (performance.now() - this.#mark) / 1000
  }

  /** Seconds per step, lately. */
  get stepSeconds(): number {
    return this.#step
  }

  /** Seconds for so many steps, of `average` seconds each, and validations. */
  left(steps: number, average: number, validations: number): number {
    return steps * average + validations * this.#validation
  }
}
