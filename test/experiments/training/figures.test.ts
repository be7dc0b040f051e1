import { describe, expect, it } from 'vitest'
import { fig11 } from '../../../src/experiments/fig11/index.js'
import { fig12 } from '../../../src/experiments/fig12/index.js'
import { fig6 } from '../../../src/experiments/fig6/index.js'
import { fig7 } from '../../../src/experiments/fig7/index.js'
import { fig8 } from '../../../src/experiments/fig8/index.js'
import { fig9 } from '../../../src/experiments/fig9/index.js'
import type { Figure } from '../../../src/experiments/figure.js'
import type { TrainingRow } from '../../../src/experiments/training/rows.js'
import type { Arm, JumpSettings, TrainingSettings } from '../../../src/experiments/training/settings.js'
import { CONDITION, rowsOfRun } from './rows-of-runs.js'

const SEEDS = [1, 2, 3, 4]

/** Seeds differ, and arms by about `gain` points: by as much more in some seeds as by less in others. */
function rowsWithGain(gain: Readonly<Partial<Record<Arm, number>>>, part: Partial<TrainingRow> = {}): TrainingRow[] {
  return SEEDS.flatMap((seed) =>
    Object.entries(gain).flatMap(([arm, points]) => {
      const own = points === 0 ? 0 : points * (1 + 0.02 * (seed - 2.5)) + 0.1 * (seed - 2.5)
      const accuracies = [1, 2, 3, 4].map((epoch) => 10 + 5 * epoch + seed + own)
      return rowsOfRun({ ...CONDITION, ...part, seed, arm: arm as Arm, accuracies } as Parameters<typeof rowsOfRun>[0])
    }),
  )
}

const verdictsOf = (figure: Figure, rows: readonly TrainingRow[], change: object = {}) =>
  Object.fromEntries(
    figure
      .claims(rows, { ...figure.settings.quick, epochs: 4, ...change })
      .map(({ id, verdict, value }) => [id, [verdict, value === null ? null : Math.round(100 * value) / 100]]),
  )

describe('claims on rows that were made up', () => {
  it('fig6, fig7, fig8: a faster arm holds, a slower one does not, few seeds are undecided', () => {
    for (const [figure, part, id] of [
      [fig6, {}, 'fig6/MLP 5×100/cifar10/lr 0.01 momentum 0.9'],
      [fig7, { activation: 'tanh' }, 'fig7/MLP 5×100/cifar10/tanh/lr 0.01 momentum 0.9'],
      [
        fig8,
        { initialization: 'Gaussian, std 0.02' },
        'fig8/MLP 5×100/cifar10/Gaussian, std 0.02/lr 0.01 momentum 0.9',
      ],
    ] as const) {
      const of = (gain: number) =>
        verdictsOf(figure, rowsWithGain({ 'no teleportation': 0, teleportation: gain }, part))
      expect(of(3)).toMatchObject({ [id]: ['holds', 3], [`${id}/final`]: ['holds', 3] })
      expect(of(-3)).toMatchObject({ [id]: ['does not hold', -3], [`${id}/final`]: ['does not hold', -3] })
      expect(of(0.01)[id]?.[0]).toBe('undecided at this scale')
      const one = rowsWithGain({ 'no teleportation': 0, teleportation: 3 }, part).filter(({ seed }) => seed === 1)
      expect(verdictsOf(figure as Figure, one)[id]?.[0]).toBe('undecided at this scale')
    }
  })

  it('fig6: a run that diverged is said in the note', () => {
    const rows = rowsWithGain({ 'no teleportation': 0, teleportation: 3 }).filter(
      ({ seed, arm }) => seed < 4 || arm === 'no teleportation',
    )
    const failed = rowsOfRun({ seed: 4, arm: 'teleportation', accuracies: [], failed: 'the loss is not finite' })
    const [claim] = fig6.claims([...rows, ...failed], { ...fig6.settings.quick, epochs: 4 })
    expect(claim?.note).toMatch(/^1 of 8 runs diverged/)
    expect(claim?.verdict).toBe('undecided at this scale')
    expect(claim?.range?.[0]).toBeCloseTo(-26.5, 9)
  })

  it('fig9: a pseudo-teleportation that is no faster than the margin holds, a faster one does not', () => {
    const id = 'fig9/MLP 5×100/cifar10/lr 0.01 momentum 0.9'
    const of = (pseudo: number) =>
      verdictsOf(fig9, rowsWithGain({ 'no teleportation': 0, teleportation: 3, 'pseudo-teleportation': pseudo }))
    expect(of(-2)).toMatchObject({ [id]: ['holds', -2], [`${id}/beside teleportation`]: ['holds', 5] })
    expect(of(0.2)[id]?.[0]).toBe('holds')
    expect(of(4)).toMatchObject({ [id]: ['does not hold', 4], [`${id}/beside teleportation`]: ['does not hold', -1] })
    expect(of(1.01)[id]?.[0]).toBe('undecided at this scale')
  })

  /** After epoch 2, by `points` per unit of σ. */
  const jumped = (points: number, ranges: readonly number[]) =>
    SEEDS.flatMap((seed) => {
      const part = { learningRate: 0.001, seed }
      const after = (range: number) => range * (points + 0.1 * seed)
      return [
        ...rowsOfRun({ ...part, accuracies: [10, 15, 20, 25] }),
        ...ranges.flatMap((range) =>
          rowsOfRun({
            ...part,
            arm: 'teleportation',
            range,
            accuracies: [10, 15, 20 + after(range), 25 + after(range)],
          }),
        ),
      ]
    })

  it('fig11: a jump up holds, a fall does not', () => {
    const id = 'fig11/MLP 5×100/cifar10/lr 0.001 momentum 0.9'
    expect(verdictsOf(fig11 as unknown as Figure, jumped(4, [0.9]))[id]).toEqual(['holds', 3.83])
    expect(verdictsOf(fig11 as unknown as Figure, jumped(-4, [0.9]))[id]?.[0]).toBe('does not hold')
  })

  it('fig12: the slope over σ has the sign of the jumps’ growth', () => {
    const id = 'fig12/MLP 5×100/cifar10/lr 0.001 momentum 0.9'
    const ranges = [0.5, 0.7, 0.9]
    expect(verdictsOf(fig12 as unknown as Figure, jumped(4, ranges))).toMatchObject({
      [`${id}/slope`]: ['holds', 4.25],
      [`${id}/σ 0.5`]: ['holds', 2.13],
    })
    expect(verdictsOf(fig12 as unknown as Figure, jumped(-4, ranges))[`${id}/slope`]?.[0]).toBe('does not hold')
  })
})

describe('drawings', () => {
  const few: TrainingSettings = { ...fig6.settings.quick, epochs: 4 }
  const rows = [
    ...rowsWithGain({ 'no teleportation': 0, teleportation: 3 }),
    ...rowsWithGain({ 'no teleportation': 0, teleportation: -1 }, { learningRate: 0.001 }),
  ]
  const diverged = rowsOfRun({ seed: 5, arm: 'teleportation', accuracies: [12], failed: 'the loss is not finite' })

  it('of speed are these', async () => {
    for (const { name, svg } of fig6.plots([...rows, ...diverged], few))
      await expect(svg).toMatchFileSnapshot(`../../golden/${name}.svg`)
  })

  it('of jumps are these', async () => {
    const settings: JumpSettings = { ...fig12.settings.quick, networks: ['MLP 5×100'] }
    const jumps = SEEDS.flatMap((seed) => [
      ...rowsOfRun({ learningRate: 0.001, seed, accuracies: [10, 15, 20 + seed, 25 + seed] }),
      ...[0.5, 0.7, 0.9].flatMap((range) =>
        rowsOfRun({
          learningRate: 0.001,
          seed,
          arm: 'teleportation',
          range,
          accuracies: [10, 15, 20 + seed + 5 * range, 25 + seed + 6 * range],
        }),
      ),
    ])
    for (const { name, svg } of fig12.plots(jumps, settings))
      await expect(svg).toMatchFileSnapshot(`../../golden/${name}.svg`)
  })

  it('say where training ends before the decay of the learning rate', () => {
    const [short] = fig6.plots(rows, few)
    expect(short?.caption).toContain('4 epochs end before its decay, after epoch 80')
    const [whole] = fig6.plots(rows, { ...few, learningRateDecayEpochs: [3] })
    expect(whole?.caption).not.toContain('decay')
  })

  it('say how many runs failed, and end their mean there', () => {
    const [accuracy] = fig6.plots([...rows, ...diverged], few)
    expect(accuracy?.caption).toContain('1 of 17 runs failed')
    expect(accuracy?.svg).toContain('teleportation: 1 of 5 failed')
  })

  it('are there without any rows', () => {
    for (const figure of [fig6, fig7, fig8, fig9, fig11, fig12] as unknown as Figure[])
      for (const { svg } of figure.plots([], figure.settings.quick)) expect(svg).toContain('no data yet')
  })

  it('have a drawing of their own for CIFAR-100', () => {
    const names = fig6
      .plots([...rows, ...rowsWithGain({ 'no teleportation': 0, teleportation: 3 }, { dataset: 'cifar100' })], {
        ...few,
        datasets: ['cifar10', 'cifar100'],
      })
      .map(({ name }) => name)
    expect(names).toContain('fig6')
    expect(names).toContain('fig6-cifar100')
  })
})
