import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Cob, compose, exact, identityCob, invert, toPowerOfTwo } from '../../src/cob/cob.js'
import { ModelError } from '../../src/graph/model.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { Network } from '../ops/network.js'

const SIZES = { a: 3, b: 1, c: 2 }

/** Factors of some of the vertices; powers of two, so that products are exact. */
const cobs: fc.Arbitrary<Cob> = fc
  .tuple(
    ...Object.entries(SIZES).map(([name, size]) =>
      fc.option(
        fc
          .array(fc.tuple(fc.constantFrom(1, -1), fc.integer({ min: -8, max: 8 })), {
            minLength: size,
            maxLength: size,
          })
          .map((tau) => [name, Float64Array.from(tau, ([sign, power]) => sign * 2 ** power)] as const),
      ),
    ),
  )
  .map((entries) => ({ factors: new Map(entries.filter((entry) => entry !== null)), origin: {} }))

/** τ of every vertex, also of those that have no entry. */
function whole(cob: Cob): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(SIZES).map(([name, size]) => [name, [...(cob.factors.get(name) ?? new Float64Array(size).fill(1))]]),
  )
}

describe('changes of basis', () => {
  it('are a commutative group', () => {
    const one: Cob = { factors: new Map(), origin: {} }
    fc.assert(
      fc.property(cobs, cobs, cobs, (a, b, c) => {
        expect(whole(compose(compose(a, b), c))).toEqual(whole(compose(a, compose(b, c))))
        expect(whole(compose(a, b))).toEqual(whole(compose(b, a)))
        expect(whole(compose(a, one))).toEqual(whole(a))
        expect(whole(compose(a, invert(a)))).toEqual(whole(one))
        expect(whole(invert(compose(a, b)))).toEqual(whole(compose(invert(b), invert(a))))
        expect(whole(invert(invert(a)))).toEqual(whole(a))
      }),
      { seed: 1 },
    )
  })

  it('leave their operands as they are', () => {
    fc.assert(
      fc.property(cobs, cobs, (a, b) => {
        const before = [whole(a), whole(b)]
        compose(a, b)
        invert(a)
        exact(a)
        expect([whole(a), whole(b)]).toEqual(before)
      }),
      { seed: 2 },
    )
  })

  it('of networks of other sizes do not compose', () => {
    const cob = (size: number): Cob => ({ factors: new Map([['fc1', new Float64Array(size).fill(2)]]), origin: {} })
    expect(() => compose(cob(3), cob(4))).toThrow(ModelError)
    expect(() => compose(cob(3), cob(4))).toThrow(
      "vertex 'fc1': one CoB has 3 neurons, the other 4; they are of different networks",
    )
  })

  it('know from where to where they lead', () => {
    const factors = new Map()
    const first: Cob = {
      factors,
      origin: { model: 'A', modelName: 'a.onnx', moved: 'B', movedName: 'b.onnx', scope: 'full', seed: 4 },
    }
    const second: Cob = {
      factors,
      origin: { model: 'B', modelName: 'b.onnx', moved: 'C', movedName: 'c.onnx', scope: 'full' },
    }
    expect(compose(first, second).origin).toEqual({
      model: 'A',
      modelName: 'a.onnx',
      moved: 'C',
      movedName: 'c.onnx',
      scope: 'full',
    })
    expect(invert(first).origin).toEqual({
      model: 'B',
      modelName: 'b.onnx',
      moved: 'A',
      movedName: 'a.onnx',
      scope: 'full',
      seed: 4,
    })
    // What is not known stays unknown.
    expect(invert({ factors, origin: { model: 'A' } }).origin).toEqual({ moved: 'A' })
  })

  it('that change nothing have an entry for every vertex', () => {
    const net = new Network()
    const hidden = net.op('Relu', [net.op('Gemm', [net.input([2, 5]), net.weight([5, 4])])])
    net.output(net.op('Gemm', [hidden, net.weight([4, 3])]))
    const quiver = quiverOf(net.model())
    const { factors, origin } = identityCob(quiver)
    expect([...factors.values()].map((tau) => [...tau])).toEqual([
      [1, 1, 1, 1],
      [1, 1, 1],
    ])
    expect(origin).toEqual({ scope: 'weights' })
  })
})

describe('rounding to powers of two', () => {
  it('takes the nearest', () => {
    const pairs = [
      [1, 1],
      [1.49, 1],
      [1.5, 2],
      [-1.5, -2],
      [0.75, 1],
      [0.74, 0.5],
      [-0.1, -0.125],
      [1e-3, 2 ** -10],
      [3e38, 2 ** 128],
    ] as const
    for (const [tau, rounded] of pairs) expect(toPowerOfTwo(tau)).toBe(rounded)
  })

  it('is off by a third at most, keeps the sign, and what is a power already', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), fc.boolean(), (magnitude, negative) => {
        const tau = negative ? -magnitude : magnitude
        const rounded = toPowerOfTwo(tau)
        expect(Math.sign(rounded)).toBe(Math.sign(tau))
        expect(Number.isInteger(Math.log2(Math.abs(rounded)))).toBe(true)
        expect(Math.abs(rounded - tau)).toBeLessThanOrEqual(
          Math.min(Math.abs(2 * rounded - tau), Math.abs(rounded / 2 - tau)),
        )
        expect(Math.abs(rounded / tau - 1)).toBeLessThanOrEqual(1 / 3 + 1e-15)
        expect(toPowerOfTwo(rounded)).toBe(rounded)
      }),
      { seed: 3, numRuns: 1000 },
    )
  })

  it('of a CoB says so', () => {
    const cob = exact({ factors: new Map([['a', Float64Array.of(0.3, -1.9)]]), origin: { seed: 1 } })
    expect([...(cob.factors.get('a') ?? [])]).toEqual([0.25, -2])
    expect(cob.origin).toEqual({ seed: 1, exact: true })
  })
})
