import type { Tensor } from '../../graph/model.js'
import type { Field } from '../../ops/field.js'
import type { Quiver } from '../../quiver/quiver.js'

/** E|τ|ᵖ where |τ| is uniform in [1 − σ, 1 + σ], as it is for `intra` and `inter`; p ≠ −1. */
export function moment(power: number, range: number): number {
  if (power === 0) return 1
  return ((1 + range) ** (power + 1) - (1 - range) ** (power + 1)) / (2 * range * (power + 1))
}

/** E[(τ_in/τ_out)²] of a weight between hidden neurons (DESIGN §2.5): by this its squared gradient grows, and its square too. */
export function expectedGrowth(range: number): number {
  return (1 + range ** 2 / 3) / (1 - range ** 2)
}

/** What a teleportation multiplies a weight by, as far as it is known before τ is drawn. */
export interface Arrow {
  /** Both ends are hidden neurons: the factor is τ_out ÷ τ_in. */
  readonly hidden: boolean
  /** Expectation of factor^power over elements and draws; power is 2 (squared weights) or −2 (squared gradients). */
  readonly expected: (power: 2 | -2, range: number) => number
}

/** By the names of weights. One that no teleportation changes is not among them. */
export function arrowsOf(quiver: Quiver, weights: ReadonlyMap<string, Tensor>): Map<string, Arrow> {
  const arrows = new Map<string, Arrow>()
  for (const { node, input, terms } of quiver.plan.constants) {
    const name = node.inputs[input] ?? ''
    if (!weights.has(name)) continue
    const free = terms.filter(({ field }) => field.ids.some((scale) => !quiver.classes.isOne(scale)))
    arrows.set(name, {
      hidden: free.length === 2,
      // Neurons before and behind a weight are different ones, so that expectations multiply.
      expected: (power, range) =>
        free.reduce((product, term) => product * fieldMoment(quiver, term.field, term.power * power, range), 1),
    })
  }
  return arrows
}

function fieldMoment({ classes }: Quiver, field: Field, power: number, range: number): number {
  const known = new Map<string, number>()
  const of = (scale: number): number => {
    const exponents = classes
      .powersOf(scale)
      .flatMap(([variable, exponent]) => (classes.isOne(variable + 1) ? [] : [exponent]))
    const key = exponents.join()
    let value = known.get(key)
    if (value === undefined)
      known.set(key, (value = exponents.reduce((product, exponent) => product * moment(exponent * power, range), 1)))
    return value
  }
  return field.ids.reduce((sum, scale) => sum + of(scale), 0) / field.ids.length
}
