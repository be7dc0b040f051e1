import { describe, expect, it } from 'vitest'
import { LossGradients } from '../../src/autodiff/loss-gradients.js'
import { sampleCob } from '../../src/cob/sample.js'
import { randomData } from '../../src/data/random-data.js'
import { arrowsOf, expectedGrowth, moment } from '../../src/experiments/fig5/expectation.js'
import type { Fig5Row } from '../../src/experiments/fig5/compute.js'
import { fig5 } from '../../src/experiments/fig5/index.js'
import type { Fig5Settings } from '../../src/experiments/fig5/settings.js'
import { networkOf } from '../../src/experiments/networks.js'
import { numbersOf } from '../../src/graph/tensor.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { firstBatch } from '../../src/runs/sources.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import { weightsOf } from '../../src/teleport/distance.js'
import { teleport } from '../../src/teleport/teleport.js'
import { expectGolden } from '../support/golden.js'

const data = randomData({ seed: 1, train: 8, validation: 8 })

const SETTINGS: Fig5Settings = {
  ...fig5.settings.quick,
  networks: ['MLP 2×64', 'ResNet-10, width 1/16'],
  samplings: ['inter'],
  ranges: [0.1, 0.9],
  teleportations: 3,
}

async function computed(): Promise<Fig5Row[]> {
  const rows: Fig5Row[] = []
  for (const cell of fig5.cells(SETTINGS, []))
    rows.push(
      ...(await cell.run({
        threads: 1,
        signal: new AbortController().signal,
        dataset: () => Promise.resolve(data),
        onProgress: () => undefined,
        warn: () => undefined,
      })),
    )
  return rows
}

describe('expectations', () => {
  it('are the moments of τ', () => {
    expect(moment(2, 0.5)).toBeCloseTo(1 + 0.25 / 3, 12)
    expect(moment(-2, 0.5)).toBeCloseTo(1 / 0.75, 12)
    expect(moment(2, 0.9) * moment(-2, 0.9)).toBeCloseTo(expectedGrowth(0.9), 12)
  })

  it('know the ends of arrows', () => {
    const model = networkOf('MLP 2×16', {})
    const arrows = arrowsOf(quiverOf(model, { scope: 'full' }), weightsOf(model))
    expect([...arrows].filter(([, { hidden }]) => hidden).map(([name]) => name)).toEqual(['3.weight'])
    expect(arrows.get('1.weight')?.expected(-2, 0.5)).toBeCloseTo(1 / 0.75, 12)
    expect(arrows.get('5.weight')?.expected(-2, 0.5)).toBeCloseTo(1 + 0.25 / 3, 12)
    expect(arrows.get('3.weight')?.expected(2, 0.5)).toBeCloseTo(expectedGrowth(0.5), 12)
    expect(arrows.get('5.bias')?.expected(2, 0.5) ?? 1).toBe(1)
  })
})

describe('figure 5 on small networks', () => {
  it('finds the gradients that Theorem 2 predicts, in whatever form the graph takes; the same again', async () => {
    const rows = await computed()
    expect(rows).toHaveLength(2 * 2 * 3)
    for (const row of rows) {
      expect(row.movedLoss).toBeCloseTo(row.loss, 4)
      expect(Math.abs(row.movedGradientNorm / row.predictedGradientNorm - 1)).toBeLessThan(1e-4)
      expect(row.theoremError === null).toBe(row.teleportation > SETTINGS.comparedTeleportations)
      expect(row.theoremError ?? 0).toBeLessThan(1e-2)
    }
    expect(await computed()).toEqual(rows)
  })

  it('has the norms that LossGradients gives', async () => {
    const [row] = await computed()
    const model = networkOf('MLP 2×64', { seed: SETTINGS.seed })
    const quiver = quiverOf(model, { scope: 'full' })
    const moved = teleport(model, quiver, sampleCob(quiver, { sampling: 'inter', range: 0.1, seed: 1 }))
    const { images, labels } = await firstBatch(data, SETTINGS.batchSize)
    const norms = await Promise.all(
      [model, moved].map(async (at) => {
        const graph = await LossGradients.open(nodeRuntime, at, { training: true, threads: 1 })
        const { gradients } = await graph.run(images, labels)
        await graph.release()
        const weights = weightsOf(at)
        const norm = (of: (name: string) => Float64Array) =>
          Math.sqrt([...gradients.keys()].reduce((sum, name) => sum + of(name).reduce((s, x) => s + x * x, 0), 0))
        return [
          norm((name) => numbersOf(gradients.get(name) as never)),
          norm((name) => numbersOf(weights.get(name) as never)),
        ] as const
      }),
    )
    const [[gradient, weight], [movedGradient, movedWeight]] = norms as [[number, number], [number, number]]
    expect((row?.gradientNorm ?? 0) / gradient).toBeCloseTo(1, 5)
    expect((row?.movedGradientNorm ?? 0) / movedGradient).toBeCloseTo(1, 5)
    expect((row?.movedWeightNorm ?? 0) / movedWeight).toBeCloseTo(1, 6)
    expect(row?.normalizedDifference).toBeCloseTo(Math.abs(gradient / weight - movedGradient / movedWeight), 6)
  })
})

/** Few, and fixed. */
const ROWS: readonly Fig5Row[] = SETTINGS.networks.flatMap((network, k) =>
  [0.1, 0.5, 0.9].flatMap((range) =>
    [1, 2, 3].map((teleportation): Fig5Row => ({
      network,
      family: network.slice(0, 3),
      sampling: 'inter',
      range,
      teleportation,
      loss: 2.3,
      movedLoss: 2.3,
      weightNorm: 10,
      gradientNorm: 1,
      movedWeightNorm: 20,
      movedGradientNorm: 3,
      predictedGradientNorm: 3,
      normalizedDifference: (k + 1) * range ** 2 * (1 + 0.1 * teleportation),
      predictedDifference: (k + 1) * range ** 2 * (1 + 0.1 * teleportation),
      expectedDifference: (k + 1) * range ** 2,
      squaredGrowth: expectedGrowth(range) * (0.98 + 0.01 * teleportation),
      theoremError: teleportation === 1 ? 1e-5 : null,
    })),
  ),
)

/** The same, as large as expected. */
const EXPECTED = ROWS.map((row): Fig5Row => ({
  ...row,
  normalizedDifference: row.expectedDifference * (0.98 + 0.01 * row.teleportation),
}))

describe('figure 5 drawn and tested', () => {
  it('is as it was looked at', () => {
    for (const { name, svg } of fig5.plots(ROWS, SETTINGS)) expectGolden(name, svg)
  })

  it('has claims that hold of such rows, and do not of others', () => {
    const verdicts = (rows: readonly Fig5Row[]) => fig5.claims(rows, SETTINGS).map(({ verdict }) => verdict)
    expect(new Set(verdicts(EXPECTED))).toEqual(new Set(['holds']))
    const other = EXPECTED.map((row) => ({
      ...row,
      theoremError: 0.1,
      predictedGradientNorm: 4,
      normalizedDifference: -row.normalizedDifference,
      squaredGrowth: 2 * row.squaredGrowth,
    }))
    expect(new Set(verdicts(other))).toEqual(new Set(['does not hold']))
  })

  it('does not take a growth for the expected one that is another at large σ', () => {
    const verdict = (rows: readonly Fig5Row[], id: string) =>
      fig5.claims(rows, SETTINGS).find((claim) => claim.id === `fig5/MLP 2×64/inter/${id}`)?.verdict
    const tenth = ({ range }: Fig5Row) => (range === 0.9 ? 1.1 : 1)
    const grown = EXPECTED.map((row): Fig5Row => ({ ...row, squaredGrowth: row.squaredGrowth * tenth(row) }))
    expect(verdict(grown, 'factor')).toBe('does not hold')
    expect(verdict(grown, 'difference')).toBe('holds')
    const twice = EXPECTED.map((row): Fig5Row => ({ ...row, normalizedDifference: 2 * row.normalizedDifference }))
    expect(verdict(twice, 'difference')).toBe('does not hold')
  })

  it('is drawn of no rows too', () => {
    expect(fig5.plots([], SETTINGS)[0]?.svg).toContain('no data yet')
  })
})
