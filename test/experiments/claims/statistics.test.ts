import fc from 'fast-check'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { describe, expect, test } from 'vitest'
import { holm, meanEstimate, rankCorrelation, slope, twoSidedP } from '../../../src/experiments/claims/statistics.js'

describe('meanEstimate', () => {
  // R: t.test(extra ~ group, data = sleep, paired = TRUE): t = -4.0621, df = 9, p-value = 0.002833, [-2.4598858, -0.7001142].
  const sleep = [-1.2, -2.4, -1.3, -1.3, 0, -1, -1.8, -0.8, -4.6, -1.4]

  test('is R’s paired t test of the sleep data', () => {
    const { mean, standardError, interval } = meanEstimate(sleep)!
    expect(mean).toBeCloseTo(-1.58, 10)
    expect(interval[0]).toBeCloseTo(-2.459885763, 6)
    expect(interval[1]).toBeCloseTo(-0.700114237, 6)
    expect(mean / standardError).toBeCloseTo(-4.062127683, 8)
    expect(twoSidedP(mean / standardError, 9)).toBeCloseTo(0.002832890197, 10)
  })

  test('needs two samples, and gives equal ones a point', () => {
    expect(meanEstimate([])).toBeUndefined()
    expect(meanEstimate([3])).toBeUndefined()
    expect(meanEstimate([0.1, 0.1, 0.1])).toMatchObject({ mean: 0.1, standardError: 0, interval: [0.1, 0.1] })
  })

  test('its interval covers the mean of normal samples about 95 times in 100', () => {
    const random = xoroshiro128plus(7)
    const normal = () =>
      Math.sqrt(-2 * Math.log(1 - uniformFloat64(random))) * Math.cos(2 * Math.PI * uniformFloat64(random))
    const rounds = 4000
    let covered = 0
    for (let i = 0; i < rounds; i++) {
      const [low, high] = meanEstimate(Array.from({ length: 5 }, () => 3 + 2 * normal()))!.interval
      if (low <= 3 && 3 <= high) covered++
    }
    // Four standard errors of a share of 0.95.
    expect(Math.abs(covered / rounds - 0.95)).toBeLessThan(4 * Math.sqrt((0.95 * 0.05) / rounds))
  })
})

// 2 · pt(-t, df) of R, and scipy.stats.t.sf.
test.each([
  [2.5, 4, 0.06676654481198814],
  [50, 4, 9.57445365696969e-7],
  [8, 999, 3.4299982577635995e-15],
  [0.3, 2, 0.7924856608401776],
  [12.706204736174694, 1, 0.05],
  [2.7764451051977934, 4, 0.05],
  [1.9799304050824402, 120, 0.05],
])('p of t = %f with %i degrees of freedom', (t, df, p) => {
  expect(twoSidedP(t, df) / p).toBeCloseTo(1, 6)
  expect(twoSidedP(-t, df)).toBe(twoSidedP(t, df))
})

test('Spearman’s correlation, with and without ties', () => {
  // The example of Wikipedia's article: IQ and hours of television.
  const iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
  expect(rankCorrelation(iq, [7, 27, 2, 50, 28, 29, 20, 12, 6, 17])).toBeCloseTo(-0.17575757575757575, 12)
  expect(rankCorrelation([1, 2, 2, 3, 4], [2, 1, 3, 3, 5])).toBeCloseTo(0.7631578947368421, 12)
  expect(rankCorrelation([1, 2, 3], [4, 4, 4])).toBe(0)
  expect(rankCorrelation([1, 1, 1], [4, 5, 6])).toBeNaN()
})

test('a slope is that of least squares', () => {
  expect(slope([0, 1, 2, 3], [1, 3, 2, 5])).toBeCloseTo(1.1, 12)
  expect(slope([2, 2], [0, 1])).toBeNaN()
})

describe('holm', () => {
  // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), 'holm')
  test('is R’s', () => {
    const expected = [0.03, 0.06, 0.06, 0.02]
    holm([0.01, 0.04, 0.03, 0.005]).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 12))
  })

  test('lessens no p-value, keeps their order, and stays a probability', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }), (values) => {
        const adjusted = holm(values)
        values.forEach((p, i) => {
          expect(adjusted[i]).toBeGreaterThanOrEqual(p)
          expect(adjusted[i]).toBeLessThanOrEqual(1)
          values.forEach((other, j) => {
            if (p < other) expect(adjusted[i]).toBeLessThanOrEqual(adjusted[j]!)
          })
        })
      }),
    )
  })
})
