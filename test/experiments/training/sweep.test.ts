import { describe, expect, it } from 'vitest'
import { fig11 } from '../../../src/experiments/fig11/index.js'
import { fig12 } from '../../../src/experiments/fig12/index.js'
import { fig6 } from '../../../src/experiments/fig6/index.js'
import { fig7 } from '../../../src/experiments/fig7/index.js'
import { fig8 } from '../../../src/experiments/fig8/index.js'
import { fig9 } from '../../../src/experiments/fig9/index.js'
import type { Figure, Scale } from '../../../src/experiments/figure.js'
import { PAPER } from '../../../src/experiments/training/settings.js'
import { trainingSweep } from '../../../src/experiments/training/sweep.js'
import { runsOf } from '../../../src/sweeps/enumerate.js'

const runs = (figure: Figure, scale: Scale) => {
  const sweep = figure.sweep?.(figure.settings[scale])
  return sweep === undefined ? [] : runsOf(sweep)
}
const ids = (figure: Figure, scale: Scale) => new Set(runs(figure, scale).map(({ id }) => id))

describe('what figures train', () => {
  it('is configured in the plain form: defaults are not spelt out', () => {
    const ofMlp = runsOf(
      trainingSweep({ ...PAPER, networks: ['MLP 5×500'], datasets: ['cifar10'], epochs: 30, seeds: 3 }),
    )
    expect(ofMlp).toHaveLength(36)
    const plain = {
      data: { name: 'cifar10' },
      model: { name: 'mlp', hidden: [500, 500, 500, 500, 500] },
      training: {
        epochs: 30,
        batchSize: 256,
        optimizer: { name: 'sgd', lr: 0.01, momentum: 0, weightDecay: 0.01 },
        schedule: { name: 'multiStep', milestones: [80], gamma: 0.1 },
      },
      teleportations: [],
      seed: 1,
    }
    expect(ofMlp[0]?.config).toEqual(plain)
    expect(ofMlp[3]?.config).toEqual({
      ...plain,
      teleportations: [{ epoch: 0, kind: 'random', sampling: 'inter', range: 0.9 }],
    })
  })

  it('is 480 runs in the paper’s figure 6: networks, data sets, optimizers, arms and seeds', () => {
    expect(ids(fig6, 'paper').size).toBe(4 * 2 * 6 * 2 * 5)
  })

  it.each(['paper', 'quick'] as const)('has every run once at %s', (scale) => {
    for (const figure of [fig6, fig7, fig8, fig9, fig11, fig12])
      expect(ids(figure, scale).size, figure.name).toBe(runs(figure, scale).length)
  })

  it.each(['paper', 'quick'] as const)('is shared between figures at %s', (scale) => {
    const isShared = (of: Figure, by: Figure, label: string) => {
      const known = ids(by, scale)
      const own = runs(of, scale).filter(({ labels }) => String(labels['arm']).startsWith(label))
      return own.every(({ id }) => known.has(id))
    }
    expect(isShared(fig9, fig6, 'no teleportation')).toBe(true)
    expect(isShared(fig9, fig6, 'teleportation')).toBe(true)
    expect(isShared(fig9, fig6, 'pseudo')).toBe(false)
    expect(isShared(fig12, fig11, 'no teleportation')).toBe(true)
    expect(isShared(fig12, fig11, 'teleportation, σ = 0.9')).toBe(true)
  })

  it('has all families and at least three seeds at quick', () => {
    for (const figure of [fig6, fig8, fig9, fig11]) {
      const networks = new Set(runs(figure, 'quick').map(({ labels }) => String(labels['network']).split(/[ -]/)[0]))
      expect(networks, figure.name).toEqual(new Set(['MLP', 'VGG', 'ResNet', 'DenseNet']))
    }
    for (const figure of [fig6, fig7, fig8, fig9, fig11, fig12])
      expect(new Set(runs(figure, 'quick').map(({ labels }) => labels['seed'])).size).toBeGreaterThanOrEqual(3)
  })

  it('draws Xavier with gain 1 for the MLP and 0.02 for networks with normalisations, as the authors do', () => {
    const gains = runs(fig8, 'paper').flatMap(({ labels, config }) => {
      const { initialize } = config.model as { readonly initialize?: { readonly type: string; readonly gain?: number } }
      return initialize?.type === 'xavier' ? [`${labels['network']} ${initialize.gain}`] : []
    })
    expect(new Set(gains)).toEqual(new Set(['MLP 5×500 1', 'VGG-16-bn 0.02', 'ResNet-18 0.02', 'DenseNet-121 0.02']))
  })
})
