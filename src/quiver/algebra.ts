import { CannotScale, ONE, type Scale } from '../ops/field.js'
import { Powers } from './powers.js'
import { Products } from './products.js'
import { PINNED, UNBOUND, Variables } from './variables.js'

/**
 * A product of more factors is not carried on: with τ from 0.1 to 1.9 it would begin to leave the range of float32, and a network
 * that gates layer after layer would make it longer for ever.
 */
const MAX_DEGREE = 12

/** Where scales turn out to be products of more than this many others, all of those are pinned. */
const MAX_FACTORS = 64

const TOO_LONG = 'a scale is a product of too many others'

/**
 * Arithmetic with unknown scales. A scale is 0 (the number 1), v + 1 (variable v) or a negative number (−1 − k is the k-th product of
 * powers of variables). A variable may be bound to a scale, and stands for that from then on.
 */
export class ScaleAlgebra {
  protected readonly unknowns = new Variables()
  /** Of unbound variables when they were made: no exponent 0, and more than one variable or an exponent other than 1. */
  protected readonly products = new Products()
  /** What a product has become since one of its variables was bound or pinned. */
  #became = new Int32Array(0)
  readonly #idle: Powers[] = []
  /** Room for the one or two variables that most products are of. */
  readonly #pairs = new Int32Array(4)
  readonly #lastTimes = { x: ONE, y: ONE, product: ONE }

  get variables(): number {
    return this.unknowns.count
  }

  /** The ids of `count` fresh variables. */
  fresh(count: number, yielding = false): Int32Array {
    return this.unknowns.fresh(count, yielding)
  }

  /** The same number, in terms of unbound variables: ONE, a variable, or a product of variables that are not pinned. */
  resolve(scale: Scale): Scale {
    if (scale === ONE) return ONE
    if (scale < 0) return this.#resolveProduct(scale)
    return this.unknowns.binding[scale - 1] === UNBOUND ? scale : this.#resolveBound(scale)
  }

  #resolveBound(scale: Scale): Scale {
    let end = scale
    while (end > 0 && this.unknowns.binding[end - 1] !== UNBOUND) end = this.unknowns.binding[end - 1] as number
    const resolved = end < 0 ? this.#resolveProduct(end) : end
    for (let at = scale; at > 0 && at !== resolved && this.unknowns.binding[at - 1] !== UNBOUND;) {
      const next = this.unknowns.binding[at - 1] as number
      this.unknowns.binding[at - 1] = resolved
      at = next
    }
    return resolved
  }

  #resolveProduct(scale: Scale): Scale {
    const product = -1 - scale
    const became = this.#became[product] ?? UNBOUND
    if (became !== UNBOUND) {
      const resolved = this.resolve(became)
      if (resolved !== became) this.#became[product] = resolved
      return resolved
    }
    if (this.#isSettled(product)) return scale
    const powers = this.borrow()
    this.multiply(powers, scale, 1)
    const resolved = this.product(powers)
    if (product >= this.#became.length) this.#becomeMore(product + 1)
    this.#became[product] = resolved
    return resolved
  }

  #becomeMore(least: number): void {
    const larger = new Int32Array(Math.max(least, 2 * this.#became.length, 1024)).fill(UNBOUND)
    larger.set(this.#became)
    this.#became = larger
  }

  #isSettled(product: number): boolean {
    const end = this.products.end(product)
    for (let at = this.products.start(product); at < end; at += 2) {
      const variable = this.products.variable(at)
      if (this.unknowns.binding[variable] !== UNBOUND || this.unknowns.vanishes(variable, this.products.exponent(at)))
        return false
    }
    return true
  }

  times(a: Scale, b: Scale): Scale {
    const x = this.resolve(a)
    const y = this.resolve(b)
    if (x === ONE) return y
    if (y === ONE) return x
    // A channel's neighbour has often been made the same.
    const last = this.#lastTimes
    if (last.x === x && last.y === y) return last.product
    const product = this.#productOf(x, y)
    last.x = x
    last.y = y
    last.product = product
    return product
  }

  #powerOf(variable: number, exponent: number): Scale {
    if (exponent === 0 || this.unknowns.vanishes(variable, exponent)) return ONE
    if (Math.abs(exponent) > MAX_DEGREE) throw new CannotScale(TOO_LONG)
    return -1 - this.products.power(variable, exponent)
  }

  #productOf(x: Scale, y: Scale): Scale {
    if (x === y && x > 0) return this.#powerOf(x - 1, 2)
    if (x > 0 && y > 0 && !this.unknowns.isPinned(x - 1) && !this.unknowns.isPinned(y - 1)) {
      const pairs = this.#pairs
      pairs[0] = Math.min(x, y) - 1
      pairs[1] = 1
      pairs[2] = Math.max(x, y) - 1
      pairs[3] = 1
      return -1 - this.products.intern(pairs, 4)
    }
    const powers = this.borrow()
    this.multiply(powers, x, 1)
    this.multiply(powers, y, 1)
    return this.#checked(this.product(powers))
  }

  power(a: Scale, exponent: number): Scale {
    const resolved = this.resolve(a)
    if (exponent === 1 || resolved === ONE) return resolved
    if (resolved > 0) return this.#powerOf(resolved - 1, exponent)
    const powers = this.borrow()
    this.multiply(powers, resolved, exponent)
    return this.#checked(this.product(powers))
  }

  timesEach(a: Int32Array, b: Int32Array): Int32Array {
    const products = new Int32Array(a.length)
    for (let i = 0; i < products.length; i++) {
      const x = a[i] as number
      const y = b[i] as number
      if (x === ONE) products[i] = this.resolve(y)
      else if (y === ONE) products[i] = this.resolve(x)
      else if (x === y && x > 0 && this.unknowns.binding[x - 1] === UNBOUND) products[i] = this.#powerOf(x - 1, 2)
      else products[i] = this.times(x, y)
    }
    return products
  }

  powerEach(a: Int32Array, exponent: number): Int32Array {
    const powers = new Int32Array(a.length)
    for (let i = 0; i < powers.length; i++) {
      const x = a[i] as number
      const single = x > 0 && exponent !== 1 && this.unknowns.binding[x - 1] === UNBOUND
      powers[i] = single ? this.#powerOf(x - 1, exponent) : this.power(x, exponent)
    }
    return powers
  }

  root(a: Scale): Scale | undefined {
    const powers = this.borrow()
    this.multiply(powers, this.resolve(a), 1)
    const { pairs } = powers
    for (let i = 0; i < powers.length; i += 2) {
      const exponent = this.unknowns.isPinned(pairs[i] as number) ? 0 : (pairs[i + 1] as number)
      if (exponent % 2 !== 0) return undefined
      pairs[i + 1] = exponent / 2
    }
    return this.product(powers)
  }

  same(a: Scale, b: Scale): boolean {
    if (a === b) return true
    const x = this.resolve(a)
    const y = this.resolve(b)
    return x === y || (this.#isOneNow(x) && this.#isOneNow(y))
  }

  isOne(a: Scale): boolean {
    return this.#isOneNow(this.resolve(a))
  }

  /** Of a resolved scale: a product of variables of which none is pinned is not known to be 1. */
  #isOneNow(scale: Scale): boolean {
    return scale === ONE || (scale > 0 && this.unknowns.isPinned(scale - 1))
  }

  /** The variables of a scale that are not bound, with their exponents. */
  powersOf(scale: Scale): readonly (readonly [variable: number, exponent: number])[] {
    const powers: [number, number][] = []
    this.each(scale, (variable, exponent) => powers.push([variable, exponent]))
    return powers
  }

  /** The number that a scale is, given one for every variable that is not bound. */
  evaluate(scale: Scale, numbers: Float64Array): number {
    const resolved = this.resolve(scale)
    if (resolved === ONE) return 1
    if (resolved > 0) return numbers[resolved - 1] as number
    const end = this.products.end(-1 - resolved)
    let product = 1
    for (let at = this.products.start(-1 - resolved); at < end; at += 2)
      product *= (numbers[this.products.variable(at)] as number) ** this.products.exponent(at)
    return product
  }

  protected each(scale: Scale, act: (variable: number, exponent: number) => void): void {
    const resolved = this.resolve(scale)
    if (resolved === ONE) return
    if (resolved > 0) return act(resolved - 1, 1)
    const end = this.products.end(-1 - resolved)
    for (let at = this.products.start(-1 - resolved); at < end; at += 2)
      act(this.products.variable(at), this.products.exponent(at))
  }

  /** An empty product, to be given back; `product` does so. */
  protected borrow(): Powers {
    const powers = this.#idle.pop() ?? new Powers()
    powers.clear()
    return powers
  }

  protected giveBack(powers: Powers): void {
    this.#idle.push(powers)
  }

  /** Multiply by a power of a resolved scale, or of a product whatever has become of its variables. */
  protected multiply(powers: Powers, scale: Scale, exponent: number): void {
    if (scale === ONE) return
    if (scale > 0) return powers.multiply(scale - 1, exponent)
    const end = this.products.end(-1 - scale)
    for (let at = this.products.start(-1 - scale); at < end; at += 2) {
      const variable = this.products.variable(at)
      const own = this.products.exponent(at) * exponent
      if (this.unknowns.binding[variable] === UNBOUND) powers.multiply(variable, own)
      else this.multiply(powers, this.#resolveBound(variable + 1), own)
    }
  }

  /** The id of a product of unbound variables. Pinned ones are 1 and are left out, unless one stands alone, to be told apart. */
  protected product(powers: Powers): Scale {
    const { pairs } = powers
    let alone = -1
    let count = 0
    let length = 0
    for (let i = 0; i < powers.length; i += 2) {
      const variable = pairs[i] as number
      const exponent = pairs[i + 1] as number
      if (exponent === 0 || (exponent !== 1 && this.unknowns.vanishes(variable, exponent))) continue
      count++
      alone = exponent === 1 ? variable : -1
      if (this.unknowns.isPinned(variable)) continue
      pairs[length++] = variable
      pairs[length++] = exponent
    }
    this.giveBack(powers)
    if (count === 1 && alone >= 0) return alone + 1
    if (length === 0) return ONE
    if (length === 2 && pairs[1] === 1) return (pairs[0] as number) + 1
    if (length <= 2 * MAX_FACTORS) return -1 - this.products.intern(pairs, length)
    for (let i = 0; i < length; i += 2) this.unknowns.restrict(pairs[i] as number, PINNED, TOO_LONG)
    return ONE
  }

  /** @throws CannotScale where it is a product of too many factors */
  #checked(scale: Scale): Scale {
    if (scale >= ONE) return scale
    const end = this.products.end(-1 - scale)
    let degree = 0
    for (let at = this.products.start(-1 - scale); at < end; at += 2) degree += Math.abs(this.products.exponent(at))
    if (degree > MAX_DEGREE) throw new CannotScale(TOO_LONG)
    return scale
  }
}
