import fc from 'fast-check'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { runsOf } from '../../src/sweeps/enumerate.js'
import { runsOfFile } from '../../src/sweeps/sweep-file.js'

const training = { epochs: 3, batchSize: 256, optimizer: { name: 'sgd', lr: 0.1 } }
const base = { data: { name: 'cifar10' }, model: { name: 'mlp' }, training }
const idOf = (config: Readonly<Record<string, unknown>>) => runsOf({ base: config, axes: {}, seeds: [1] })[0]!.id

/** Settings with the values that they have by default. */
const DEFAULTS = {
  data: { training: 50_000, validation: 10_000 },
  model: {
    hidden: [500, 500, 500, 500, 500],
    batchNorm: false,
    activation: 'relu',
    initialize: 'default',
    classes: 10,
    seed: 1,
    inputShape: [3, 32, 32],
  },
  training: { augment: true, loss: 'crossEntropy', l2Penalty: 0, frozen: [], schedule: { name: 'constant' } },
  optimizer: { momentum: 0, dampening: 0, nesterov: false, weightDecay: 0 },
} as const

/** A spelling of an object: some of the defaults, keys in any order. */
const spelling = (object: object, defaults: object) =>
  fc.tuple(fc.subarray(Object.entries(defaults)), fc.infiniteStream(fc.nat(1000))).map(([more, order]) =>
    Object.fromEntries(
      [...Object.entries(object), ...more]
        .map((entry) => [order.next().value as number, entry] as const)
        .sort((a, b) => a[0] - b[0])
        .map(([, entry]) => entry),
    ),
  )

describe('the identity of a run', () => {
  it('is the same for all spellings of a configuration', () => {
    const spelled = fc
      .tuple(
        spelling(base.data, { ...DEFAULTS.data, cache: 'elsewhere' }),
        spelling(base.model, DEFAULTS.model),
        spelling(training, DEFAULTS.training),
        spelling(training.optimizer, DEFAULTS.optimizer),
        spelling({}, { threads: 3, device: 'cpu', checkpoints: { keep: 1 }, teleportations: [] }),
      )
      .map(([data, model, rest, optimizer, others]) => ({ ...others, training: { ...rest, optimizer }, model, data }))
    const id = idOf(base)
    fc.assert(fc.property(spelled, (config) => idOf(config) === id))
  })

  it('is another one where anything differs that changes the results', () => {
    const others = [
      { ...base, data: { name: 'cifar10', training: 49_999 } },
      { ...base, model: { name: 'mlp', hidden: [500, 500, 500, 500] } },
      { ...base, model: { name: 'mlp', seed: 2 } },
      { ...base, training: { ...training, epochs: 4 } },
      { ...base, training: { ...training, augment: false } },
      { ...base, teleportations: [{ epoch: 0, kind: 'random' }] },
      { ...base, teleportations: [{ epoch: 0, kind: 'random', seed: 1 }] },
      base,
    ]
    expect(new Set(others.map(idOf)).size).toBe(others.length)
  })

  it('stays as it is from version to version: folders bear it', () => {
    expect(idOf(base)).toBe('f8cc8b66cfa8e927')
  })

  it('depends on what a file holds, not on its name', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'identity-'))
    for (const [name, text] of [
      ['a', 'x'],
      ['b', 'x'],
      ['c', 'y'],
    ])
      fs.writeFileSync(path.join(folder, name!), text!)
    const ids = ['a', 'b', 'c'].map(
      (file) => runsOf({ base: { ...base, model: { file } }, axes: {}, seeds: [1] }, { beside: folder })[0]!.id,
    )
    expect(ids[0]).toBe(ids[1])
    expect(ids[2]).not.toBe(ids[0])
    fs.rmSync(folder, { recursive: true })
  })
})

describe('a matrix', () => {
  const axes = { lr: { a: {}, b: { training: { optimizer: { lr: 0.2 } } } }, kind: { x: {}, y: { seed: 9 } } }

  it('is enumerated with the seed fastest, without what is excluded', () => {
    const runs = runsOf({ base, axes, seeds: [1, 2], exclude: [{ lr: 'b', seed: 2 }] })
    const labels = runs.map(({ labels }) => Object.values(labels).join(''))
    expect(labels).toEqual(['ax1', 'ax2', 'ay1', 'ay2', 'bx1', 'by1'])
    expect(runs.at(-1)!.config.training.optimizer).toEqual({ name: 'sgd', lr: 0.2 })
    expect(runs.map(({ config }) => config.seed)).toEqual([1, 2, 1, 2, 1, 1])
  })

  it('takes another optimizer in place of the one of the base, with what other axes say of it', () => {
    const optimizers = { sgd: {}, adam: { training: { optimizer: { name: 'adam' } } } }
    const rates = { a: {}, b: { training: { optimizer: { lr: 0.3 } } } }
    const momentum = { ...base, training: { ...training, optimizer: { name: 'sgd', lr: 0.1, momentum: 0.9 } } }
    // Whichever axis comes first.
    for (const axes of [
      { rate: rates, optimizer: optimizers },
      { optimizer: optimizers, rate: rates },
    ]) {
      const of = (optimizer: string, rate: string) =>
        runsOf({ base: momentum, axes, seeds: [1] }).find(
          ({ labels }) => labels['optimizer'] === optimizer && labels['rate'] === rate,
        )?.config.training
      expect(of('sgd', 'b')).toEqual({ ...training, optimizer: { name: 'sgd', lr: 0.3, momentum: 0.9 } })
      expect(of('adam', 'a')).toEqual({ ...training, optimizer: { name: 'adam' } })
      expect(of('adam', 'b')).toEqual({ ...training, optimizer: { name: 'adam', lr: 0.3 } })
    }
  })

  it('takes another network, from a file too, and other data in place of those of the base', () => {
    const [run] = runsOf({
      base: { ...base, model: { name: 'mlp', hidden: [3] } },
      axes: { network: { cnn: { model: { name: 'vgg16' }, data: { name: 'random', classes: 4 } } } },
      seeds: [1],
    })
    expect(run!.config).toMatchObject({ model: { name: 'vgg16' }, data: { name: 'random', classes: 4 } })
    expect(run!.config.model).not.toHaveProperty('hidden')
    const file = new URL(import.meta.url).pathname
    const axes = { network: { file: { model: { file } } } }
    expect(runsOf({ base, axes, seeds: [1] })[0]!.config.model).toEqual({ file })
  })

  it.each([
    ['lr: 0.01 }', 'lr: x }', /^s\.yaml:7 \(run lr a, seed 1\): training\.optimizer\.lr: expected number/],
    ['lr: 0.2', 'lr: -1', /^s\.yaml:9 \(run lr b, seed 1\): training\.optimizer\.lr: /],
    ['name: mlp', 'name: mpl', /^s\.yaml:3 \(run lr a, seed 1\): there is no model 'mpl'/],
    // What is missing is not the base's, which has it.
    ['lr: 0.2', 'name: sgd2', /^s\.yaml:9 \(run lr b, seed 1\): training\.optimizer/],
    ['optimizer: { lr: 0.2 }', 'schedule: { name: step }', /^s\.yaml:9 \(run lr b, seed 1\): training\.schedule\.size/],
    ['seeds: 2', 'seeds: 0', /^s\.yaml:10: seeds: expected a list of whole numbers, or how many/],
    ['seeds: 2', 'seeds: 2\nexclude: [{ lr: z }]', /^s\.yaml: exclude\.0: there is no lr 'z'; expected one of a, b/],
    ['seeds: 2', 'sedes: 2', /^s\.yaml:10: there is no setting 'sedes'/],
  ])('that is wrong is refused with its line: %s as %s', (from, to, message) => {
    const text = `base:
  data: { name: cifar10 }
  model: { name: mlp }
  training:
    epochs: 3
    batchSize: 8
    optimizer: { name: sgd, lr: 0.01 }
axes:
  lr: { a: {}, b: { training: { optimizer: { lr: 0.2 } } } }
seeds: 2
`
    expect(runsOfFile(text, 's.yaml')).toHaveLength(4)
    expect(() => runsOfFile(text.replace(from, to), 's.yaml')).toThrow(message)
  })
})
