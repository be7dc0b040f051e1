import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { claimOf, maximumClaim, type Sample, trendClaim } from '../../../src/experiments/claims/claim-of.js'

const COMMON = { id: 'a', figure: 'fig2', claim: 'It is so.', section: '§4', statistic: 'x', unit: 'seed' }

function verdict(samples: readonly Sample[], side: 'above' | 'below' | 'within', threshold = 0, expected?: number) {
  return claimOf({ ...COMMON, samples, side, threshold, ...(expected !== undefined && { expected }) }).verdict
}

const UNDECIDED = 'undecided at this scale'

describe('claimOf', () => {
  test('decides where the whole interval lies on a side', () => {
    const samples = [1, 1.2, 0.8, 1.1]
    expect(verdict(samples, 'above')).toBe('holds')
    expect(verdict(samples, 'below')).toBe('does not hold')
    expect(verdict(samples, 'above', 1)).toBe(UNDECIDED)
    expect(verdict(samples, 'below', 2)).toBe('holds')
    expect(verdict([1, -3, 4], 'above')).toBe(UNDECIDED)
  })

  test('within asks for all of the interval between the bounds', () => {
    const samples = [1, 1.2, 0.8, 1.1]
    expect(verdict(samples, 'within', 0.5, 1)).toBe('holds')
    expect(verdict(samples, 'within', 0.1, 1)).toBe(UNDECIDED)
    expect(verdict(samples, 'within', 0.5)).toBe('does not hold')
    expect(verdict(samples, 'within', 0.5, 2)).toBe('does not hold')
  })

  test('too few, missing and equal samples', () => {
    expect(verdict([], 'above')).toBe(UNDECIDED)
    expect(verdict([5], 'above')).toBe(UNDECIDED)
    expect(claimOf({ ...COMMON, samples: [5], side: 'above', threshold: 0 })).toMatchObject({
      value: 5,
      interval: null,
      p: null,
      n: 1,
    })
    const missing = claimOf({ ...COMMON, samples: [1, 1.2, 0.8, null, NaN], side: 'above', threshold: 0, note: 'so' })
    expect(missing).toMatchObject({ verdict: 'holds', n: 3, note: 'so; 2 of 5 not finite or missing, and left out' })
    expect(verdict([1, 1.2, 0.8, null, Infinity, undefined, NaN], 'above')).toBe(UNDECIDED)
    // Five equal signs come about by chance once in 16.
    expect(verdict(Array<number>(5).fill(1), 'above')).toBe(UNDECIDED)
    expect(verdict(Array<number>(6).fill(1), 'above')).toBe('holds')
    expect(verdict(Array<number>(6).fill(0), 'above')).toBe(UNDECIDED)
  })

  test('is decided exactly where p < 0.05, as the interval says, and alike in the mirror', () => {
    const mirrored = { holds: 'does not hold', 'does not hold': 'holds', [UNDECIDED]: UNDECIDED } as const
    const number = fc.integer({ min: -100, max: 100 }).map((value) => value / 16)
    fc.assert(
      fc.property(
        fc.array(number, { minLength: 2, maxLength: 9 }),
        number,
        fc.constantFrom('above' as const, 'below' as const, 'within' as const),
        (samples, threshold, side) => {
          fc.pre(new Set(samples).size > 1)
          const claim = claimOf({
            ...COMMON,
            samples,
            side,
            threshold: side === 'within' ? Math.abs(threshold) : threshold,
          })
          const [low, high] = claim.interval!
          expect(claim.p! < 0.05).toBe(claim.verdict !== UNDECIDED)
          const t = claim.threshold
          // An interval that ends at the threshold may fall to either side by rounding.
          fc.pre(Math.min(...[low - t, high - t, low + t, high + t].map(Math.abs)) > 1e-6)
          const expected =
            side === 'above'
              ? [low > t, high < t]
              : side === 'below'
                ? [high < t, low > t]
                : [low > -t && high < t, low > t || high < -t]
          expect(claim.verdict).toBe(
            expected[0] === true ? 'holds' : expected[1] === true ? 'does not hold' : UNDECIDED,
          )
          const negated = samples.map((sample) => -sample)
          if (side === 'within') expect(verdict(negated, side, t)).toBe(claim.verdict)
          else {
            expect(verdict(negated, side === 'above' ? 'below' : 'above', -t)).toBe(claim.verdict)
            expect(verdict(negated, side, -t)).toBe(mirrored[claim.verdict])
          }
        },
      ),
    )
  })
})

describe('maximumClaim', () => {
  const worst = (samples: readonly Sample[], side: 'above' | 'below' | 'within' = 'below', threshold = 1e-5) =>
    maximumClaim({ ...COMMON, samples, side, threshold })

  test('goes by the worst sample, the threshold included', () => {
    expect(worst([1e-7, 1e-5])).toMatchObject({
      verdict: 'holds',
      value: 1e-5,
      range: [1e-7, 1e-5],
      interval: null,
      p: null,
    })
    expect(worst([1e-7, 2e-5])).toMatchObject({ verdict: 'does not hold', value: 2e-5 })
    expect(worst([3, 2, 5], 'above', 2.5)).toMatchObject({ verdict: 'does not hold', value: 2 })
    expect(worst([0.1, -0.4, 0.2], 'within', 0.3)).toMatchObject({ verdict: 'does not hold', value: -0.4 })
    expect(worst([0], 'within', 0).verdict).toBe('holds')
  })

  test('what could not be measured proves nothing', () => {
    expect(worst([]).verdict).toBe(UNDECIDED)
    expect(worst([1e-7, null]).verdict).toBe(UNDECIDED)
    expect(worst([1, NaN]).verdict).toBe('does not hold')
    expect(worst([1e-7, Infinity])).toMatchObject({ verdict: 'does not hold', note: 'the worst is infinite' })
  })
})

describe('trendClaim', () => {
  const trend = (measure: 'slope' | 'rank', series: readonly { x: number[]; y: Sample[] }[]) =>
    trendClaim({ ...COMMON, series, measure, side: 'above', threshold: 0 })

  test('slopes of seeds are samples', () => {
    const x = [0.3, 0.6, 0.9]
    const claim = trend('slope', [
      { x, y: [1, 2, 3] },
      { x, y: [1, 2.1, 3.3] },
      { x, y: [1, null, 3.1] },
    ])
    expect(claim).toMatchObject({ verdict: 'holds', n: 3 })
    expect(claim.value).toBeCloseTo((2 / 0.6 + 2.3 / 0.6 + 2.1 / 0.6) / 3, 10)
  })

  test('orders that all agree are decided by how seldom that is by chance', () => {
    const rising = (places: number) => ({
      x: Array.from({ length: places }, (_, i) => i),
      y: Array.from({ length: places }, (_, i) => i * i),
    })
    expect(trend('rank', [rising(3), rising(3)])).toMatchObject({ value: 1, interval: [1, 1], verdict: UNDECIDED })
    expect(trend('rank', [rising(4), rising(4)])).toMatchObject({ verdict: 'holds', p: 2 / 24 ** 2 })
    expect(trend('rank', [rising(9)]).verdict).toBe(UNDECIDED)
    expect(trend('rank', [rising(2), rising(2)])).toMatchObject({ n: 0, value: null })
  })
})
