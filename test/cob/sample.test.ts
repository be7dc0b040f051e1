import { describe, expect, it } from 'vitest'
import { SAMPLINGS, type SampleOptions, sampleCob } from '../../src/cob/sample.js'
import { ModelError } from '../../src/graph/model.js'
import { type Quiver, quiverOf } from '../../src/quiver/quiver.js'
import { Network } from '../ops/network.js'

/** One hidden layer, or two. */
function network(activation: string, hidden = [2000]): Quiver {
  const net = new Network()
  let width = 3
  let x = net.input([1, width])
  for (const size of hidden) {
    x = net.op(activation, [net.op('Gemm', [x, net.weight([width, size])])])
    width = size
  }
  net.output(net.op('Gemm', [x, net.weight([width, 2])]))
  return quiverOf(net.model())
}

const free = network('Identity')

function tau(quiver: Quiver, options: SampleOptions): Float64Array {
  return [...sampleCob(quiver, options).factors.values()][0] ?? new Float64Array()
}

/** Mean and extremes of numbers that ought to be uniform on an interval. */
function expectUniform(values: readonly number[], low: number, high: number): void {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  const width = high - low
  expect(Math.min(...values)).toBeGreaterThanOrEqual(low)
  expect(Math.max(...values)).toBeLessThanOrEqual(high)
  expect(Math.abs(mean - (low + high) / 2)).toBeLessThan(0.03 * width)
  expect(Math.abs(Math.sqrt(variance) / width - 1 / Math.sqrt(12))).toBeLessThan(0.02)
}

describe('sampling', () => {
  it('intra is uniform around 1', () => {
    expectUniform([...tau(free, { sampling: 'intra', range: 0.6 })], 0.4, 1.6)
  })

  it('inter is so around 1 and −1, each half of the time', () => {
    const values = [...tau(free, { sampling: 'inter', range: 0.5 })]
    const [positive, negative] = [values.filter((value) => value > 0), values.filter((value) => value < 0)]
    expectUniform(positive, 0.5, 1.5)
    expectUniform(negative, -1.5, -0.5)
    expect(Math.abs(positive.length / values.length - 0.5)).toBeLessThan(0.03)
  })

  it('positive, negative and centered have their intervals', () => {
    expectUniform([...tau(free, { sampling: 'positive', range: 2 })], 0, 2)
    expectUniform([...tau(free, { sampling: 'negative', range: 2 })], -2, 0)
    expectUniform([...tau(free, { sampling: 'centered', range: 0.5, center: -3 })], -3.5, -2.5)
    expectUniform([...tau(free, { sampling: 'centered', range: 0.5 })], 0.5, 1.5)
  })

  it('by default is intra with σ = 0.9 and seed 0', () => {
    expect([...tau(free, {})]).toEqual([...tau(free, { sampling: 'intra', range: 0.9, seed: 0 })])
    expect(sampleCob(free).origin).toEqual({ scope: 'weights', sampling: 'intra', range: 0.9, seed: 0, exact: false })
  })

  it('is the same for the same seed, and another for another', () => {
    expect([...tau(free, { seed: 7 })]).toEqual([...tau(free, { seed: 7 })])
    expect([...tau(free, { seed: 8 })]).not.toEqual([...tau(free, { seed: 7 })])
    // Numbers that any machine must draw.
    expect([...tau(network('Identity', [3]), { seed: 7 })]).toMatchInlineSnapshot(`
      [
        0.4837005464098333,
        1.4464935574933389,
        1.833082355755982,
      ]
    `)
  })

  it('of a layer does not depend on layers that come after it', () => {
    expect([...tau(network('Identity', [5]), {})]).toEqual([...tau(network('Identity', [5, 8, 4]), {})])
  })

  it('draws small factors again, and counts them', () => {
    const { factors, report } = sampleCob(free, { sampling: 'positive', range: 1, floor: 0.25 })
    expectUniform([...([...factors.values()][0] ?? [])], 0.25, 1)
    expect(report.redrawn).toBeGreaterThan(400)
    expect(sampleCob(free, { sampling: 'intra', range: 0.5 }).report).toEqual({
      redrawn: 0,
      signsDropped: 0,
      rounded: 0,
    })
  })

  it('drops signs where only positive factors may stand, and counts them', () => {
    const quiver = network('Relu')
    const { factors, report } = sampleCob(quiver, { sampling: 'inter', range: 0.5 })
    const values = [...([...factors.values()][0] ?? [])]
    expectUniform(values, 0.5, 1.5)
    expect(report.signsDropped).toBe(
      [...tau(free, { sampling: 'inter', range: 0.5 })].filter((value) => value < 0).length,
    )
  })

  it('keeps signs alone behind an odd function, and 1 where nothing may move', () => {
    const signs = [...tau(network('Tanh'), { sampling: 'inter' })]
    expect(new Set(signs)).toEqual(new Set([1, -1]))
    expect(new Set(tau(network('Sigmoid'), {}))).toEqual(new Set([1]))
  })

  it('rounds to powers of two if asked to', () => {
    const values = [...tau(free, { sampling: 'inter', exact: true })]
    expect(values.every((value) => Number.isInteger(Math.log2(Math.abs(value))))).toBe(true)
    expect(new Set(values.map(Math.abs)).size).toBeGreaterThan(3)
  })

  it('gives outputs 1', () => {
    expect([...([...sampleCob(free).factors.values()][1] ?? [])]).toEqual([1, 1])
  })

  it.each<[SampleOptions, string]>([
    [{ sampling: 'intra', range: 1 }, "CoB-range σ = 1: sampling 'intra' needs σ < 1, or τ would change sign"],
    [{ range: 0 }, 'CoB-range σ = 0: expected a number above 0'],
    [{ range: NaN }, 'CoB-range σ = NaN: expected a number above 0'],
    [{ range: Infinity }, 'CoB-range σ = Infinity: expected a number above 0'],
    [{ seed: 1.5 }, 'seed 1.5: expected a whole number'],
    [{ floor: 0 }, 'floor 0: expected a number above 0'],
    [{ sampling: 'centered', center: NaN }, 'centre NaN: expected a number'],
    [{ sampling: 'positive', range: 0.0005 }, "sampling 'positive' with σ = 0.0005 gives no |τ| of at least 0.001"],
    [{ sampling: 'uniform' as never }, `sampling 'uniform': expected one of ${SAMPLINGS.join(', ')}`],
  ])('refuses %j', (options, message) => {
    expect(() => sampleCob(free, options)).toThrow(ModelError)
    expect(() => sampleCob(free, options)).toThrow(message)
  })
})
