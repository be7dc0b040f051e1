import { describe, expect, test } from 'vitest'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import { loadModel } from '../../src/runtime/node/load.js'
import type { HostTensor } from '../../src/runtime/session.js'
import { sgd } from '../../src/train/optimizer-sgd.js'
import { openTrainer } from '../../src/train/runner.js'
import type { TrainingBatch } from '../../src/train/trainer.js'
import { trainingStep } from '../../src/train/training-step.js'
import { FIXTURES, fixturePath, Oracle, relativeError } from '../support/oracle.js'

function batchOf(oracle: Oracle): TrainingBatch {
  const tensor = (name: string, dtype: 'float32' | 'int64'): HostTensor => ({
    dtype,
    dims: oracle.shape(name),
    data:
      dtype === 'float32'
        ? Float32Array.from(oracle.numbers(name))
        : BigInt64Array.from(Array.from(oracle.numbers(name), BigInt)),
  })
  return { x: tensor('x', 'float32'), target: tensor('target', 'int64') }
}

describe.each(FIXTURES)('five steps of SGD on %s are those of PyTorch', (name) => {
  test('losses, weights and running statistics', async () => {
    const model = await loadModel(fixturePath(`${name}.onnx`))
    const oracle = new Oracle(name)
    expect(oracle.metadata.sgd5).toMatch(/^SGD lr=0.01 momentum=0.9 weight_decay=0.01, five steps on the whole batch/)
    const step = trainingStep(model, {
      loss: 'crossEntropy',
      optimizer: sgd({ lr: 0.01, momentum: 0.9, weightDecay: 0.01 }),
      batchSize: 8,
    })
    const trainer = await openTrainer(nodeRuntime, step, { threads: 1 })
    const losses: number[] = []
    for (let i = 0; i < 5; i++) losses.push((await trainer.run(batchOf(oracle))).loss)
    const expected = oracle.numbers('sgd5.losses')
    losses.forEach((loss, i) => expect(Math.abs(loss - expected[i]!), `loss ${i}`).toBeLessThan(1e-5))
    const weights = trainer.weights()
    const names = oracle.names('sgd5.weights/')
    expect([...weights.keys()].sort()).toEqual([...names].sort())
    for (const weight of names) {
      const found = Float64Array.from(weights.get(weight)?.data as Float32Array)
      expect(relativeError(found, oracle.numbers(`sgd5.weights/${weight}`)), weight).toBeLessThan(1e-4)
    }
    await trainer.release()
  })
})
