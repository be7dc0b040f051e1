import { describe, expect, it } from 'vitest'
import { bandText, overSeeds } from '../../src/plot/bands.js'
import { csvOf } from '../../src/plot/csv.js'
import { linearTicks, logTicks, tickTexts } from '../../src/plot/ticks.js'

describe('bands over seeds', () => {
  const read = {
    x: ({ x }: { x: number }) => x,
    y: ({ y }: { y: number | null }) => y,
    by: ({ by }: { by: string }) => by,
  }

  it('are t-intervals from three seeds on, lowest to highest of two, and left out of one', () => {
    const rows = [10, 11, 12].map((y) => ({ by: 'a', x: 1, y }))
    const [three] = overSeeds(rows, read)
    // t(0.975; 2) = 4.302653, s = 1.
    expect(three?.points[0]?.y).toBe(11)
    expect(three?.points[0]?.low).toBeCloseTo(11 - 4.302653 / Math.sqrt(3), 5)
    expect(three?.points[0]?.high).toBeCloseTo(11 + 4.302653 / Math.sqrt(3), 5)
    expect(overSeeds(rows.slice(0, 2), read)[0]?.points).toEqual([{ x: 1, y: 10.5, low: 10, high: 11, n: 2 }])
    expect(overSeeds(rows.slice(0, 1), read)[0]?.points).toEqual([{ x: 1, y: 10, n: 1 }])
    expect([1, 2, 3].map(bandText)).toEqual([
      'one seed',
      'mean of 2 seeds, band: lowest to highest',
      'mean of 3 seeds, band: 95 % t-interval of the mean',
    ])
  })

  it('a failed seed breaks the mean; labels keep their order, points are sorted', () => {
    const rows = [
      { by: 'b', x: 2, y: 1 },
      { by: 'a', x: 1, y: 1 },
      { by: 'b', x: 1, y: null },
      { by: 'b', x: 1, y: 5 },
    ]
    expect(overSeeds(rows, read)).toEqual([
      {
        label: 'b',
        seeds: 2,
        points: [
          { x: 1, y: null, n: 2 },
          { x: 2, y: 1, n: 1 },
        ],
      },
      { label: 'a', seeds: 1, points: [{ x: 1, y: 1, n: 1 }] },
    ])
  })
})

it('CSV: quoted where need be, all digits, lists joined, missing values empty', () => {
  const rows = [{ a: 'x,"y"', b: 0.1 + 0.2, c: null }, { b: [1, 2.5, null], d: 'two\nlines' }, { c: true }]
  expect(csvOf(rows)).toBe(
    'a,b,c,d\r\n"x,""y""",0.30000000000000004,,\r\n,1 2.5 ,,"two\nlines"\r\n,,true,\r\n'.replace(
      '1 2.5 ,',
      '"1 2.5 ",',
    ),
  )
  expect(csvOf([])).toBe('')
})

it('ticks are round, and their texts alike', () => {
  expect(linearTicks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1])
  expect(linearTicks(-0.5, 1.5, 4)).toEqual([-0.5, 0, 0.5, 1, 1.5])
  expect(tickTexts(linearTicks(-0.5, 1.5, 4), 'linear')).toEqual(['−0.5', '0.0', '0.5', '1.0', '1.5'])
  expect(tickTexts([0, 1e-7, 2e-7], 'linear')).toEqual(['0', '10⁻⁷', '2×10⁻⁷'])
  expect(tickTexts([0, 10000, 20000], 'linear')).toEqual(['0', '10,000', '20,000'])
  expect(logTicks(0.001, 1, 4)).toEqual([0.001, 0.01, 0.1, 1])
  expect(logTicks(0.01, 0.9, 6)).toEqual([0.01, 0.03, 0.1, 0.3])
  expect(tickTexts(logTicks(0.001, 1, 4), 'log')).toEqual(['0.001', '0.01', '0.1', '1'])
})
