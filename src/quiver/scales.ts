import { Powers } from './powers.js'
import { Products } from './products.js'
import { CannotScale, ONE, type Scale, type Scales } from '../ops/field.js'

/** What τ a class may take. `sign` is ±1; `pinned` is 1. */
export type Domain = 'free' | 'positive' | 'sign' | 'pinned'

const POSITIVE = 1
const SIGN = 2
const PINNED = POSITIVE | SIGN
const OUTPUT = 4
/** Belongs to no neuron; yields to whatever it meets. */
const YIELDING = 8

/** No scale: negative numbers close to 0 are products. */
const UNBOUND = -(2 ** 31)

/**
 * A product of more factors is not carried on: with τ from 0.1 to 1.9 it would begin to leave the range of float32, and a network
 * that gates layer after layer would make it longer for ever.
 */
const MAX_DEGREE = 12

/** Where scales turn out to be products of more than this many others, all of those are pinned. */
const MAX_FACTORS = 64

const TOO_LONG = 'a scale is a product of too many others'

/**
 * The unknown scales of a network and what is known about them: a union–find over channels, generalised to products. A scale is
 * 0 (the number 1), v + 1 (variable v) or a negative number (−1 − k is the k-th product of powers of variables). `unify` makes
 * two scales the same number by binding one variable to a product of the others; where no variable has exponent ±1, all of
 * them are pinned, which is always right and only less free than need be.
 */
export class ScaleClasses implements Scales {
  #count = 0
  #binding = new Int32Array(1024)
  #flags = new Uint8Array(1024)
  readonly #reasons = new Map<number, string>()
  /** Of unbound variables when they were made: no exponent 0, and more than one variable or an exponent other than 1. */
  readonly #products = new Products()
  /** What a product has become since one of its variables was bound or pinned. */
  #became = new Int32Array(0)
  readonly #idle: Powers[] = []
  /** Room for the one or two variables that most products are of. */
  readonly #pairs = new Int32Array(4)
  readonly #lastTimes = { x: ONE, y: ONE, product: ONE }

  get variables(): number {
    return this.#count
  }

  /** The ids of `count` fresh variables. */
  fresh(count: number, yielding = false): Int32Array {
    while (this.#count + count > this.#binding.length) {
      const binding = new Int32Array(this.#binding.length * 2)
      binding.set(this.#binding)
      this.#binding = binding
      const flags = new Uint8Array(binding.length)
      flags.set(this.#flags)
      this.#flags = flags
    }
    const ids = new Int32Array(count)
    const first = this.#count
    this.#count += count
    this.#binding.fill(UNBOUND, first, this.#count)
    this.#flags.fill(yielding ? YIELDING : 0, first, this.#count)
    for (let i = 0; i < count; i++) ids[i] = first + i + 1
    return ids
  }

  /** The same number, in terms of unbound variables: ONE, a variable, or a product of variables that are not pinned. */
  resolve(scale: Scale): Scale {
    if (scale === ONE) return ONE
    if (scale < 0) return this.#resolveProduct(scale)
    return this.#binding[scale - 1] === UNBOUND ? scale : this.#resolveBound(scale)
  }

  #resolveBound(scale: Scale): Scale {
    let end = scale
    while (end > 0 && this.#binding[end - 1] !== UNBOUND) end = this.#binding[end - 1] as number
    const resolved = end < 0 ? this.#resolveProduct(end) : end
    for (let at = scale; at > 0 && at !== resolved && this.#binding[at - 1] !== UNBOUND;) {
      const next = this.#binding[at - 1] as number
      this.#binding[at - 1] = resolved
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
    const powers = this.#borrow()
    this.#multiply(powers, scale, 1)
    const resolved = this.#product(powers)
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
    const end = this.#products.end(product)
    for (let at = this.#products.start(product); at < end; at += 2) {
      const variable = this.#products.variable(at)
      if (this.#binding[variable] !== UNBOUND || this.#vanishes(variable, this.#products.exponent(at))) return false
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
    if (exponent === 0 || this.#vanishes(variable, exponent)) return ONE
    if (Math.abs(exponent) > MAX_DEGREE) throw new CannotScale(TOO_LONG)
    return -1 - this.#products.power(variable, exponent)
  }

  #productOf(x: Scale, y: Scale): Scale {
    if (x === y && x > 0) return this.#powerOf(x - 1, 2)
    if (x > 0 && y > 0 && !this.#isPinned(x - 1) && !this.#isPinned(y - 1)) {
      const pairs = this.#pairs
      pairs[0] = Math.min(x, y) - 1
      pairs[1] = 1
      pairs[2] = Math.max(x, y) - 1
      pairs[3] = 1
      return -1 - this.#products.intern(pairs, 4)
    }
    const powers = this.#borrow()
    this.#multiply(powers, x, 1)
    this.#multiply(powers, y, 1)
    return this.#checked(this.#product(powers))
  }

  power(a: Scale, exponent: number): Scale {
    const resolved = this.resolve(a)
    if (exponent === 1 || resolved === ONE) return resolved
    if (resolved > 0) return this.#powerOf(resolved - 1, exponent)
    const powers = this.#borrow()
    this.#multiply(powers, resolved, exponent)
    return this.#checked(this.#product(powers))
  }

  timesEach(a: Int32Array, b: Int32Array): Int32Array {
    const products = new Int32Array(a.length)
    for (let i = 0; i < products.length; i++) {
      const x = a[i] as number
      const y = b[i] as number
      if (x === ONE) products[i] = y
      else if (y === ONE) products[i] = x
      else if (x === y && x > 0 && this.#binding[x - 1] === UNBOUND) products[i] = this.#powerOf(x - 1, 2)
      else products[i] = this.times(x, y)
    }
    return products
  }

  powerEach(a: Int32Array, exponent: number): Int32Array {
    const powers = new Int32Array(a.length)
    for (let i = 0; i < powers.length; i++) {
      const x = a[i] as number
      const single = x > 0 && exponent !== 1 && this.#binding[x - 1] === UNBOUND
      powers[i] = single ? this.#powerOf(x - 1, exponent) : this.power(x, exponent)
    }
    return powers
  }

  root(a: Scale): Scale | undefined {
    const powers = this.#borrow()
    this.#multiply(powers, this.resolve(a), 1)
    const { pairs } = powers
    for (let i = 0; i < powers.length; i += 2) {
      const exponent = this.#isPinned(pairs[i] as number) ? 0 : (pairs[i + 1] as number)
      if (exponent % 2 !== 0) return undefined
      pairs[i + 1] = exponent / 2
    }
    return this.#product(powers)
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
    return scale === ONE || (scale > 0 && this.#isPinned(scale - 1))
  }

  /** The variables of a scale that are not bound, with their exponents. */
  powersOf(scale: Scale): readonly (readonly [variable: number, exponent: number])[] {
    const powers: [number, number][] = []
    this.#each(scale, (variable, exponent) => powers.push([variable, exponent]))
    return powers
  }

  /** The number that a scale is, given one for every variable that is not bound. */
  evaluate(scale: Scale, numbers: Float64Array): number {
    const resolved = this.resolve(scale)
    if (resolved === ONE) return 1
    if (resolved > 0) return numbers[resolved - 1] as number
    const end = this.#products.end(-1 - resolved)
    let product = 1
    for (let at = this.#products.start(-1 - resolved); at < end; at += 2)
      product *= (numbers[this.#products.variable(at)] as number) ** this.#products.exponent(at)
    return product
  }

  #each(scale: Scale, act: (variable: number, exponent: number) => void): void {
    const resolved = this.resolve(scale)
    if (resolved === ONE) return
    if (resolved > 0) return act(resolved - 1, 1)
    const end = this.#products.end(-1 - resolved)
    for (let at = this.#products.start(-1 - resolved); at < end; at += 2)
      act(this.#products.variable(at), this.#products.exponent(at))
  }

  /** Make two scales the same number. `reason` is reported for what gets pinned by it. */
  unify(a: Scale, b: Scale, reason: string): void {
    const x = this.resolve(a)
    const y = this.resolve(b)
    if (x === y) return
    if (x > 0 && y > 0) return this.#join(x - 1, y - 1)
    if (y === ONE && x > 0) return this.#restrict(x - 1, PINNED, reason)
    if (x === ONE && y > 0) return this.#restrict(y - 1, PINNED, reason)
    const powers = this.#borrow()
    this.#multiply(powers, x, 1)
    this.#multiply(powers, y, -1)
    this.#solve(powers, reason)
  }

  /** The same for pairs; with `yielding` only where one of the two yields. True if other pairs are not the same number. */
  unifyEach(a: Int32Array, b: Int32Array, reason: string, yielding: boolean): boolean {
    let differ = false
    for (let i = 0; i < a.length; i++) {
      const x = a[i] as number
      const y = b[i] as number
      if (x === y) continue
      const unifies = !yielding || this.isYielding(x) || this.isYielding(y)
      if (!unifies) differ ||= !this.same(x, y)
      else if (!this.same(x, y)) this.unify(x, y, reason)
    }
    return differ
  }

  /** The scale must be positive. Sufficient: every variable that stands in it with an odd exponent is. */
  restrictPositive(scale: Scale, reason: string): void {
    const resolved = this.resolve(scale)
    if (resolved > 0) return this.#restrict(resolved - 1, POSITIVE, reason)
    this.#each(resolved, (variable, exponent) => {
      if (exponent % 2 !== 0) this.#restrict(variable, POSITIVE, reason)
    })
  }

  /** The scale must be ±1. Sufficient: every variable in it is. */
  restrictSign(scale: Scale, reason: string): void {
    this.#restrictAll(scale, SIGN, reason)
  }

  /** Every variable in the scale is 1. */
  pin(scale: Scale, reason: string): void {
    this.#restrictAll(scale, PINNED, reason)
  }

  #restrictAll(scale: Scale, flags: number, reason: string): void {
    const resolved = this.resolve(scale)
    if (resolved > 0) this.#restrict(resolved - 1, flags, reason)
    else this.#each(resolved, (variable) => this.#restrict(variable, flags, reason))
  }

  /** The scale reaches an output of the graph: its variables are output vertices. */
  pinOutput(scale: Scale): void {
    this.#each(scale, (variable) => {
      this.#flags[variable] = (this.#flags[variable] as number) | OUTPUT
      this.#restrict(variable, PINNED, 'graph output')
    })
  }

  isOutput(scale: Scale): boolean {
    const resolved = this.resolve(scale)
    if (resolved > 0) return ((this.#flags[resolved - 1] as number) & OUTPUT) !== 0
    const powers = this.powersOf(resolved)
    return powers.length > 0 && powers.every(([variable]) => ((this.#flags[variable] as number) & OUTPUT) !== 0)
  }

  isYielding(scale: Scale): boolean {
    const resolved = this.resolve(scale)
    return resolved > 0 && ((this.#flags[resolved - 1] as number) & YIELDING) !== 0
  }

  domainOf(scale: Scale): Domain {
    let flags = PINNED
    const resolved = this.resolve(scale)
    if (resolved > 0) flags = (this.#flags[resolved - 1] as number) & PINNED
    else
      this.#each(resolved, (variable, exponent) => {
        const own = (this.#flags[variable] as number) & PINNED
        flags &= exponent % 2 === 0 ? own | POSITIVE : own
      })
    return flags === PINNED ? 'pinned' : flags === POSITIVE ? 'positive' : flags === SIGN ? 'sign' : 'free'
  }

  /** Why a scale is pinned. */
  reasonOf(scale: Scale): string | undefined {
    for (const [variable] of this.powersOf(scale)) {
      const reason = this.#reasons.get(variable)
      if (reason !== undefined) return reason
    }
    return undefined
  }

  /** True if a power is 1: of a pinned variable, or an even one of a sign. */
  #vanishes(variable: number, exponent: number): boolean {
    const flags = (this.#flags[variable] as number) & PINNED
    return flags === PINNED || (flags === SIGN && exponent % 2 === 0)
  }

  #isPinned(variable: number): boolean {
    return ((this.#flags[variable] as number) & PINNED) === PINNED
  }

  /** An empty product, to be handed to `#product` or `#solve`, which give it back. */
  #borrow(): Powers {
    const powers = this.#idle.pop() ?? new Powers()
    powers.clear()
    return powers
  }

  /** Multiply by a power of a resolved scale, or of a product whatever has become of its variables. */
  #multiply(powers: Powers, scale: Scale, exponent: number): void {
    if (scale === ONE) return
    if (scale > 0) return powers.multiply(scale - 1, exponent)
    const end = this.#products.end(-1 - scale)
    for (let at = this.#products.start(-1 - scale); at < end; at += 2) {
      const variable = this.#products.variable(at)
      const own = this.#products.exponent(at) * exponent
      if (this.#binding[variable] === UNBOUND) powers.multiply(variable, own)
      else this.#multiply(powers, this.#resolveBound(variable + 1), own)
    }
  }

  /** The id of a product of unbound variables. Pinned ones are 1 and are left out, unless one stands alone, to be told apart. */
  #product(powers: Powers): Scale {
    const { pairs } = powers
    let alone = -1
    let count = 0
    let length = 0
    for (let i = 0; i < powers.length; i += 2) {
      const variable = pairs[i] as number
      const exponent = pairs[i + 1] as number
      if (exponent === 0 || (exponent !== 1 && this.#vanishes(variable, exponent))) continue
      count++
      alone = exponent === 1 ? variable : -1
      if (this.#isPinned(variable)) continue
      pairs[length++] = variable
      pairs[length++] = exponent
    }
    this.#idle.push(powers)
    if (count === 1 && alone >= 0) return alone + 1
    if (length === 0) return ONE
    if (length === 2 && pairs[1] === 1) return (pairs[0] as number) + 1
    if (length <= 2 * MAX_FACTORS) return -1 - this.#products.intern(pairs, length)
    for (let i = 0; i < length; i += 2) this.#restrict(pairs[i] as number, PINNED, TOO_LONG)
    return ONE
  }

  /** @throws CannotScale where it is a product of too many factors */
  #checked(scale: Scale): Scale {
    if (scale >= ONE) return scale
    const end = this.#products.end(-1 - scale)
    let degree = 0
    for (let at = this.#products.start(-1 - scale); at < end; at += 2) degree += Math.abs(this.#products.exponent(at))
    if (degree > MAX_DEGREE) throw new CannotScale(TOO_LONG)
    return scale
  }

  #restrict(variable: number, flags: number, reason: string): void {
    const before = this.#flags[variable] as number
    if ((before & flags) === flags) return
    this.#flags[variable] = before | flags
    if (this.#isPinned(variable)) this.#reasons.set(variable, reason)
  }

  /** v = w. The later variable is bound to the earlier one, whose draw the class then takes; a yielding one to the other. */
  #join(v: number, w: number): void {
    const yieldsV = ((this.#flags[v] as number) & YIELDING) !== 0
    const yieldsW = ((this.#flags[w] as number) & YIELDING) !== 0
    const bound = yieldsV === yieldsW ? Math.max(v, w) : yieldsV ? v : w
    this.#bind(bound, bound === v ? w + 1 : v + 1)
  }

  #bind(variable: number, scale: Scale): void {
    const flags = this.#flags[variable] as number
    this.#binding[variable] = scale
    if ((flags & (PINNED | OUTPUT)) === 0) return
    const reason = this.#reasons.get(variable) ?? ''
    this.#each(scale, (other, exponent) => {
      if ((flags & SIGN) !== 0) this.#restrict(other, SIGN, reason)
      if ((flags & POSITIVE) !== 0 && exponent % 2 !== 0) this.#restrict(other, POSITIVE, reason)
      if ((flags & OUTPUT) !== 0) this.#flags[other] = (this.#flags[other] as number) | OUTPUT
    })
  }

  /** ∏ v^e = 1. */
  #solve(powers: Powers, reason: string): void {
    const { pairs } = powers
    let length = 0
    // Of τ² = σ² it is enough that τ = σ.
    let divisor = 0
    for (let i = 0; i < powers.length; i += 2) {
      const variable = pairs[i] as number
      const exponent = pairs[i + 1] as number
      if (exponent === 0 || this.#isPinned(variable)) continue
      pairs[length++] = variable
      pairs[length++] = exponent
      divisor = gcd(divisor, Math.abs(exponent))
    }
    powers.length = length
    if (length <= 2) {
      if (length === 2) this.#restrict(pairs[0] as number, (pairs[1] as number) % 2 === 0 ? SIGN : PINNED, reason)
      this.#idle.push(powers)
      return
    }
    const chosen = this.#chosen(powers, divisor)
    if (chosen < 0) {
      for (let i = 0; i < length; i += 2) this.#restrict(pairs[i] as number, PINNED, reason)
      this.#idle.push(powers)
      return
    }
    const variable = pairs[chosen] as number
    const exponent = (pairs[chosen + 1] as number) / divisor
    for (let i = 1; i < length; i += 2) pairs[i] = (-(pairs[i] as number) * exponent) / divisor
    pairs[chosen + 1] = 0
    this.#bind(variable, this.#product(powers))
  }

  /** The place of the last variable with an exponent of ±`divisor`, of a yielding one if there is any; −1 where there is none. */
  #chosen({ pairs, length }: Powers, divisor: number): number {
    let chosen = -1
    for (let i = length - 2; i >= 0; i -= 2) {
      if (Math.abs(pairs[i + 1] as number) !== divisor) continue
      if (((this.#flags[pairs[i] as number] as number) & YIELDING) !== 0) return i
      if (chosen < 0) chosen = i
    }
    return chosen
  }
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}
