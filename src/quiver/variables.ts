/** What is known of a variable. A variable that is both positive and a sign is 1. */
export const POSITIVE = 1
export const SIGN = 2
export const PINNED = POSITIVE | SIGN
/** Belongs to an output vertex. */
export const OUTPUT = 4
/** Belongs to no neuron; yields to whatever it meets. */
export const YIELDING = 8

/** Not bound to a scale: no scale has this number. */
export const UNBOUND = -(2 ** 31)

/** The unknown numbers of a network, one for each channel, in arrays: a large network has hundreds of thousands. */
export class Variables {
  count = 0
  /** The scale that a variable is bound to, or UNBOUND. */
  binding = new Int32Array(1024)
  flags = new Uint8Array(1024)
  /** Why a variable is pinned: i + 1 stands for the i-th reason. */
  #why = new Int32Array(1024)
  readonly #reasons: string[] = []
  readonly #numbers = new Map<string, number>()
  /** Neighbouring channels are mostly pinned for one reason. */
  #last = { reason: '', number: 0 }

  /** `count` more of them; their scales are the numbers that are returned. */
  fresh(count: number, yielding: boolean): Int32Array {
    const first = this.count
    this.count += count
    if (this.count > this.flags.length) this.#grow(Math.max(this.count, 2 * this.flags.length))
    this.binding.fill(UNBOUND, first, this.count)
    if (yielding) this.flags.fill(YIELDING, first, this.count)
    const ids = new Int32Array(count)
    for (let i = 0; i < count; i++) ids[i] = first + i + 1
    return ids
  }

  #grow(size: number): void {
    const { binding, flags } = this
    const why = this.#why
    this.binding = new Int32Array(size)
    this.binding.set(binding)
    this.flags = new Uint8Array(size)
    this.flags.set(flags)
    this.#why = new Int32Array(size)
    this.#why.set(why)
  }

  isPinned(variable: number): boolean {
    return ((this.flags[variable] as number) & PINNED) === PINNED
  }

  /** True if a power is 1: of a pinned variable, or an even one of a sign. */
  vanishes(variable: number, exponent: number): boolean {
    const flags = (this.flags[variable] as number) & PINNED
    return flags === PINNED || (flags === SIGN && exponent % 2 === 0)
  }

  /** Add to what is known. `reason` is kept if that makes the variable 1. */
  restrict(variable: number, flags: number, reason: string): void {
    const before = this.flags[variable] as number
    if ((before & flags) === flags) return
    this.flags[variable] = before | flags
    if (this.isPinned(variable)) this.#why[variable] = this.#numberOf(reason)
  }

  #numberOf(reason: string): number {
    if (this.#last.number !== 0 && this.#last.reason === reason) return this.#last.number
    let number = this.#numbers.get(reason)
    if (number === undefined) this.#numbers.set(reason, (number = this.#reasons.push(reason)))
    this.#last = { reason, number }
    return number
  }

  /** Why a variable is pinned; undefined where it is not. */
  reasonOf(variable: number): string | undefined {
    return this.#reasons[(this.#why[variable] as number) - 1]
  }
}
