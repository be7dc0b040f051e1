import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Assignment } from '../../src/cob/assign.js'
import { CannotScale, ONE, type Scale } from '../../src/ops/field.js'
import { type Domain, ScaleClasses } from '../../src/quiver/scales.js'

type Command =
  | { readonly kind: 'times' | 'unify'; readonly a: number; readonly b: number }
  | { readonly kind: 'power'; readonly a: number; readonly exponent: number }
  | { readonly kind: 'positive' | 'sign' | 'pin' | 'root'; readonly a: number }

const place = fc.nat(40)

const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('times' as const, 'unify' as const), a: place, b: place }),
    fc.record({ kind: fc.constant('power' as const), a: place, exponent: fc.constantFrom(-1, 2, 3, -2) }),
    fc.record({
      kind: fc.constantFrom('positive' as const, 'sign' as const, 'pin' as const, 'root' as const),
      a: place,
    }),
  ),
  { maxLength: 40 },
)

const DRAWS: Readonly<Record<Domain, readonly number[]>> = {
  // Powers of two, so that products are exact.
  free: [0.5, 2, -2, -0.5, 4, -1],
  positive: [0.5, 2, 4, 0.25],
  sign: [1, -1],
  pinned: [1],
}

/** Numbers for all variables, each out of its domain. */
function drawn(classes: ScaleClasses, choice: (n: number) => number): Assignment {
  const values = Float64Array.from({ length: classes.variables }, (_, variable) => {
    const domain = DRAWS[classes.domainOf(variable + 1)]
    return classes.resolve(variable + 1) === variable + 1 ? (domain[choice(domain.length)] as number) : NaN
  })
  return new Assignment(classes, values)
}

describe('classes of scales', () => {
  it('keep every equation, whatever is drawn for what is left free', () => {
    fc.assert(
      fc.property(commands, fc.infiniteStream(fc.nat(1000)), (list, stream) => {
        const classes = new ScaleClasses()
        const pool: Scale[] = [ONE, ...classes.fresh(6), ...classes.fresh(2, true)]
        const laws: ((of: (scale: Scale) => number) => void)[] = []
        const at = (i: number): Scale => pool[i % pool.length] as Scale
        for (const command of list) {
          const a = at(command.a)
          try {
            if (command.kind === 'times') {
              const b = at(command.b)
              const product = classes.times(a, b)
              pool.push(product)
              laws.push((of) => expect(of(product)).toBe(of(a) * of(b)))
            } else if (command.kind === 'power') {
              const power = classes.power(a, command.exponent)
              pool.push(power)
              laws.push((of) => expect(of(power)).toBe(of(a) ** command.exponent))
            } else if (command.kind === 'root') {
              const root = classes.root(a)
              if (root === undefined) continue
              pool.push(root)
              laws.push((of) => expect(of(root) ** 2).toBe(of(a)))
            } else if (command.kind === 'unify') {
              const b = at(command.b)
              classes.unify(a, b, 'equal')
              laws.push((of) => expect(of(a)).toBe(of(b)))
            } else if (command.kind === 'positive') {
              classes.restrictPositive(a, 'positive')
              laws.push((of) => expect(of(a)).toBeGreaterThan(0))
            } else if (command.kind === 'sign') {
              classes.restrictSign(a, 'sign')
              laws.push((of) => expect(Math.abs(of(a))).toBe(1))
            } else {
              classes.pin(a, 'pinned')
              laws.push((of) => expect(of(a)).toBe(1))
            }
          } catch (error) {
            if (!(error instanceof CannotScale)) throw error
          }
        }
        for (let draw = 0; draw < 3; draw++) {
          const assignment = drawn(classes, (n) => (stream.next().value as number) % n)
          const of = (scale: Scale) => assignment.of(scale)
          for (const law of laws) law(of)
          for (const a of pool) {
            const domain = classes.domainOf(a)
            if (classes.isOne(a) || domain === 'pinned') expect(of(a)).toBe(1)
            if (domain === 'positive') expect(of(a)).toBeGreaterThan(0)
            if (domain === 'sign') expect(Math.abs(of(a))).toBe(1)
            for (const b of pool) if (classes.same(a, b)) expect(of(a)).toBe(of(b))
          }
        }
      }),
      { seed: 3, numRuns: 500 },
    )
  })

  it('leave free what nothing asks of', () => {
    const classes = new ScaleClasses()
    const [a, b, c] = [...classes.fresh(3)] as [Scale, Scale, Scale]
    classes.unify(a, b, 'joined')
    expect(classes.domainOf(a)).toBe('free')
    expect(classes.same(a, b)).toBe(true)
    expect(classes.same(a, c)).toBe(false)
    expect(classes.reasonOf(a)).toBeUndefined()
  })

  it('of a square keep the sign free, of an odd power not', () => {
    const classes = new ScaleClasses()
    const [a, b] = [...classes.fresh(2)] as [Scale, Scale]
    classes.restrictPositive(classes.power(a, 2), '')
    classes.restrictPositive(classes.power(b, 3), '')
    expect(classes.domainOf(a)).toBe('free')
    expect(classes.domainOf(classes.power(a, 2))).toBe('positive')
    expect(classes.domainOf(b)).toBe('positive')
  })

  it('bind the one that yields', () => {
    const classes = new ScaleClasses()
    const [a] = [...classes.fresh(1)] as [Scale]
    const [zero] = [...classes.fresh(1, true)] as [Scale]
    expect([a, zero].map((scale) => classes.isYielding(scale))).toEqual([false, true])
    classes.unify(zero, a, '')
    expect(classes.resolve(zero)).toBe(a)
    expect(classes.isYielding(zero)).toBe(false)
  })

  it('tell why a scale is pinned, and which are outputs', () => {
    const classes = new ScaleClasses()
    const [a, b, c] = [...classes.fresh(3)] as [Scale, Scale, Scale]
    classes.pin(a, 'Softmax needs τ = 1')
    classes.pinOutput(b)
    classes.restrictPositive(c, 'x')
    expect(classes.reasonOf(a)).toBe('Softmax needs τ = 1')
    expect([a, b, c].map((scale) => classes.isOutput(scale))).toEqual([false, true, false])
    expect([a, b, c, ONE].map((scale) => classes.domainOf(scale))).toEqual(['pinned', 'pinned', 'positive', 'pinned'])
    // A pinned factor is 1 and drops out.
    expect(classes.same(classes.times(a, c), c)).toBe(true)
  })

  it('give up products of too many factors rather than carry them on', () => {
    const classes = new ScaleClasses()
    const [a] = [...classes.fresh(1)] as [Scale]
    expect(() => classes.power(classes.power(a, 12), 12)).toThrow(CannotScale)
  })

  it('pin the factors of a product that turns out to have too many', () => {
    const classes = new ScaleClasses()
    const times = (x: Scale, y: Scale): Scale => classes.times(x, y)
    const inner = Array.from({ length: 8 }, () => [...classes.fresh(9)])
    const outer = [...classes.fresh(8)]
    const product = outer.reduce(times)
    outer.forEach((scale, i) => classes.unify(scale, (inner[i] as Scale[]).reduce(times), ''))
    expect(classes.isOne(product)).toBe(true)
    for (const scale of inner.flat()) expect(classes.reasonOf(scale)).toMatch('too many')
  })
})
