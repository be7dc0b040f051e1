import { describe, expect, it } from 'vitest'
import { randomData } from '../../src/data/random-data.js'
import type { Fig2Row } from '../../src/experiments/fig2/compute.js'
import { fig2 } from '../../src/experiments/fig2/index.js'
import { compareLogits, lossesOf, meanDistance } from '../../src/experiments/fig2/measure.js'
import { networkOf } from '../../src/experiments/networks.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { sampleCob } from '../../src/cob/sample.js'
import { distanceBetween, weightsOf } from '../../src/teleport/distance.js'
import { numbersOf } from '../../src/graph/tensor.js'
import { teleport } from '../../src/teleport/teleport.js'
import { expectGolden } from '../support/golden.js'

const SETTINGS = {
  ...fig2.settings.quick,
  network: 'MLP 2×16',
  teleportations: 3,
  pseudoTeleportations: 2,
  exactTeleportations: 2,
  smallerRanges: [0.1],
  teleportationsOfSmallerRanges: 1,
  images: 8,
  trainingImages: 128,
}

async function computed(): Promise<Fig2Row[]> {
  const data = randomData({ seed: 1, train: 128, validation: 8 })
  const rows: Fig2Row[] = []
  for (const cell of fig2.cells(SETTINGS, []))
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

describe('what figure 2 measures', () => {
  it('losses are those of a softmax, also where logits are large', () => {
    const [first, second] = lossesOf(Float32Array.of(0, Math.log(3), 1000, 0), Int32Array.of(0, 1))
    expect(first).toBeCloseTo(Math.log(4), 6)
    expect(second).toBeCloseTo(1000, 6)
  })

  it('logits that differ in one bit are not identical', () => {
    expect(compareLogits(Float32Array.of(1, -2), Float32Array.of(1, -2))).toEqual({ logitError: 0, identical: true })
    expect(compareLogits(Float32Array.of(1, -2), Float32Array.of(1.5, -2))).toEqual({
      logitError: 0.25,
      identical: false,
    })
  })

  it('distances are those between all weights and biases', () => {
    const model = networkOf('MLP 2×16', { seed: 3 })
    const quiver = quiverOf(model, { scope: 'full' })
    const moved = teleport(model, quiver, sampleCob(quiver, { sampling: 'inter', seed: 2 }))
    const after = weightsOf(moved)
    const differences = [...weightsOf(model)].flatMap(([name, tensor]) => {
      const v = numbersOf(after.get(name) ?? tensor)
      return [...numbersOf(tensor)].map((w, i) => Math.abs((v[i] as number) - w))
    })
    const found = meanDistance(model, moved)
    expect(found.meanDistance).toBeCloseTo(differences.reduce((sum, x) => sum + x) / differences.length, 10)
    expect(found.relativeDistance).toBeCloseTo(distanceBetween(model, moved).relative ?? 0, 10)
  })
})

describe('figure 2 on a small network', () => {
  it('keeps the loss by teleportations, exactly by exact ones, and not by pseudo-teleportations; the same again', async () => {
    const rows = await computed()
    expect(rows).toHaveLength(2 * (3 + 2 + 2 + 2))
    for (const row of rows) {
      expect(row.relativeDistance).toBeGreaterThan(0.01)
      expect(row.sampling).toBe(row.range === 0.9 ? 'inter' : 'intra')
      // Half of the signs change.
      if (row.sampling === 'inter') expect(row.relativeDistance).toBeGreaterThan(1)
      if (row.move === 'pseudo-teleportation') expect(row.lossDifference).toBeGreaterThan(1e-3)
      else expect(row.lossDifference).toBeLessThan(1e-5)
      if (row.move === 'exact teleportation') expect(row.identical).toBe(true)
    }
    const pseudo = rows.filter(({ move }) => move === 'pseudo-teleportation')
    for (const row of pseudo) {
      const pair = rows.find(
        ({ move, state, range, seed }) =>
          move === 'teleportation' && state === row.state && range === row.range && seed === row.seed,
      )
      expect(row.relativeDistance).toBeCloseTo(pair?.relativeDistance ?? 0, 5)
    }
    const verdicts = Object.fromEntries(fig2.claims(rows, SETTINGS).map(({ id, verdict }) => [id, verdict]))
    expect(verdicts['fig2/at initialisation/function']).toBe('holds')
    expect(verdicts['fig2/after an epoch/exact']).toBe('holds')
    expect(await computed()).toEqual(rows)
  })

  it('is refuted by a function that changes', () => {
    const row = ROWS[0] as Fig2Row
    const [claim] = fig2.claims([row, { ...row, logitError: 2e-4 }], SETTINGS)
    expect(claim?.verdict).toBe('does not hold')
  })
})

/** Few, and fixed. */
const ROWS: readonly Fig2Row[] = (['at initialisation', 'after an epoch'] as const).flatMap((state) =>
  [1, 2, 3, 4].flatMap((seed) =>
    (['teleportation', 'pseudo-teleportation', 'exact teleportation'] as const).map((move): Fig2Row => ({
      state,
      move,
      sampling: 'inter',
      range: 0.9,
      seed,
      meanDistance: 0.01 * seed,
      relativeDistance: 0.5 * seed,
      loss: 2.3,
      movedLoss: 2.3,
      lossDifference: move === 'teleportation' ? 1e-7 * seed : move === 'exact teleportation' ? 0 : 0.3 * seed,
      logitError: 1e-6,
      identical: move === 'exact teleportation',
    })),
  ),
)

describe('figure 2 drawn', () => {
  it('is as it was looked at', () => {
    for (const { name, svg } of fig2.plots(ROWS, fig2.settings.paper)) expectGolden(name, svg)
  })

  it('is drawn of no rows too', () => {
    expect(fig2.plots([], fig2.settings.paper)[0]?.svg).toContain('no data yet')
    expect(fig2.claims([], fig2.settings.paper).every(({ verdict }) => verdict === 'undecided at this scale')).toBe(
      true,
    )
  })
})
