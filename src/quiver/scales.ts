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
  readonly #became = new Map<Scale, Scale>()

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
    for (let i = 0; i < count; i++) {
      this.#binding[this.#count] = UNBOUND
      this.#flags[this.#count] = yielding ? YIELDING : 0
      ids[i] = ++this.#count
    }
    return ids
  }

  /** The same number, in terms of unbound variables. */
  resolve(scale: Scale): Scale {
    if (scale === ONE) return ONE
    if (scale < 0) return this.#resolveProduct(scale)
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
    const became = this.#became.get(scale)
    if (became !== undefined) {
      const resolved = this.resolve(became)
      if (resolved !== became) this.#became.set(scale, resolved)
      return resolved
    }
    const terms = this.#products.terms(-1 - scale)
    let settled = true
    for (let i = 0; settled && i < terms.length; i += 2)
      settled = this.#binding[terms[i] as number] === UNBOUND && !this.#isPinned(terms[i] as number)
    if (settled) return scale
    const powers = new Map<number, number>()
    for (let i = 0; i < terms.length; i += 2) this.#collect((terms[i] as number) + 1, terms[i + 1] as number, powers)
    const resolved = this.#product(powers)
    this.#became.set(scale, resolved)
    return resolved
  }

  times(a: Scale, b: Scale): Scale {
    const x = this.resolve(a)
    const y = this.resolve(b)
    if (x === ONE) return y
    if (y === ONE) return x
    if (x > 0 && y > 0 && !this.#isPinned(x - 1) && !this.#isPinned(y - 1))
      return this.#intern(x === y ? [x - 1, 2] : x < y ? [x - 1, 1, y - 1, 1] : [y - 1, 1, x - 1, 1])
    const powers = new Map<number, number>()
    this.#collect(x, 1, powers)
    this.#collect(y, 1, powers)
    return this.#checked(this.#product(powers))
  }

  power(a: Scale, exponent: number): Scale {
    const resolved = this.resolve(a)
    if (exponent === 1 || resolved === ONE) return resolved
    const powers = new Map<number, number>()
    this.#collect(resolved, exponent, powers)
    return this.#checked(this.#product(powers))
  }

  root(a: Scale): Scale | undefined {
    const powers = new Map<number, number>()
    this.#collect(a, 1, powers)
    const halves = new Map<number, number>()
    for (const [variable, exponent] of powers) {
      if (this.#isPinned(variable)) continue
      if (exponent % 2 !== 0) return undefined
      halves.set(variable, exponent / 2)
    }
    return this.#product(halves)
  }

  same(a: Scale, b: Scale): boolean {
    if (a === b) return true
    const x = this.resolve(a)
    const y = this.resolve(b)
    return x === y || (this.isOne(x) && this.isOne(y))
  }

  isOne(a: Scale): boolean {
    const scale = this.resolve(a)
    if (scale >= ONE) return scale === ONE || this.#isPinned(scale - 1)
    return this.powersOf(scale).every(([variable]) => this.#isPinned(variable))
  }

  /** The variables of a scale that are not bound, with their exponents. */
  powersOf(scale: Scale): readonly (readonly [variable: number, exponent: number])[] {
    const resolved = this.resolve(scale)
    if (resolved === ONE) return []
    if (resolved > 0) return [[resolved - 1, 1]]
    const terms = this.#products.terms(-1 - resolved)
    return Array.from(
      { length: terms.length / 2 },
      (_, i) => [terms[2 * i] as number, terms[2 * i + 1] as number] as const,
    )
  }

  /** Make two scales the same number. `reason` is reported for what gets pinned by it. */
  unify(a: Scale, b: Scale, reason: string): void {
    const x = this.resolve(a)
    const y = this.resolve(b)
    if (x === y) return
    if (x > 0 && y > 0) return this.#join(x - 1, y - 1)
    if (y === ONE && x > 0) return this.#restrict(x - 1, PINNED, reason)
    if (x === ONE && y > 0) return this.#restrict(y - 1, PINNED, reason)
    const powers = new Map<number, number>()
    this.#collect(x, 1, powers)
    this.#collect(y, -1, powers)
    this.#solve(powers, reason)
  }

  /** The scale must be positive. Sufficient: every variable that stands in it with an odd exponent is. */
  restrictPositive(scale: Scale, reason: string): void {
    const resolved = this.resolve(scale)
    if (resolved > 0) return this.#restrict(resolved - 1, POSITIVE, reason)
    for (const [variable, exponent] of this.powersOf(scale))
      if (exponent % 2 !== 0) this.#restrict(variable, POSITIVE, reason)
  }

  /** The scale must be ±1. Sufficient: every variable in it is. */
  restrictSign(scale: Scale, reason: string): void {
    for (const [variable] of this.powersOf(scale)) this.#restrict(variable, SIGN, reason)
  }

  /** Every variable in the scale is 1. */
  pin(scale: Scale, reason: string): void {
    for (const [variable] of this.powersOf(scale)) this.#restrict(variable, PINNED, reason)
  }

  /** The scale reaches an output of the graph: its variables are output vertices. */
  pinOutput(scale: Scale): void {
    for (const [variable] of this.powersOf(scale)) {
      this.#flags[variable] = (this.#flags[variable] as number) | OUTPUT
      this.#restrict(variable, PINNED, 'graph output')
    }
  }

  isOutput(scale: Scale): boolean {
    const powers = this.powersOf(scale)
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
      for (const [variable, exponent] of this.powersOf(resolved)) {
        const own = (this.#flags[variable] as number) & PINNED
        flags &= exponent % 2 === 0 ? own | POSITIVE : own
      }
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

  #isPinned(variable: number): boolean {
    return ((this.#flags[variable] as number) & PINNED) === PINNED
  }

  #collect(scale: Scale, exponent: number, into: Map<number, number>): void {
    const resolved = this.resolve(scale)
    if (resolved === ONE) return
    if (resolved > 0) {
      into.set(resolved - 1, (into.get(resolved - 1) ?? 0) + exponent)
      return
    }
    const terms = this.#products.terms(-1 - resolved)
    for (let i = 0; i < terms.length; i += 2) {
      const variable = terms[i] as number
      into.set(variable, (into.get(variable) ?? 0) + (terms[i + 1] as number) * exponent)
    }
  }

  /** The id of a product of unbound variables. Pinned ones are 1 and are left out, unless one stands alone, to be told apart. */
  #product(powers: ReadonlyMap<number, number>): Scale {
    const terms: number[] = []
    let alone: number | undefined
    let count = 0
    for (const [variable, exponent] of powers) {
      if (exponent === 0) continue
      count++
      alone = exponent === 1 ? variable : undefined
      if (!this.#isPinned(variable)) terms.push(variable, exponent)
    }
    if (count === 1 && alone !== undefined) return alone + 1
    if (terms.length === 0) return ONE
    if (terms.length === 2) return terms[1] === 1 ? (terms[0] as number) + 1 : this.#intern(terms)
    const order = Array.from({ length: terms.length / 2 }, (_, i) => 2 * i).sort(
      (i, j) => (terms[i] as number) - (terms[j] as number),
    )
    return this.#intern(order.flatMap((i) => [terms[i] as number, terms[i + 1] as number]))
  }

  #intern(pairs: readonly number[]): Scale {
    if (pairs.length > 2 * MAX_FACTORS) {
      for (let i = 0; i < pairs.length; i += 2) this.#restrict(pairs[i] as number, PINNED, TOO_LONG)
      return ONE
    }
    return -1 - this.#products.intern(pairs, pairs.length)
  }

  /** @throws CannotScale where it is a product of too many factors */
  #checked(scale: Scale): Scale {
    if (scale >= ONE) return scale
    const terms = this.#products.terms(-1 - scale)
    let degree = 0
    for (let i = 1; i < terms.length; i += 2) degree += Math.abs(terms[i] as number)
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
    const reason = this.#reasons.get(variable) ?? ''
    this.#binding[variable] = scale
    for (const [other, exponent] of this.powersOf(scale)) {
      if ((flags & SIGN) !== 0) this.#restrict(other, SIGN, reason)
      if ((flags & POSITIVE) !== 0 && exponent % 2 !== 0) this.#restrict(other, POSITIVE, reason)
      if ((flags & OUTPUT) !== 0) this.#flags[other] = (this.#flags[other] as number) | OUTPUT
    }
  }

  /** ∏ v^e = 1. */
  #solve(powers: Map<number, number>, reason: string): void {
    const terms = [...powers].filter(([variable, exponent]) => exponent !== 0 && !this.#isPinned(variable))
    if (terms.length === 0) return
    if (terms.length === 1) {
      const [variable, exponent] = terms[0] as [number, number]
      this.#restrict(variable, exponent % 2 === 0 ? SIGN : PINNED, reason)
      return
    }
    // Of τ² = σ² it is enough that τ = σ.
    const divisor = terms.reduce((d, [, exponent]) => gcd(d, Math.abs(exponent)), 0)
    if (divisor > 1) {
      this.#solve(new Map(terms.map(([variable, exponent]) => [variable, exponent / divisor])), reason)
      return
    }
    const candidates = terms.filter(([, exponent]) => Math.abs(exponent) === 1)
    const yields = ([variable]: readonly [number, number]) => (this.#flags[variable] as number) & YIELDING
    candidates.sort((a, b) => yields(b) - yields(a) || b[0] - a[0])
    const chosen = candidates[0]
    if (chosen === undefined) {
      for (const [variable] of terms) this.#restrict(variable, PINNED, reason)
      return
    }
    const [variable, exponent] = chosen
    this.#bind(
      variable,
      this.#product(new Map(terms.filter(([other]) => other !== variable).map(([v, e]) => [v, -e * exponent]))),
    )
  }
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}
