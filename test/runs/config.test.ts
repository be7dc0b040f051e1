import fs from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ModelError } from '../../src/graph/model.js'
import { type ModelOptions, modelOf } from '../../src/models/registry.js'
import { readConfig } from '../../src/runs/config.js'

const GOOD = `data: { name: cifar10, training: 1000 }
model:
  name: mlp
  hidden: [500, 500]
training:
  epochs: 3
  batchSize: 64
  optimizer: { name: sgd, lr: 0.01, momentum: 0.9 }
teleportations:
  - { epoch: 0, kind: random, sampling: inter }
  - epoch: 2
    kind: pseudo
seed: 7
`

describe('a configuration', () => {
  it('is read with its defaults', () => {
    const { config, where } = readConfig(GOOD, 'run.yaml')
    expect(config).toMatchObject({
      data: { name: 'cifar10', training: 1000 },
      model: { name: 'mlp', hidden: [500, 500] },
      training: {
        epochs: 3,
        loss: 'crossEntropy',
        optimizer: { name: 'sgd', lr: 0.01, momentum: 0.9, weightDecay: 0, nesterov: false },
        schedule: { name: 'constant' },
        augment: true,
      },
      teleportations: [
        { epoch: 0, kind: 'random', sampling: 'inter', range: 0.9, scope: 'full', momentum: 'reset' },
        { epoch: 2, kind: 'pseudo', norm: 'l2' },
      ],
      seed: 7,
      device: 'cpu',
      checkpoints: { keep: 2 },
    })
    expect(where('teleportations', 1)).toBe('run.yaml:11')
  })

  it.each([
    ['a number that is a text', GOOD.replace('epochs: 3', 'epochs: three'), /^run\.yaml:6: training\.epochs: expected/],
    ['a setting that is not there', GOOD.replace('seed: 7', 'sed: 7'), /^run\.yaml:13: there is no setting 'sed'/],
    [
      'a wrong setting deep inside',
      GOOD.replace('kind: pseudo', 'kind: sudo'),
      /^run\.yaml:12: teleportations\.1\.kind/,
    ],
    ['a missing one', GOOD.replace('  batchSize: 64\n', ''), /^run\.yaml:5: training\.batchSize: expected/],
    ['what is no YAML', `${GOOD}  x: [1`, /^run\.yaml:\d+: no valid YAML/],
    ['an alias of nothing', GOOD.replace('seed: 7', 'seed: *x'), /^run\.yaml: no valid YAML: Unresolved alias/],
    ['a key twice', `${GOOD}seed: 8\n`, /^run\.yaml:14: no valid YAML/],
    ['nothing', '', /^run\.yaml: expected object|^run\.yaml:1: expected object/],
    ['a bad rate', GOOD.replace('lr: 0.01', 'lr: -1'), /^run\.yaml:8: training\.optimizer\.lr/],
    ['no name and no file', GOOD.replace('  name: mlp\n', ''), /^run\.yaml:2: model: expected \{ name/],
  ])('with %s is refused with its line', (_, text, message) => {
    let error: unknown
    try {
      readConfig(text, 'run.yaml')
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(ModelError)
    expect((error as ModelError).message).toMatch(message)
    expect((error as ModelError).message).not.toContain('\n')
  })
})

describe('the examples', () => {
  const folder = new URL('../../examples/', import.meta.url)
  it.each(fs.readdirSync(folder).filter((name) => !name.startsWith('sweep')))('%s is a configuration', (name) => {
    const { model } = readConfig(fs.readFileSync(new URL(name, folder), 'utf8'), name).config
    const { name: network, ...options } = model as { readonly name: string } & ModelOptions
    expect(modelOf(network, options).graph.outputs).toHaveLength(1)
  })

  it('on the page of the command is one of them', () => {
    const page = fs.readFileSync(new URL('../../docs/commands/train.md', import.meta.url), 'utf8')
    const example = fs.readFileSync(new URL('mlp-cifar10.yaml', folder), 'utf8')
    expect(/```yaml\n([^]*?)```/.exec(page)?.[1]).toBe(example.replace(/^#.*\n/gm, ''))
  })
})
