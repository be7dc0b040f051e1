/**
 * A product of powers of variables while it is made: pairs (variable, exponent), sorted by variable, each variable once. An
 * exponent may be 0. Most have two or three variables, so a new one finds its place from the end.
 */
export class Powers {
  /** The pairs, end to end; only the first `length` entries count. */
  pairs = new Int32Array(32)
  length = 0

  clear(): void {
    this.length = 0
  }

  multiply(variable: number, exponent: number): void {
    const { pairs } = this
    let at = this.length
    while (at > 0 && (pairs[at - 2] as number) > variable) at -= 2
    if (at > 0 && pairs[at - 2] === variable) {
      pairs[at - 1] = (pairs[at - 1] as number) + exponent
      return
    }
    this.#insert(at, variable, exponent)
  }

  #insert(at: number, variable: number, exponent: number): void {
    if (this.length === this.pairs.length) {
      const larger = new Int32Array(2 * this.length)
      larger.set(this.pairs)
      this.pairs = larger
    }
    const { pairs } = this
    for (let i = this.length; i > at; i--) pairs[i + 1] = pairs[i - 1] as number
    pairs[at] = variable
    pairs[at + 1] = exponent
    this.length += 2
  }
}
