import { describe, expect, it } from 'vitest'
import { identityCob } from '../../src/cob/cob.js'
import { sampleCob } from '../../src/cob/sample.js'
import type { Model } from '../../src/graph/model.js'
import { bytesOf, numbersOf } from '../../src/graph/tensor.js'
import { modelOf } from '../../src/models/registry.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import type { HostTensors } from '../../src/runtime/session.js'
import { weightsOf } from '../../src/teleport/distance.js'
import { trainingQuiver } from '../../src/teleport/training-quiver.js'
import { fit } from '../../src/train/fit.js'
import { adam } from '../../src/train/optimizer-adam.js'
import { sgd } from '../../src/train/optimizer-sgd.js'
import { openTrainer } from '../../src/train/runner.js'
import { land, type Teleportation } from '../../src/train/teleportation.js'
import { cpuLowering } from '../../src/autodiff/lowering/lowering.js'
import { NO_LOWERING, trainingStep } from '../../src/train/training-step.js'
import { batchOf, fitOptions, residual, RESIDUAL_SHAPE } from './batches.js'
import { mlp, networkOf, weight } from './networks.js'

const optimizer = sgd({ lr: 0.05, momentum: 0.9 })
const step = (model: Model, by = optimizer, lowering = cpuLowering) =>
  trainingStep(model, { loss: 'crossEntropy', optimizer: by, batchSize: 8, frozen: ['teleport/*'] }, lowering)
const open = (model: Model, by = optimizer, lowering = cpuLowering) =>
  openTrainer(nodeRuntime, step(model, by, lowering), { threads: 1, seed: 5 })

/** Loss in training mode (batch statistics, the same dropout masks), and sum of losses in inference form. */
async function lossesOf(
  model: Model,
  shape: readonly number[],
  lowering = cpuLowering,
): Promise<readonly [number, number]> {
  const trainer = await open(model, optimizer, lowering)
  const batch = batchOf(shape, 8, 'losses')
  const { lossSum } = await trainer.evaluate(batch)
  const { loss } = await trainer.run(batch)
  await trainer.release()
  return [loss, lossSum]
}

/** A few steps, so that running statistics and momentum are not what they were in the beginning. */
async function trained(model: Model, shape: readonly number[], by = optimizer, steps = 3) {
  const trainer = await open(model, by)
  for (let i = 0; i < steps; i++) await trainer.run(batchOf(shape, 8, `warm ${i}`))
  const result = { model: trainer.model(), ...trainer.state() }
  await trainer.release()
  return result
}

const leaky = () =>
  networkOf(['N', 6], (x, b) => {
    const layer = (h: typeof x, name: string, from: number, to: number) =>
      b.op('Gemm', [h, weight(b, `${name}.weight`, [to, from]), weight(b, `${name}.bias`, [to])], { transB: 1 })
    const h = b.op('LeakyRelu', [layer(x, 'a', 6, 8)])
    const joined = b.op('Concat', [h, b.op('Elu', [layer(h, 'b', 8, 5)])], { axis: 1 })
    return layer(joined, 'c', 13, 3)
  })

const networks: Record<string, readonly [() => Model, readonly number[]]> = {
  'an MLP with Tanh': [mlp, [6]],
  'LeakyRelu, Elu and a concatenation': [leaky, [6]],
  'BatchNormalization, residual connection, Dropout': [residual, RESIDUAL_SHAPE],
  'a narrow ResNet-18': [
    () => modelOf('resnet18', { inputShape: [3, 8, 8], classes: 3, width: 4, stem: 'cifar', blocks: [1, 1] }),
    [3, 8, 8],
  ],
}

const ways = (['intra', 'inter'] as const).flatMap((sampling) =>
  (['weights', 'full'] as const).map((scope) => [sampling, scope] as const),
)

describe.each(Object.entries(networks))('a random teleportation of %s', (name, [build, shape]) => {
  it.each(ways)('%s, scope %s, leaves the losses of training and of evaluation', async (sampling, scope) => {
    const { model } = await trained(build(), shape)
    const before = await lossesOf(model, shape)
    const landing = land(model, new Map(), { epoch: 0, kind: 'random', sampling, scope }, 3)
    expect(landing.description).toMatch(
      new RegExp(`^random ${sampling} 0.9, seed 3, scope ${scope}, momentum reset: \\d+ neurons$`),
    )
    const after = await lossesOf(landing.model, shape)
    after.forEach((loss, i) => expect(Math.abs(loss - before[i]!) / before[i]!).toBeLessThan(2e-4))
    const moved = weightsOf(landing.model)
    const changed = [...weightsOf(model)].filter(([name, tensor]) => {
      expect(moved.has(name)).toBe(true)
      return Buffer.compare(bytesOf(tensor), bytesOf(moved.get(name)!)) !== 0
    })
    // Tanh lets ±1 pass, and intra draws no negative τ: there nothing can move.
    if (name === 'an MLP with Tanh' && sampling === 'intra' && scope === 'weights') expect(changed).toEqual([])
    else expect(changed.length).toBeGreaterThan(1)
    expect([...moved.keys()].filter((name) => !weightsOf(model).has(name) && !name.startsWith('teleport/'))).toEqual([])

    // Powers of two commute with rounding: the very same losses, as long as sums are formed in the same order. The fast form may
    // choose another one where nodes were inserted.
    const quiver = trainingQuiver(model, scope)
    const cob = sampleCob(quiver, { sampling, seed: 4, exact: true })
    const given = land(model, new Map(), { epoch: 0, kind: 'given', cob }, 0)
    const exactly = await lossesOf(given.model, shape, NO_LOWERING)
    // Elu computes exp, and Tanh is divided and multiplied around: still powers of two.
    expect(exactly).toEqual(await lossesOf(model, shape, NO_LOWERING))
  })

  it('can be done twice, and trains on without training what it inserted', async () => {
    const teleportations: Teleportation[] = [
      { epoch: 1, kind: 'random', sampling: 'inter', momentum: 'transport' },
      { epoch: 1, kind: 'random', sampling: 'inter', momentum: 'keep' },
      { epoch: 2, kind: 'random', range: 0.5 },
    ]
    const options = fitOptions(build(), shape, { teleportations })
    const result = await fit(options)
    const described = result.epochs.map(({ teleported }) => teleported)
    expect(described[0]).toBeUndefined()
    expect(described[1]).toMatch(
      /^random inter .*momentum transport: \d+ neurons; random inter .*momentum keep: \d+ neurons$/,
    )
    expect(described[2]).toMatch(/^random intra 0.5/)
    // Two teleportations draw differently though neither says a seed.
    expect(new Set(described.join('; ').match(/seed \d+/g)).size).toBe(3)
    const inserted = [...result.model.graph.initializers].filter(([name]) => name.startsWith('teleport/'))
    const landed = await fit({
      ...options,
      step: { ...options.step, frozen: ['*bias', '*weight'], optimizer: sgd({ lr: 0.5 }) },
    }).catch((error: unknown) => error)
    // With all weights frozen nothing is left to train: what was inserted is no weight.
    expect(String(landed)).toMatch(/no parameter to train/)
    const names = new Set(step(result.model).parameters.map(({ name }) => name))
    for (const [name] of inserted) expect(names.has(name)).toBe(false)
    expect(names).toEqual(new Set(step(build()).parameters.map(({ name }) => name)))
  })
})

it('what a teleportation inserted is the same after training', async () => {
  const { model } = await trained(leaky(), [6])
  const { model: landed } = land(model, new Map(), { epoch: 0, kind: 'random', sampling: 'inter' }, 1)
  const constants = (of: Model) =>
    [...of.graph.initializers].flatMap(([name, tensor]) =>
      name.startsWith('teleport/') ? [`${name} ${numbersOf(tensor).join()}`] : [],
    )
  expect(constants(landed).length).toBeGreaterThan(0)
  expect(constants((await trained(landed, [6])).model)).toEqual(constants(landed))
})

describe('the state of the optimiser', () => {
  /** τ of the first layer's neurons and of the second's, at whose output τ = 1. */
  async function setting(by = optimizer) {
    const { model, optimizer: state } = await trained(mlp(), [6], by)
    const quiver = trainingQuiver(model, 'full')
    const cob = sampleCob(quiver, { sampling: 'inter', seed: 9 })
    const [vertex] = quiver.vertices
    return { model, state, cob, tau: cob.factors.get(vertex!.name)! }
  }

  /** What Theorem 2 makes of a gradient: ∇V = (1/τ_out) · ∇W · τ_in. */
  function expected(state: HostTensors, tau: Float64Array, prefix: string, power: number) {
    const at = (name: string) => [...(state.get(`${prefix}/${name}`)!.data as Float32Array)]
    return {
      '0.weight': at('0.weight').map((g, i) => g / tau[Math.floor(i / 6)]! ** power),
      '0.bias': at('0.bias').map((g, i) => g / tau[i]! ** power),
      '2.weight': at('2.weight').map((g, i) => g * tau[i % 5]! ** power),
      '2.bias': at('2.bias'),
    }
  }

  function compare(found: HostTensors, wanted: Record<string, readonly number[]>, prefix: string) {
    for (const [name, values] of Object.entries(wanted)) {
      const data = found.get(`${prefix}/${name}`)!.data as Float32Array
      values.forEach((value, i) => expect(Math.abs(data[i]! - value)).toBeLessThanOrEqual(1e-6 * Math.abs(value)))
    }
  }

  it('is reset, kept, or transported as gradients move', async () => {
    const { model, state, cob, tau } = await setting()
    expect(tau.some((value) => value < 0) && tau.some((value) => value > 0)).toBe(true)
    const by = (momentum: 'reset' | 'keep' | 'transport') =>
      land(model, state, { epoch: 0, kind: 'given', cob, momentum }, 0).optimizer
    expect(by('reset').size).toBe(0)
    expect(by('keep')).toBe(state)
    expect([...by('transport').keys()].sort()).toEqual([...state.keys()].sort())
    compare(by('transport'), expected(state, tau, 'momentum_buffer', 1), 'momentum_buffer')
  })

  it('of Adam moves as gradients, and its second moment as their squares', async () => {
    const { model, state, cob, tau } = await setting(adam({ lr: 0.01 }))
    const moved = land(model, state, { epoch: 0, kind: 'given', cob, momentum: 'transport' }, 0).optimizer
    compare(moved, expected(state, tau, 'exp_avg', 1), 'exp_avg')
    compare(moved, expected(state, tau, 'exp_avg_sq', 2), 'exp_avg_sq')
    for (const [name, { data }] of moved)
      if (name.startsWith('exp_avg_sq')) expect(Math.min(...(data as Float32Array))).toBeGreaterThanOrEqual(0)
  })

  it.each([
    ['residual', residual, RESIDUAL_SHAPE],
    ['concatenation', leaky, [6]],
  ] as const)('transported there and back is what it was: %s', async (_name, build, shape) => {
    const { model, optimizer: state } = await trained(build(), shape)
    const cob = sampleCob(trainingQuiver(model, 'full'), { sampling: 'inter', seed: 9, exact: true })
    const there = land(model, state, { epoch: 0, kind: 'given', cob, momentum: 'transport' }, 0)
    const inverse = { ...cob, factors: new Map([...cob.factors].map(([name, tau]) => [name, tau.map((t) => 1 / t)])) }
    const back = land(there.model, there.optimizer, { epoch: 0, kind: 'given', cob: inverse, momentum: 'transport' }, 0)
    let different = 0
    for (const [name, { data }] of state) {
      expect(back.optimizer.get(name)!.data).toEqual(data)
      different += Number(
        Buffer.compare(
          Buffer.from((data as Float32Array).buffer),
          Buffer.from((there.optimizer.get(name)!.data as Float32Array).slice().buffer),
        ) !== 0,
      )
    }
    expect(different).toBeGreaterThan(2)
  })

  it('follows the theory step by step: transported momentum is the momentum of the gradients there', async () => {
    // v ← μv + g, W ← W − lr·v. With ∇V = ∇W/τ the buffer after a teleportation is Σ μᵏ∇V of the steps as seen from there.
    const { model, state, cob, tau } = await setting()
    const landing = land(model, state, { epoch: 0, kind: 'given', cob, momentum: 'transport' }, 0)
    const batch = batchOf([6], 8, 'next')
    const run = async (from: Model, momentum: HostTensors) => {
      const trainer = await open(from)
      trainer.load({ steps: 3, updates: 3, weights: trainer.state().weights, optimizer: momentum })
      await trainer.run(batch)
      const result = trainer.state()
      await trainer.release()
      return result
    }
    const here = await run(model, state)
    const there = await run(landing.model, landing.optimizer)
    const wanted = expected(here.optimizer, tau, 'momentum_buffer', 1)
    for (const [name, values] of Object.entries(wanted)) {
      const found = there.optimizer.get(`momentum_buffer/${name}`)!.data as Float32Array
      const scale = Math.max(...values.map(Math.abs))
      values.forEach((value, i) => expect(Math.abs(found[i]! - value) / scale).toBeLessThan(1e-5))
      const [before, after] = [
        numbersOf(landing.model.graph.initializers.get(name)!),
        there.weights.get(name)!.data as Float32Array,
      ]
      values.forEach((value, i) =>
        expect(Math.abs(after[i]! - (before[i]! - 0.05 * value))).toBeLessThan(1e-5 * scale + 1e-6),
      )
    }
  })
})

describe('a pseudo-teleportation', () => {
  it('moves each tensor as far as the teleportation would, to another function', async () => {
    const { model } = await trained(residual(0), RESIDUAL_SHAPE)
    const drawn = { epoch: 0, sampling: 'inter', seed: 11 } as const
    const real = land(model, new Map(), { ...drawn, kind: 'random' }, 0)
    const pseudo = land(model, new Map(), { ...drawn, kind: 'pseudo' }, 0)
    expect(pseudo.model.graph.nodes).toEqual(model.graph.nodes)
    const [from, to, other] = [model, real.model, pseudo.model].map((of) => weightsOf(of, { statistics: true }))
    let moved = 0
    for (const [name, tensor] of from!) {
      const distance = (target: Map<string, typeof tensor>) =>
        Math.hypot(...numbersOf(tensor).map((value, i) => value - numbersOf(target.get(name)!)[i]!))
      const expected = distance(to!)
      if (name.includes('running')) expect(distance(other!)).toBe(0)
      if (expected > 0) moved++
      expect(Math.abs(distance(other!) - expected)).toBeLessThanOrEqual(1e-5 * expected)
    }
    expect(moved).toBeGreaterThan(5)
    const [before, after] = [await lossesOf(model, RESIDUAL_SHAPE), await lossesOf(pseudo.model, RESIDUAL_SHAPE)]
    before.forEach((loss, i) => expect(Math.abs(after[i]! - loss) / loss).toBeGreaterThan(1e-2))
  })

  it('keeps momentum or forgets it, and cannot transport it', async () => {
    const { model, optimizer: state } = await trained(mlp(), [6])
    const by = (momentum: 'reset' | 'keep' | 'transport') => () =>
      land(model, state, { epoch: 0, kind: 'pseudo', momentum }, 0).optimizer
    expect(by('keep')()).toBe(state)
    expect(by('reset')().size).toBe(0)
    expect(by('transport')).toThrow(
      /pseudo-teleportation cannot be transported, for it has no change of basis; expected 'reset' or 'keep'/,
    )
  })
})

describe('a given CoB', () => {
  const quiver = trainingQuiver(residual(), 'full')

  it('is applied as it is, in the scope that it was drawn for', async () => {
    const model = residual()
    const weights = trainingQuiver(model, 'weights')
    const cob = sampleCob(weights, { seed: 2 })
    const landing = land(model, new Map(), { epoch: 0, kind: 'given', cob }, 0)
    expect(landing.description).toMatch(/^given, scope weights|^given scope weights/)
    expect(landing.model.graph.nodes.map(({ opType }) => opType)).toEqual(model.graph.nodes.map(({ opType }) => opType))
    const nothing = land(model, new Map(), { epoch: 0, kind: 'given', cob: identityCob(quiver) }, 0)
    expect(nothing.description).toMatch(/: 0 neurons$/)
    expect(await lossesOf(nothing.model, RESIDUAL_SHAPE)).toEqual(await lossesOf(model, RESIDUAL_SHAPE))
  })

  it('that does not fit is refused by name', () => {
    const cob = sampleCob(quiver, { seed: 2 })
    expect(() => land(mlp(), new Map(), { epoch: 0, kind: 'given', cob }, 0)).toThrow(
      /^the CoB has a vertex '.*' that the model has not/,
    )
    const [name, tau] = [...cob.factors][0]!
    const short = { ...cob, factors: new Map([[name, tau.subarray(1)]]) }
    expect(() => land(residual(), new Map(), { epoch: 0, kind: 'given', cob: short }, 0)).toThrow(
      /factors, the model \d+ neurons/,
    )
    // Neurons before a BatchNormalization can move in inference form, but not where it takes the batch's statistics.
    const inference = sampleCob(trainingQuiver(residual(), 'full'), { seed: 2 })
    expect(() => land(residual(), new Map(), { epoch: 0, kind: 'given', cob: inference, scope: 'weights' }, 0)).toThrow(
      /expected 1 in scope 'weights', since|expected a positive number in scope 'weights'/,
    )
  })
})
