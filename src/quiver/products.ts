/** Powers of one variable up to this exponent are found without hashing. */
const SMALL = 3

/**
 * Products of powers of variables, each kept once: lists of pairs (variable, exponent), sorted by variable, end to end in one
 * array, and a hash table over them. A large network has hundreds of thousands.
 */
export class Products {
  #terms = new Int32Array(1 << 12)
  /** Product i is #terms[#ends[i − 1]] … #terms[#ends[i] − 1]. */
  #ends = new Int32Array(1 << 10)
  /** Open addressing, at most half full; 0 is free, i + 1 is product i. */
  #table = new Int32Array(1 << 11)
  /** The products in the table. */
  readonly #hashed: number[] = []
  #count = 0
  /** By exponent: i + 1 where product i is that power of the variable, 0 where there is none. Most products are such powers. */
  readonly #powers = new Map<number, Int32Array<ArrayBuffer>>()

  /** Where the pairs of a product begin. A pair takes two places. */
  start(product: number): number {
    return product === 0 ? 0 : (this.#ends[product - 1] as number)
  }

  /** Where they end. */
  end(product: number): number {
    return this.#ends[product] as number
  }

  variable(place: number): number {
    return this.#terms[place] as number
  }

  exponent(place: number): number {
    return this.#terms[place + 1] as number
  }

  /** The number of the product of the first `length` entries of `pairs`. */
  intern(pairs: Int32Array, length: number): number {
    return length === 2 ? this.power(pairs[0] as number, pairs[1] as number) : this.#intern(pairs, length)
  }

  /** The number of variable^exponent. */
  power(variable: number, exponent: number): number {
    if (Math.abs(exponent) > SMALL) return this.#intern(Int32Array.of(variable, exponent), 2)
    let numbers = this.#powers.get(exponent)
    if (numbers === undefined || variable >= numbers.length) {
      numbers = grown(numbers ?? new Int32Array(1 << 10), variable + 1)
      this.#powers.set(exponent, numbers)
    }
    const known = numbers[variable] as number
    if (known !== 0) return known - 1
    const at = this.#reserve(2)
    this.#terms[at] = variable
    this.#terms[at + 1] = exponent
    numbers[variable] = this.#count
    return this.#count - 1
  }

  #intern(pairs: Int32Array, length: number): number {
    const mask = this.#table.length - 1
    let slot = hashOf(pairs, 0, length) & mask
    for (let entry = this.#table[slot] as number; entry !== 0; entry = this.#table[slot] as number) {
      if (this.#equals(entry - 1, pairs, length)) return entry - 1
      slot = (slot + 1) & mask
    }
    const at = this.#reserve(length)
    for (let i = 0; i < length; i++) this.#terms[at + i] = pairs[i] as number
    const product = this.#count - 1
    this.#table[slot] = product + 1
    this.#hashed.push(product)
    if (2 * this.#hashed.length > this.#table.length) this.#rehash()
    return product
  }

  /** A new product with room for `length` entries: where they are to be put. */
  #reserve(length: number): number {
    const product = this.#count++
    const start = this.start(product)
    if (start + length > this.#terms.length) this.#terms = grown(this.#terms, start + length)
    if (product === this.#ends.length) this.#ends = grown(this.#ends, product + 1)
    this.#ends[product] = start + length
    return start
  }

  #equals(product: number, pairs: Int32Array, length: number): boolean {
    const start = this.start(product)
    if ((this.#ends[product] as number) - start !== length) return false
    for (let i = 0; i < length; i++) if (this.#terms[start + i] !== pairs[i]) return false
    return true
  }

  #rehash(): void {
    this.#table = new Int32Array(4 * this.#table.length)
    const mask = this.#table.length - 1
    for (const product of this.#hashed) {
      let slot = hashOf(this.#terms, this.start(product), this.#ends[product] as number) & mask
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask
      this.#table[slot] = product + 1
    }
  }
}

function hashOf(numbers: Int32Array, start: number, end: number): number {
  let hash = 0x811c9dc5
  for (let i = start; i < end; i++) {
    hash = Math.imul(hash ^ (numbers[i] as number), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  return hash
}

function grown(array: Int32Array<ArrayBuffer>, least: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(2 * array.length, least))
  larger.set(array)
  return larger
}
