import { describe, expect, it } from 'vitest'
import { LossGradients } from '../../src/autodiff/loss-gradients.js'
import { sampleCob } from '../../src/cob/sample.js'
import { randomData } from '../../src/data/random-data.js'
import { claimsOf } from '../../src/experiments/fig3/claims.js'
import { cellsOf } from '../../src/experiments/fig3/compute.js'
import { eulerOf } from '../../src/experiments/fig3/euler.js'
import { plotsOf } from '../../src/experiments/fig3/plot.js'
import {
  type CosinesRow,
  cosinesOf,
  type Fig3Row,
  GRADIENT_RANDOM,
  MICRO_GRADIENT,
  MICRO_RANDOM,
  PAIRS,
  RANDOM_RANDOM,
} from '../../src/experiments/fig3/rows.js'
import { type Fig3Settings, SETTINGS } from '../../src/experiments/fig3/settings.js'
import type { CellContext } from '../../src/experiments/figure.js'
import { networkOf } from '../../src/experiments/networks.js'
import { ModelError, type Tensor } from '../../src/graph/model.js'
import { numbersOf } from '../../src/graph/tensor.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { firstBatch } from '../../src/runs/sources.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import { teleport } from '../../src/teleport/teleport.js'
import { expectGolden } from '../support/golden.js'

const TINY: Fig3Settings = {
  ...SETTINGS.quick,
  networks: ['MLP 2×6'],
  datasets: ['random'],
  batchSizes: [2, 5],
  ranges: [0.01, 0.1],
  teleportations: 3,
  furtherTeleportations: 2,
  weightDecays: [0.5],
}
const data = randomData({ train: 8, validation: 1 })

const context: CellContext = {
  threads: 1,
  signal: new AbortController().signal,
  dataset: () => Promise.resolve(data),
  onProgress: () => undefined,
  warn: () => undefined,
}

async function rowsOf(settings: Fig3Settings, given: CellContext = context): Promise<Fig3Row[]> {
  const cells = await Promise.all(cellsOf(settings).map((cell) => cell.run(given)))
  return cells.flat()
}

function only(rows: readonly Fig3Row[], wanted: Partial<CosinesRow>): CosinesRow {
  const found = cosinesOf(rows).filter((row) => Object.entries(wanted).every(([key, value]) => row[key] === value))
  expect(found).toHaveLength(1)
  return found[0] as CosinesRow
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0)
const cosine = (a: readonly number[], b: readonly number[]) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))

describe('cosines', () => {
  it('are those of steps and gradients, computed by hand', async () => {
    const rows = await rowsOf(TINY)
    const model = networkOf('MLP 2×6')
    const names = [...model.graph.initializers.keys()]
    const flat = (tensors: ReadonlyMap<string, Tensor>) =>
      names.flatMap((name) => [...numbersOf(tensors.get(name) as Tensor)])
    const weights = flat(model.graph.initializers)
    const session = await LossGradients.open(nodeRuntime, model, { threads: 1 })
    const quiver = quiverOf(model, { scope: 'full' })
    for (const batchSize of [2, 5]) {
      const { images, labels } = await firstBatch(data, batchSize)
      const gradient = flat((await session.run(images, labels)).gradients)
      const penalised = gradient.map((g, i) => g + 0.5 * (weights[i] as number))
      for (const range of [0.01, 0.1]) {
        const wanted = { batchSize, range, scope: 'full', coordinates: 'all arrows', pair: MICRO_GRADIENT } as const
        const plain = only(rows, { ...wanted, weightDecay: 0 })
        const withPenalty = only(rows, { ...wanted, weightDecay: 0.5 })
        expect(plain.dimension).toBe(weights.length)
        expect(plain.cosines).toHaveLength(range === 0.01 ? 3 : 2)
        plain.cosines.forEach((found, seed) => {
          const moved = teleport(model, quiver, sampleCob(quiver, { range, seed }))
          const step = flat(moved.graph.initializers).map((v, i) => v - (weights[i] as number))
          expect(Math.abs(found - cosine(step, gradient))).toBeLessThan(1e-7)
          expect(Math.abs((withPenalty.cosines[seed] as number) / cosine(step, penalised) - 1)).toBeLessThan(1e-4)
          const squares = step.reduce((sum, d, i) => sum + (d * (gradient[i] as number)) ** 2, 0)
          const width = Math.sqrt(squares / (dot(step, step) * dot(gradient, gradient)))
          expect(Math.abs((plain.signWidths?.[seed] as number) / width - 1)).toBeLessThan(1e-4)
        })
      }
    }
    await session.release()
  })

  it('with random vectors have the deviation 1/√n, and differ between draws', async () => {
    const rows = await rowsOf({ ...TINY, teleportations: 60, furtherTeleportations: 1, batchSizes: [5] })
    for (const pair of [MICRO_RANDOM, GRADIENT_RANDOM, RANDOM_RANDOM] as const) {
      const { cosines, dimension } = only(rows, { pair })
      const rms = Math.sqrt((dot(cosines, cosines) / cosines.length) * dimension)
      expect(rms).toBeGreaterThan(0.7)
      expect(rms).toBeLessThan(1.3)
      expect(new Set(cosines).size).toBe(60)
    }
  })

  it('are the same each time', async () => {
    expect(await rowsOf(TINY)).toEqual(await rowsOf(TINY))
  })
})

describe('a residual network', () => {
  it('is perpendicular if all arrows count, or in scope weights; not by its trained weights alone', async () => {
    const settings = { ...TINY, networks: ['ResNet-10, width 1/16'], ranges: [0.001, 0.01], batchSizes: [8] }
    const rows = await rowsOf(settings)
    const size = (wanted: Partial<CosinesRow>) => {
      const { cosines } = only(rows, { pair: MICRO_GRADIENT, weightDecay: 0, sampling: 'intra', ...wanted })
      return Math.sqrt(dot(cosines, cosines) / cosines.length)
    }
    const all = { scope: 'full', coordinates: 'all arrows' } as const
    const trained = { scope: 'full', coordinates: 'trained weights' } as const
    expect(size({ ...all, range: 0.01 }) / size({ ...all, range: 0.001 })).toBeGreaterThan(5)
    expect(size({ ...all, range: 0.001 })).toBeLessThan(2e-5)
    expect(size({ scope: 'weights', range: 0.001 })).toBeLessThan(2e-5)
    expect(size({ ...trained, range: 0.001 })).toBeGreaterThan(1e-4)
    expect(size({ ...trained, range: 0.01 }) / size({ ...trained, range: 0.001 })).toBeLessThan(2)
    const euler = rows.find((row) => row.kind === 'euler')
    if (euler?.kind !== 'euler') throw new Error('no row of Euler’s identity')
    expect(euler.neurons).toBeGreaterThan(100)
    expect(euler.largestDifference).toBeLessThan(1e-5 * euler.largestSum)
  })

  it('is not found to obey Euler’s identity with a gradient that is not its own', () => {
    const model = networkOf('MLP 2×6')
    const euler = eulerOf(quiverOf(model, { scope: 'full' }), model, (name) => {
      const weights = Float32Array.from(numbersOf(model.graph.initializers.get(name) as Tensor))
      return { weights, gradient: weights }
    })
    expect(euler.neurons).toBe(12)
    expect(euler.largestDifference).toBeGreaterThan(0.1 * euler.largestSum)
  })
})

describe('a data set that cannot be had', () => {
  it('is a row with its reason, and in the captions', async () => {
    const told: string[] = []
    const failing = (error: Error): CellContext => ({
      ...context,
      dataset: () => Promise.reject(error),
      warn: (line) => told.push(line),
    })
    const settings: Fig3Settings = { ...TINY, datasets: ['cifar100'] }
    const rows = await rowsOf(settings, failing(new ModelError('cifar100: no route to the archive')))
    expect(rows).toEqual([
      { network: 'MLP 2×6', dataset: 'cifar100', kind: 'skipped', reason: 'cifar100: no route to the archive' },
    ])
    expect(told).toHaveLength(1)
    for (const { caption } of plotsOf(rows, settings)) expect(caption).toContain('Without cifar100: cifar100: no route')
    for (const { verdict } of claimsOf(rows, settings)) expect(verdict).toBe('undecided at this scale')
    await expect(rowsOf(settings, failing(new Error('a defect')))).rejects.toThrow('a defect')
  })
})

/** Made up: of two networks, one of which keeps an angle. */
function fixedRows(networks: readonly string[] = FIXED.networks): Fig3Row[] {
  const rows: Fig3Row[] = []
  const wave = (i: number) => Math.sin(1 + 2.4 * i)
  for (const network of networks)
    for (const batchSize of [8, 64]) {
      const common = { kind: 'cosines', network, dataset: 'cifar10', batchSize, dimension: 10_000 } as const
      const cosines = (size: number, count = 12) => Array.from({ length: count }, (_, i) => size * (0.2 + wave(i)))
      const paper = { ...common, scope: 'full', coordinates: 'all arrows', sampling: 'intra' } as const
      for (const pair of PAIRS.slice(1))
        rows.push({ ...paper, pair, range: 0.001, weightDecay: 0, cosines: cosines(0.01), signWidths: null })
      // No two slopes are quite the same.
      const exponent = 1 + batchSize / 10_000 + network.length / 1000
      for (const range of [0.001, 0.01, 0.1]) {
        const micro = { ...paper, pair: MICRO_GRADIENT, range } as const
        const signWidths = new Array<number>(12).fill(0.02)
        rows.push({ ...micro, weightDecay: 0, cosines: cosines(0.01 * range ** exponent), signWidths })
        rows.push({ ...micro, weightDecay: 0.01, cosines: cosines(0.03), signWidths: null })
        const trained = network === 'ResNet-18' ? 0.004 : 0.01 * range
        const coordinates = 'trained weights' as const
        rows.push({ ...micro, coordinates, weightDecay: 0, cosines: cosines(trained), signWidths })
      }
      const further = { ...common, coordinates: 'trained weights', pair: MICRO_GRADIENT, range: 0.001 } as const
      const alone = { weightDecay: 0, signWidths: null } as const
      rows.push({ ...further, ...alone, scope: 'full', sampling: 'inter', cosines: cosines(0.05) })
      rows.push({ ...further, ...alone, scope: 'weights', sampling: 'intra', cosines: cosines(2e-5) })
      rows.push({
        ...{ kind: 'euler', network, dataset: 'cifar10', batchSize },
        ...{ neurons: 100, largestDifference: 1e-8, largestSum: 0.5 },
      })
    }
  return rows
}

const FIXED: Fig3Settings = { ...SETTINGS.paper, networks: ['MLP 1×128', 'ResNet-18'], datasets: ['cifar10'] }

/** Of so many networks as claims about all of them need; no two of them are quite the same. */
const FOUR = ['MLP 1×128', 'ResNet-18', 'VGG-16', 'DenseNet-121']
const claimRows = (): Fig3Row[] =>
  fixedRows(FOUR).map((row): Fig3Row => {
    const at = FOUR.indexOf(row.network)
    if (row.kind !== 'cosines') return row
    const factor = row.sampling === 'inter' ? 1 + at / 50 : row.range ** (at / 500)
    return { ...row, cosines: row.cosines.map((cosine) => factor * cosine) }
  })

describe('claims', () => {
  const verdicts = (rows: readonly Fig3Row[]) =>
    Object.fromEntries(claimsOf(rows, FIXED).map(({ id, verdict }) => [id, verdict]))

  it('say what holds', () => {
    expect(verdicts(claimRows())).toEqual({
      'fig3/perpendicular/MLP 1×128': 'holds',
      'fig3/perpendicular/ResNet-18': 'holds',
      'fig3/trained weights alone/MLP 1×128': 'holds',
      'fig3/trained weights alone/ResNet-18': 'does not hold',
      'fig3/first order': 'holds',
      'fig3/first order, weight decay': 'holds',
      'fig3/euler': 'holds',
      'fig3/weight decay/MLP 1×128': 'holds',
      'fig3/weight decay/ResNet-18': 'holds',
      'fig3/inter': 'holds',
    })
  })

  it('take networks for samples where they are about networks, not the batches that share one', () => {
    const found = claimsOf(claimRows(), FIXED).filter(({ id }) => ['fig3/first order', 'fig3/inter'].includes(id))
    expect(found.map(({ n, unit }) => [n, unit])).toEqual([
      [4, 'network'],
      [4, 'network'],
    ])
  })

  it('do not take what a penalty or a change of signs leaves perpendicular for anything else', () => {
    const falling = claimRows().map((row): Fig3Row =>
      row.kind === 'cosines' && row.weightDecay > 0
        ? { ...row, cosines: row.cosines.map((cosine) => cosine * row.range) }
        : row,
    )
    expect(verdicts(falling)['fig3/first order, weight decay']).toBe('does not hold')
    const small = claimRows().map((row): Fig3Row => {
      if (row.kind !== 'cosines' || (row.weightDecay === 0 && row.sampling === 'intra')) return row
      // Ten times what is left without a penalty, and still a hundredth of chance.
      return { ...row, cosines: row.cosines.map((cosine) => cosine / 300) }
    })
    const found = verdicts(small)
    for (const id of ['weight decay/MLP 1×128', 'inter']) expect(found[`fig3/${id}`]).toBe('does not hold')
  })

  it('do not take what is as perpendicular as by chance for perpendicular', () => {
    const chance = claimRows().map((row): Fig3Row => {
      if (row.kind === 'euler') return { ...row, largestDifference: 0.01 }
      if (row.kind !== 'cosines' || row.weightDecay > 0) return row
      const size = 0.01 * row.range ** (row.batchSize / 10_000 + FOUR.indexOf(row.network) / 500)
      return { ...row, cosines: row.cosines.map((_, i) => size * Math.cos(i)) }
    })
    const found = verdicts(chance)
    for (const id of ['perpendicular/MLP 1×128', 'perpendicular/ResNet-18', 'first order', 'euler'])
      expect(found[`fig3/${id}`]).toBe('does not hold')
    // One cell that is not so is enough.
    const one = claimRows().map((row, i) => (i < 20 ? (chance[i] as Fig3Row) : row))
    expect(verdicts(one)['fig3/perpendicular/MLP 1×128']).toBe('does not hold')
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
