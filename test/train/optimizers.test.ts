import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { tensorOf } from '../../src/graph/tensor.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import { withWeights } from '../../src/teleport/weights.js'
import { adam, adamw, type AdamOptions } from '../../src/train/optimizer-adam.js'
import { sgd, type SgdOptions } from '../../src/train/optimizer-sgd.js'
import { openTrainer } from '../../src/train/runner.js'
import type { TrainingStepOptions } from '../../src/train/step.js'
import { trainingStep } from '../../src/train/training-step.js'
import { fixturePath, relativeError } from '../support/oracle.js'
import { floats, labels, mlp } from './networks.js'

interface Case {
  readonly optimizer: 'sgd' | 'adam' | 'adamw'
  readonly options: SgdOptions & AdamOptions & { readonly lr: number }
  readonly step: Pick<TrainingStepOptions, 'loss' | 'clipNorm' | 'l2Penalty'>
  readonly losses: readonly number[]
  readonly norms: readonly number[]
  readonly weights: Readonly<Record<string, readonly number[]>>
  readonly evaluation: number
  readonly correct: number
}

const fixture = JSON.parse(readFileSync(fixturePath('optimizers.json'), 'utf8')) as {
  readonly rates: readonly number[]
  readonly x: readonly number[]
  readonly labels: readonly number[]
  readonly values: readonly number[]
  readonly initial: Readonly<Record<string, { readonly dims: readonly number[]; readonly values: readonly number[] }>>
  readonly cases: readonly Case[]
}

const model = withWeights(
  mlp(),
  new Map(
    Object.entries(fixture.initial).map(([name, { dims, values }]) => [name, tensorOf(name, 'float32', dims, values)]),
  ),
)
const OPTIMIZERS = { sgd, adam, adamw }

describe('steps are those of PyTorch', () => {
  test.each(fixture.cases)('$optimizer $options, $step', async (expected) => {
    const step = trainingStep(model, {
      ...expected.step,
      optimizer: OPTIMIZERS[expected.optimizer](expected.options),
      batchSize: 4,
      gradientNorm: true,
    })
    const trainer = await openTrainer(nodeRuntime, step, { threads: 1 })
    const regression = expected.step.loss === 'meanSquaredError'
    const batch = {
      x: floats([4, 6], fixture.x),
      target: regression ? floats([4, 3], fixture.values) : labels(fixture.labels),
    }
    for (const [i, rate] of fixture.rates.entries()) {
      const { loss, gradientNorm } = await trainer.run(batch, { lr: expected.options.lr * rate })
      expect(Math.abs(loss / expected.losses[i]! - 1), `loss ${i}`).toBeLessThan(2e-6)
      expect(Math.abs(gradientNorm! / expected.norms[i]! - 1), `norm ${i}`).toBeLessThan(1e-5)
    }
    for (const [name, { data }] of trainer.weights())
      expect(relativeError(data as Float32Array, expected.weights[name]!), name).toBeLessThan(2e-6)
    const { lossSum, correct, count } = await trainer.evaluate(batch)
    expect(count).toBe(4)
    expect(lossSum / 4).toBeCloseTo(expected.evaluation, 5)
    expect(correct).toBe(regression ? undefined : expected.correct)
    await trainer.release()
  })
})

describe('optimisers', () => {
  test('say what they are', () => {
    expect(sgd({ lr: 0.1, momentum: 0.9 }).settings).toEqual({
      lr: 0.1,
      momentum: 0.9,
      dampening: 0,
      nesterov: false,
      weight_decay: 0,
    })
    expect(sgd({ lr: 0.1 }).states).toEqual([])
    expect(adam().states).toEqual(['exp_avg', 'exp_avg_sq'])
    expect(adamw().settings.weight_decay).toBe(0.01)
  })

  test('settings that make no sense are refused in one line', () => {
    for (const wrong of [
      () => sgd({ lr: -1 }),
      () => sgd({ lr: NaN }),
      () => sgd({ lr: 1, momentum: -0.1 }),
      () => sgd({ lr: 1, nesterov: true }),
      () => sgd({ lr: 1, momentum: 0.9, dampening: 0.1, nesterov: true }),
      () => adam({ betas: [1, 0.9] }),
      () => adam({ eps: -1 }),
      () => adamw({ weightDecay: Infinity }),
    ])
      expect(wrong).toThrow(/^(sgd|adam|adamw): [^\n]+$/)
  })
})
