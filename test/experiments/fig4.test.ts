import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleCob } from '../../src/cob/sample.js'
import { randomData } from '../../src/data/random-data.js'
import { claimsOf } from '../../src/experiments/fig4/claims.js'
import { cellsOf } from '../../src/experiments/fig4/compute.js'
import { batchesOf, firstImages } from '../../src/experiments/fig4/line.js'
import { plotsOf } from '../../src/experiments/fig4/plot.js'
import { type Fig4Row, linesOf, sharpnessOf as sharpnessRows } from '../../src/experiments/fig4/rows.js'
import { alphasOf, type Fig4Settings, SETTINGS } from '../../src/experiments/fig4/settings.js'
import { filterNormalised, scaledBy, sharpnessOf } from '../../src/experiments/fig4/sharpness.js'
import { pairsOf, sweepOf } from '../../src/experiments/fig4/sweep.js'
import type { CellContext } from '../../src/experiments/figure.js'
import type { Model, Tensor } from '../../src/graph/model.js'
import { numbersOf, tensorOf } from '../../src/graph/tensor.js'
import { mlp } from '../../src/models/mlp.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { saveModel } from '../../src/runtime/node/load.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import { openModel } from '../../src/runtime/open.js'
import type { HostTensor } from '../../src/runtime/session.js'
import { runsOf } from '../../src/sweeps/enumerate.js'
import type { FinishedRun } from '../../src/sweeps/finished-run.js'
import { teleport } from '../../src/teleport/teleport.js'
import { withWeights } from '../../src/teleport/weights.js'
import { expectGolden } from '../support/golden.js'

const TINY: Fig4Settings = {
  ...SETTINGS.quick,
  hiddenLayers: [6, 5],
  trainingImages: 24,
  testImages: 8,
  seeds: [1, 2],
  ranges: [0.5],
  teleportations: 2,
  points: 5,
  hessianImages: 16,
  directions: 2,
}
const data = randomData({ train: 32, validation: 8 })
const context: CellContext = {
  threads: 1,
  signal: new AbortController().signal,
  dataset: () => Promise.resolve(data),
  onProgress: () => undefined,
  warn: () => undefined,
}
const network = (seed: number) => mlp({ hidden: [6, 5], seed })

let folder: string
let runs: FinishedRun[]

/** Networks as they begin stand for trained ones. */
beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fig4-'))
  runs = await Promise.all(
    runsOf(sweepOf(TINY)).map(async (run, i): Promise<FinishedRun> => {
      const model = path.join(folder, `${run.id}.onnx`)
      await saveModel(network(i), model)
      return { ...run, folder, ended: 'finished', epochs: [], model }
    }),
  )
})
afterAll(() => fs.rmSync(folder, { recursive: true }))

async function rowsOf(settings = TINY, ended: readonly FinishedRun[] = runs): Promise<Fig4Row[]> {
  const rows: Fig4Row[] = []
  for (const cell of cellsOf(settings, ended)) rows.push(...(await cell.run(context)))
  return rows
}

/** Mean cross-entropy and accuracy, written out. */
async function lossOf(model: Model, pixels: Float32Array, labels: Int32Array) {
  const session = await openModel(nodeRuntime, model, { threads: 1 })
  const x: HostTensor = { dtype: 'float32', dims: [labels.length, 3, 32, 32], data: Float32Array.from(pixels) }
  const logits = (await session.run(new Map([['x', x]]))).get('logits')?.data as Float32Array
  await session.release()
  let [loss, correct] = [0, 0]
  labels.forEach((label, i) => {
    const row = [...logits.subarray(10 * i, 10 * i + 10)]
    loss += Math.log(row.reduce((sum, z) => sum + Math.exp(z), 0)) - (row[label] as number)
    if (row.indexOf(Math.max(...row)) === label) correct++
  })
  return { loss: loss / labels.length, accuracy: correct / labels.length }
}

describe('the sweep', () => {
  it('trains both minima of every seed, and pairs A of one with B of the next', () => {
    expect(runs.map(({ labels }) => `${labels.minimum ?? ''}${labels.seed ?? ''}`)).toEqual(['A1', 'A2', 'B1', 'B2'])
    expect(runs.map(({ config }) => config.training.batchSize)).toEqual([8, 8, 128, 128])
    const pairs = pairsOf(TINY, runs).map(({ seed, a, b }) => [seed, a?.labels.seed, b?.labels.seed])
    expect(pairs).toEqual([
      [1, 1, 2],
      [2, 2, 1],
    ])
    expect(pairsOf(TINY, runs.slice(0, 3)).map(({ seed }) => seed)).toEqual([2])
  })

  it('has places on the line at both minima', () => {
    for (const settings of Object.values(SETTINGS)) {
      const alphas = alphasOf(settings)
      expect([alphas[0], alphas.at(-1)]).toEqual([-0.5, 1.5])
      for (const alpha of [0, 1, -0.1, 0.1, 0.9, 1.1]) expect(alphas).toContain(alpha)
    }
  })
})

describe('the line', () => {
  it('has the losses and accuracies of models with weights in between', async () => {
    const rows = linesOf(await rowsOf())
    // A of seed 1 is the first run, B of seed 2 the last.
    const [a, b] = [network(0), network(3)]
    const moved = (model: Model, seed: number) => {
      const quiver = quiverOf(model, { scope: 'weights' })
      return teleport(model, quiver, sampleCob(quiver, { range: 0.5, seed }))
    }
    for (const [cobs, draw, from, to] of [
      ['none', 0, a, b],
      ['own', 1, moved(a, 1002), moved(b, 1003)],
      ['one', 0, moved(a, 1000), moved(b, 1000)],
    ] as const)
      for (const alpha of alphasOf(TINY)) {
        const between = new Map(
          [...from.graph.initializers].map(([name, tensor]): [string, Tensor] => {
            const end = numbersOf(to.graph.initializers.get(name) as Tensor)
            const mixed = numbersOf(tensor).map((w, i) => (1 - alpha) * w + alpha * (end[i] as number))
            return [name, tensorOf(name, 'float32', tensor.dims, mixed)]
          }),
        )
        const model = withWeights(a, between)
        const [row, ...more] = rows.filter(
          (each) => each.pair === 1 && each.cobs === cobs && each.draw === draw && each.alpha === alpha,
        )
        expect(more).toEqual([])
        const size = 3 * 32 * 32
        const train = await lossOf(
          model,
          (data.train.pixels as Float32Array).subarray(0, 24 * size),
          data.train.labels.subarray(0, 24),
        )
        const test = await lossOf(model, data.validation.pixels as Float32Array, data.validation.labels)
        expect(Math.abs((row?.trainLoss ?? NaN) - train.loss)).toBeLessThan(1e-5)
        expect(Math.abs((row?.testLoss ?? NaN) - test.loss)).toBeLessThan(1e-5)
        expect([row?.trainAccuracy, row?.testAccuracy]).toEqual([train.accuracy, test.accuracy])
      }
    // By one CoB the line computes what it computed.
    const losses = (cobs: string) =>
      rows.filter((row) => row.cobs === cobs && row.pair === 1).map((row) => row.trainLoss)
    losses('one').forEach((loss, i) => expect(loss).toBeCloseTo(losses('none')[i] as number, 5))
  })

  it('is the same each time', async () => {
    const settings = { ...TINY, teleportations: 1 }
    expect(await rowsOf(settings)).toEqual(await rowsOf(settings))
  })

  it('is missing, with the reason, where a training failed', async () => {
    const ended = runs.map((run, i): FinishedRun => {
      const { model: _, ...rest } = run
      return i === 0 ? { ...rest, ended: 'failed', reason: 'the loss is not finite' } : run
    })
    const rows = await rowsOf({ ...TINY, teleportations: 1 }, ended)
    expect(rows.filter(({ pair }) => pair === 1)).toMatchObject([
      { kind: 'failed', reason: 'minimum A, the loss is not finite' },
    ])
    expect(linesOf(rows).length).toBeGreaterThan(0)
    expect(plotsOf(rows, TINY)[0]?.caption).toContain('Failed: the pair of seed 1')
  })
})

describe('sharpness', () => {
  it('changes with the coordinates, or does not', async () => {
    const model = network(0)
    const quiver = quiverOf(model)
    const moved = teleport(model, quiver, sampleCob(quiver, { range: 0.9, seed: 1 }))
    const [batch] = await batchesOf(firstImages(data, 16, 8).train)
    if (batch === undefined) throw new Error('no batch')
    const options = { directions: 2, seed: 3, threads: 1 }
    const [before, after] = [await sharpnessOf(model, batch, options), await sharpnessOf(moved, batch, options)]
    expect([before.converged, after.converged]).toEqual([true, true])
    expect(after.eigenvalue / before.eigenvalue).toBeGreaterThan(1.05)
    expect(Math.abs(after.filterCurvature / before.filterCurvature - 1)).toBeGreaterThan(0.1)
    expect(Math.abs(after.scaledEigenvalue / before.scaledEigenvalue - 1)).toBeLessThan(0.01)
    expect(Math.abs(after.weightCurvature / before.weightCurvature - 1)).toBeLessThan(1e-3)
  })

  it('scales an operator on both sides', async () => {
    const matrix = [
      [2, 1],
      [1, 3],
    ]
    const operator = {
      size: 2,
      apply: (v: Float64Array) =>
        Promise.resolve(Float64Array.from(matrix, (row) => row.reduce((sum, x, i) => sum + x * (v[i] as number), 0))),
    }
    const scaled = scaledBy(operator, Float64Array.of(10, 100))
    expect([...(await scaled.apply(Float64Array.of(1, 0)))]).toEqual([200, 1000])
    expect([...(await scaled.apply(Float64Array.of(0, 1)))]).toEqual([1000, 30_000])
  })

  it('has directions as long as each neuron’s weights, without biases', () => {
    const weights = [tensorOf('w', 'float32', [2, 2], [3, 4, 0, 2]), tensorOf('b', 'float32', [2], [1, 1])]
    const found = filterNormalised(Float64Array.of(1, 0, 3, 4, 9, 9), weights)
    expect([...found].map((x) => Number(x.toFixed(9)))).toEqual([5, 0, 1.2, 1.6, 0, 0])
  })
})

/** Made up: what sharpens with σ, and what does not. */
function fixedRows(): Fig4Row[] {
  const rows: Fig4Row[] = []
  for (const pair of [1, 2, 3])
    for (const range of [0, 0.3, 0.9])
      for (const cobs of range === 0 ? (['none'] as const) : (['own', 'one'] as const)) {
        const place = { pair, range, cobs, draw: 0 }
        const steep = cobs === 'one' ? 1 : 1 + 6 * range + 0.1 * pair * range
        for (const alpha of alphasOf({ points: 21 })) {
          const far = steep * (alpha * (1 - alpha)) ** 2 * (1 + 0.05 * pair)
          const [trainLoss, trainAccuracy] = [0.2 + far, 0.9 / (1 + far)]
          const test = { testLoss: trainLoss + 0.3, testAccuracy: trainAccuracy - 0.05 }
          rows.push({ ...place, kind: 'line', alpha, trainLoss, trainAccuracy, ...test })
        }
        if (cobs === 'one') continue
        for (const minimum of ['A', 'B'] as const) {
          const start = (minimum === 'A' ? 8 : 5) * pair
          rows.push({
            ...{ ...place, kind: 'sharpness', minimum, converged: true, distance: 20 + range },
            ...{ eigenvalue: start * (1 + 9 * range ** 2) * (1 + 0.1 * range * pair), scaledEigenvalue: start },
            ...{ filterCurvature: start * (1 + 5 * range ** 2) + 0.1 * pair * range, weightCurvature: 2 * start },
          })
        }
      }
  return rows
}

const FIXED: Fig4Settings = { ...SETTINGS.quick, ranges: [0.3, 0.9] }

describe('claims', () => {
  const verdicts = (rows: readonly Fig4Row[]) =>
    Object.fromEntries(claimsOf(rows, FIXED).map(({ id, verdict }) => [id, verdict]))

  it('say what holds', () => {
    expect(verdicts(fixedRows())).toEqual({
      'fig4/same function': 'holds',
      'fig4/minima': 'holds',
      'fig4/loss on the line': 'holds',
      'fig4/accuracy on the line': 'holds',
      'fig4/eigenvalue': 'holds',
      'fig4/invariant sharpness': 'holds',
      'fig4/filter-normalised sharpness': 'does not hold',
    })
  })

  it('take pairs for samples, and say what a reader must know of the line and the eigenvalues', () => {
    const rows = fixedRows().map((row): Fig4Row =>
      row.kind === 'sharpness' && row.pair === 1 && row.range === 0.9 ? { ...row, converged: false } : row,
    )
    const found = new Map(claimsOf(rows, FIXED).map((claim) => [claim.id, claim]))
    for (const id of ['fig4/minima', 'fig4/eigenvalue', 'fig4/filter-normalised sharpness'])
      expect(found.get(id)).toMatchObject({ n: 3, unit: 'pair of minima' })
    // The mean of both minima, at σ = 0.9 of pair 1: ln(5.05 + 0.09/8) and ln(5.05 + 0.09/5).
    expect(found.get('fig4/filter-normalised sharpness')?.range?.[0]).toBeCloseTo(
      (Math.log(5.05 + 0.09 / 8) + Math.log(5.05 + 0.09 / 5)) / 2,
      9,
    )
    expect(found.get('fig4/minima')?.note).toContain('‖B − A‖ is 1.04 times as long')
    expect(found.get('fig4/eigenvalue')?.note).toContain('2 of 18 eigenvalues not found to the tolerance')
    expect(found.get('fig4/invariant sharpness')?.note).toContain('2 of 18 eigenvalues')
  })

  it('say what does not', () => {
    const others = fixedRows().map((row): Fig4Row => {
      if (row.kind === 'line') return { ...row, trainLoss: (row.trainLoss as number) / (1 + row.range) ** 3 }
      if (row.kind === 'sharpness') return { ...row, scaledEigenvalue: row.scaledEigenvalue * (1 + row.range) }
      return row
    })
    expect(verdicts(others)).toMatchObject({
      'fig4/same function': 'does not hold',
      'fig4/loss on the line': 'does not hold',
      'fig4/invariant sharpness': 'does not hold',
    })
  })

  it('are undecided without rows, and with one pair', () => {
    for (const { verdict } of claimsOf([], FIXED)) expect(verdict).toBe('undecided at this scale')
    const one = verdicts(fixedRows().filter(({ pair }) => pair === 1))
    expect(one['fig4/minima']).toBe('undecided at this scale')
    expect(sharpnessRows(fixedRows())).toHaveLength(18)
  })
})

describe('plots', () => {
  it('are drawn of fixed rows', () => {
    for (const { name, svg } of plotsOf(fixedRows(), FIXED)) expectGolden(name, svg)
  })

  it('are drawn without rows', () => {
    for (const { svg } of plotsOf([], FIXED)) expect(svg).toContain('no data yet')
  })
})
