import { ONE, type Scale, type Scales } from '../ops/field.js'
import { ScaleAlgebra } from './algebra.js'
import type { Powers } from './powers.js'
import { OUTPUT, PINNED, POSITIVE, SIGN, YIELDING } from './variables.js'

/** What τ a class may take. `sign` is ±1; `pinned` is 1. */
export type Domain = 'free' | 'positive' | 'sign' | 'pinned'

/**
 * The unknown scales of a network and what is known about them: a union–find over channels, generalised to products. `unify` makes
 * two scales the same number by binding one variable to a product of the others; where no variable has exponent ±1, all of
 * them are pinned, which is always right and only less free than need be.
 */
export class ScaleClasses extends ScaleAlgebra implements Scales {
  /** Make two scales the same number. `reason` is reported for what gets pinned by it. */
  unify(a: Scale, b: Scale, reason: string): void {
    const x = this.resolve(a)
    const y = this.resolve(b)
    if (x === y) return
    if (x > 0 && y > 0) return this.#join(x - 1, y - 1)
    if (y === ONE && x > 0) return this.unknowns.restrict(x - 1, PINNED, reason)
    if (x === ONE && y > 0) return this.unknowns.restrict(y - 1, PINNED, reason)
    const powers = this.borrow()
    this.multiply(powers, x, 1)
    this.multiply(powers, y, -1)
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
    if (resolved > 0) return this.unknowns.restrict(resolved - 1, POSITIVE, reason)
    this.each(resolved, (variable, exponent) => {
      if (exponent % 2 !== 0) this.unknowns.restrict(variable, POSITIVE, reason)
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
    if (resolved > 0) this.unknowns.restrict(resolved - 1, flags, reason)
    else this.each(resolved, (variable) => this.unknowns.restrict(variable, flags, reason))
  }

  /** The scale reaches an output of the graph: its variables are output vertices. */
  pinOutput(scale: Scale): void {
    this.each(scale, (variable) => {
      this.unknowns.flags[variable] = (this.unknowns.flags[variable] as number) | OUTPUT
      this.unknowns.restrict(variable, PINNED, 'graph output')
    })
  }

  isOutput(scale: Scale): boolean {
    const resolved = this.resolve(scale)
    if (resolved > 0) return ((this.unknowns.flags[resolved - 1] as number) & OUTPUT) !== 0
    const powers = this.powersOf(resolved)
    return powers.length > 0 && powers.every(([variable]) => ((this.unknowns.flags[variable] as number) & OUTPUT) !== 0)
  }

  isYielding(scale: Scale): boolean {
    const resolved = this.resolve(scale)
    return resolved > 0 && ((this.unknowns.flags[resolved - 1] as number) & YIELDING) !== 0
  }

  domainOf(scale: Scale): Domain {
    let flags = PINNED
    const resolved = this.resolve(scale)
    if (resolved > 0) flags = (this.unknowns.flags[resolved - 1] as number) & PINNED
    else
      this.each(resolved, (variable, exponent) => {
        const own = (this.unknowns.flags[variable] as number) & PINNED
        flags &= exponent % 2 === 0 ? own | POSITIVE : own
      })
    return flags === PINNED ? 'pinned' : flags === POSITIVE ? 'positive' : flags === SIGN ? 'sign' : 'free'
  }

  /** Why a scale is pinned. */
  reasonOf(scale: Scale): string | undefined {
    for (const [variable] of this.powersOf(scale)) {
      const reason = this.unknowns.reasonOf(variable)
      if (reason !== undefined) return reason
    }
    return undefined
  }

  /** v = w. The later variable is bound to the earlier one, whose draw the class then takes; a yielding one to the other. */
  #join(v: number, w: number): void {
    const yieldsV = ((this.unknowns.flags[v] as number) & YIELDING) !== 0
    const yieldsW = ((this.unknowns.flags[w] as number) & YIELDING) !== 0
    const bound = yieldsV === yieldsW ? Math.max(v, w) : yieldsV ? v : w
    this.#bind(bound, bound === v ? w + 1 : v + 1)
  }

  #bind(variable: number, scale: Scale): void {
    const flags = this.unknowns.flags[variable] as number
    this.unknowns.binding[variable] = scale
    if ((flags & (PINNED | OUTPUT)) === 0) return
    const reason = this.unknowns.reasonOf(variable) ?? ''
    this.each(scale, (other, exponent) => {
      if ((flags & SIGN) !== 0) this.unknowns.restrict(other, SIGN, reason)
      if ((flags & POSITIVE) !== 0 && exponent % 2 !== 0) this.unknowns.restrict(other, POSITIVE, reason)
      if ((flags & OUTPUT) !== 0) this.unknowns.flags[other] = (this.unknowns.flags[other] as number) | OUTPUT
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
      if (exponent === 0 || this.unknowns.isPinned(variable)) continue
      pairs[length++] = variable
      pairs[length++] = exponent
      divisor = gcd(divisor, Math.abs(exponent))
    }
    powers.length = length
    if (length <= 2) {
      if (length === 2)
        this.unknowns.restrict(pairs[0] as number, (pairs[1] as number) % 2 === 0 ? SIGN : PINNED, reason)
      this.giveBack(powers)
      return
    }
    const chosen = this.#chosen(powers, divisor)
    if (chosen < 0) {
      for (let i = 0; i < length; i += 2) this.unknowns.restrict(pairs[i] as number, PINNED, reason)
      this.giveBack(powers)
      return
    }
    const variable = pairs[chosen] as number
    const exponent = (pairs[chosen + 1] as number) / divisor
    for (let i = 1; i < length; i += 2) pairs[i] = (-(pairs[i] as number) * exponent) / divisor
    pairs[chosen + 1] = 0
    this.#bind(variable, this.product(powers))
  }

  /** The place of the last variable with an exponent of ±`divisor`, of a yielding one if there is any; −1 where there is none. */
  #chosen({ pairs, length }: Powers, divisor: number): number {
    let chosen = -1
    for (let i = length - 2; i >= 0; i -= 2) {
      if (Math.abs(pairs[i + 1] as number) !== divisor) continue
      if (((this.unknowns.flags[pairs[i] as number] as number) & YIELDING) !== 0) return i
      if (chosen < 0) chosen = i
    }
    return chosen
  }
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}
