import { describe, expect, test } from 'vitest'
import { cpuLowering } from '../../../src/autodiff/lowering/lowering.js'
import { loadModel } from '../../../src/runtime/node/load.js'
import { nodeRuntime } from '../../../src/runtime/node/session.js'
import { sgd } from '../../../src/train/optimizer-sgd.js'
import { openTrainer } from '../../../src/train/runner.js'
import { trainingStep } from '../../../src/train/training-step.js'
import { FIXTURES, fixturePath, Oracle, relativeError } from '../../support/oracle.js'

/** Losses and final weights of five steps in the fast form. */
async function fiveSteps(name: string) {
  const oracle = new Oracle(name)
  const step = trainingStep(
    await loadModel(fixturePath(`${name}.onnx`)),
    { loss: 'crossEntropy', optimizer: sgd({ lr: 0.01, momentum: 0.9, weightDecay: 0.01 }), batchSize: 8 },
    cpuLowering,
  )
  const trainer = await openTrainer(nodeRuntime, step, { threads: 2 })
  const x = { dtype: 'float32', dims: oracle.shape('x'), data: Float32Array.from(oracle.numbers('x')) } as const
  const labels = BigInt64Array.from(Array.from(oracle.numbers('target'), BigInt))
  const target = { dtype: 'int64', dims: oracle.shape('target'), data: labels } as const
  const losses: number[] = []
  for (let i = 0; i < 5; i++) losses.push((await trainer.run({ x, target })).loss)
  const weights = trainer.weights()
  await trainer.release()
  return { oracle, losses, weights }
}

describe.each(FIXTURES)('five steps of SGD on %s in the fast form', (name) => {
  test('are those of PyTorch, and the same bits each time', async () => {
    const { oracle, losses, weights } = await fiveSteps(name)
    const expected = oracle.numbers('sgd5.losses')
    losses.forEach((loss, i) => expect(Math.abs(loss - expected[i]!), `loss ${i}`).toBeLessThan(1e-5))
    for (const [weight, { data }] of weights)
      expect(relativeError(data as Float32Array, oracle.numbers(`sgd5.weights/${weight}`)), weight).toBeLessThan(1e-4)
    const again = await fiveSteps(name)
    expect(again.losses).toEqual(losses)
    for (const [weight, { data }] of weights) expect(again.weights.get(weight)!.data, weight).toEqual(data)
  })
})
