import { describe, expect, it } from 'vitest'
import { randomData } from '../../src/data/random-data.js'
import type { Fig10Row } from '../../src/experiments/fig10/compute.js'
import { countsOf, distributionOf } from '../../src/experiments/fig10/distribution.js'
import { fig10 } from '../../src/experiments/fig10/index.js'
import { expectGolden } from '../support/golden.js'

const SETTINGS = {
  ...fig10.settings.quick,
  network: 'MLP 2×32',
  initializers: ['default', 'gaussian'],
  seeds: [1, 2, 3],
}

async function computed(): Promise<Fig10Row[]> {
  const rows: Fig10Row[] = []
  for (const cell of fig10.cells(SETTINGS, []))
    rows.push(
      ...(await cell.run({
        threads: 1,
        signal: new AbortController().signal,
        dataset: () => Promise.resolve(randomData({})),
        onProgress: () => undefined,
        warn: () => undefined,
      })),
    )
  return rows
}

describe('a distribution', () => {
  it('has the moments of its numbers, in however many parts', () => {
    const { deviation, kurtosis, largest } = distributionOf([Float32Array.of(-3, 1), Float32Array.of(-1, 3)])
    expect(deviation).toBeCloseTo(Math.sqrt(5), 12)
    expect(kurtosis).toBeCloseTo(41 / 25, 12)
    expect(largest).toBe(3)
  })

  it('is counted between −bound and bound', () => {
    expect(countsOf([Float32Array.of(-1, -0.9, 0, 0.9, 1, 7)], 1, 4)).toEqual([2, 0, 1, 1])
  })
})

describe('figure 10 on a small network', () => {
  it('spreads weights as τ has it; the same again', async () => {
    const rows = await computed()
    expect(rows).toHaveLength(2 * 3 * 4)
    for (const { layer, weights, counts, movedCounts, deviation, movedDeviation, outside } of rows) {
      expect(counts.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(weights)
      expect(movedCounts.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(weights)
      expect(outside).toBeGreaterThan(0)
      // E[τ²] = 1.27 at the first layer, E[(τ_out/τ_in)²] = 6.7 between hidden ones.
      if (layer === 'layer 1') expect((movedDeviation / deviation) ** 2).toBeGreaterThan(0.9)
      if (layer === 'layer 1') expect((movedDeviation / deviation) ** 2).toBeLessThan(1.7)
      if (layer === 'layer 2') expect(movedDeviation / deviation).toBeGreaterThan(1.3)
    }
    const uniform = rows.find(({ initializer, layer }) => initializer === 'default' && layer === 'layer 1')
    expect(uniform?.deviation).toBeCloseTo(1 / Math.sqrt(3 * 3072), 3)
    expect(uniform?.kurtosis).toBeCloseTo(1.8, 1)
    expect(await computed()).toEqual(rows)
  })
})

/** Few, and fixed. */
const ROWS: readonly Fig10Row[] = ['default', 'gaussian'].flatMap((initializer) =>
  [1, 2, 3].flatMap((seed) =>
    ['layer 1', 'layer 2', 'all layers'].map((layer): Fig10Row => ({
      initializer,
      seed,
      layer,
      weights: 100,
      deviation: 0.1,
      movedDeviation: 0.2 + 0.01 * seed,
      kurtosis: 1.8,
      movedKurtosis: 5 + seed,
      outside: 0.2,
      bound: 0.5,
      counts: [0, 20, 60, 20, 0],
      movedCounts: [5, 20, 40, 20 + seed, 5],
    })),
  ),
)

describe('figure 10 drawn and tested', () => {
  it('is as it was looked at', () => {
    for (const { name, svg } of fig10.plots(ROWS, SETTINGS)) expectGolden(name, svg)
  })

  it('has claims that hold of such rows, and do not of weights that shrink', () => {
    const verdicts = (rows: readonly Fig10Row[]) => fig10.claims(rows, SETTINGS).map(({ verdict }) => verdict)
    expect(new Set(verdicts(ROWS))).toEqual(new Set(['holds']))
    const shrunk = ROWS.map((row) => ({
      ...row,
      deviation: row.movedDeviation,
      movedDeviation: 0.1,
      kurtosis: 9,
      movedKurtosis: row.seed,
    }))
    expect(new Set(verdicts(shrunk))).toEqual(new Set(['does not hold']))
  })

  it('is drawn of no rows too', () => {
    expect(fig10.plots([], SETTINGS)[0]?.svg).toContain('no data yet')
  })
})
