import { describe, expect, test } from 'vitest'
import { type Model, ModelError } from '../../src/graph/model.js'
import { bytesOf, numbersOf, tensorOf } from '../../src/graph/tensor.js'
import { readModelBytes } from '../../src/onnx/read.js'
import { modelBytes } from '../../src/onnx/write.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import type { HostTensor, Runtime } from '../../src/runtime/session.js'
import { drawMask } from '../../src/train/masks.js'
import { adam } from '../../src/train/optimizer-adam.js'
import { sgd } from '../../src/train/optimizer-sgd.js'
import { openTrainer, type TrainerOptions } from '../../src/train/runner.js'
import type { TrainingStepOptions } from '../../src/train/step.js'
import type { TrainingBatch } from '../../src/train/trainer.js'
import { trainingStep } from '../../src/train/training-step.js'
import { normalAt } from '../support/draw.js'
import { relativeError } from '../support/oracle.js'
import { floats, labels, mlp, networkOf, weight } from './networks.js'

const CLASSIFY = { loss: 'crossEntropy', optimizer: adam({ lr: 0.02 }), batchSize: 8 } as const

async function open(model: Model, options: Partial<TrainingStepOptions> = {}, trainer: TrainerOptions = {}) {
  return await openTrainer(nodeRuntime, trainingStep(model, { ...CLASSIFY, ...options }), { threads: 1, ...trainer })
}

/** Images of 1×6×6, noise with a bright row or a bright column, which is the label. */
function image(index: number): number[] {
  const [row, place] = [index % 2 === 0, (index * 7) % 6]
  return Array.from({ length: 36 }, (_, i) => {
    const bright = row ? Math.floor(i / 6) === place : i % 6 === place
    return normalAt(99, index * 36 + i) * 0.5 + (bright ? 2 : 0)
  })
}

function images(from: number, count = 8): TrainingBatch {
  const numbers = Array.from({ length: count }, (_, i) => from + i)
  return { x: floats([count, 1, 6, 6], numbers.flatMap(image)), target: labels(numbers.map((n) => n % 2)) }
}

/** Conv, BatchNormalization, Relu, global pooling, Dropout, Gemm. */
const cnn = (dropout = 0) =>
  networkOf(['N', 1, 6, 6], (x, b) => {
    const w = (name: string, dims: number[], scale?: number, center?: number) => weight(b, name, dims, scale, center)
    const h = b.op('Conv', [x, w('conv.weight', [6, 1, 3, 3])], { pads: [1, 1, 1, 1] })
    const statistics = [w('bn.running_mean', [6], 0), w('bn.running_var', [6], 0, 1)]
    const n = b.op('BatchNormalization', [h, w('bn.weight', [6], 0, 1), w('bn.bias', [6], 0), ...statistics], {
      momentum: 0.9,
    })
    const pooled = b.op('GlobalMaxPool', [n.op('Relu')]).op('Flatten')
    const kept = dropout === 0 ? pooled : b.op('Dropout', [pooled, b.constant('float32', [], [dropout])])
    return b.op('Gemm', [kept, w('fc.weight', [2, 6]), w('fc.bias', [2], 0)], { transB: 1 })
  })

const bits = ({ data }: HostTensor) => Buffer.from((data as Float32Array).buffer).toString('hex')

describe('a trainer', () => {
  test('learns to tell rows from columns, and its model in inference form knows it too', async () => {
    const trainer = await open(cnn(0.1))
    for (let i = 0; i < 120; i++) await trainer.run(images(i * 8))
    const { lossSum, correct, count } = await trainer.evaluate(images(5000, 100))
    expect(count).toBe(100)
    expect(lossSum / 100).toBeLessThan(0.15)
    expect(correct).toBeGreaterThan(95)

    // What is written and read again is an ordinary model: any runtime computes the same from it.
    const model = readModelBytes(modelBytes(trainer.model()))
    expect([...model.graph.initializers.keys()].sort()).toEqual([...cnn(0.1).graph.initializers.keys()].sort())
    expect(model.graph.nodes.map(({ opType }) => opType)).toEqual(cnn(0.1).graph.nodes.map(({ opType }) => opType))
    const session = await nodeRuntime.open({ bytes: modelBytes(model) }, { threads: 1 })
    const { x, target } = images(5000, 100)
    const logits = (await session.run(new Map([['x', x as HostTensor]]))).get('y')!.data as Float32Array
    const right = (target.data as Int32Array).filter(
      (label, i) => label === (logits[2 * i]! < logits[2 * i + 1]! ? 1 : 0),
    )
    expect(right.length).toBe(correct)
    expect(numbersOf(model.graph.initializers.get('bn.running_mean')!).every((mean) => mean !== 0)).toBe(true)
    await session.release()
    await trainer.release()
  })

  test('gives the same losses and weights bit for bit, again and on two threads', async () => {
    for (const threads of [1, 2]) {
      const runs: string[] = []
      for (let again = 0; again < 2; again++) {
        const trainer = await open(cnn(0.3), {}, { threads, seed: 5 })
        const losses: number[] = []
        for (let i = 0; i < 10; i++) losses.push((await trainer.run(images(i * 8))).loss)
        runs.push(JSON.stringify([losses, [...trainer.weights().values()].map(bits)]))
        await trainer.release()
      }
      expect(runs[0]).toBe(runs[1])
    }
  })

  test('goes on where another stopped, masks included', async () => {
    const options = { optimizer: adam({ lr: 0.02, weightDecay: 0.01 }) }
    const whole = await open(cnn(0.3), options, { seed: 5 })
    for (let i = 0; i < 5; i++) await whole.run(images(i * 8))
    const state = structuredClone(whole.state())
    const model = readModelBytes(modelBytes(whole.model()))
    const expected: number[] = []
    for (let i = 5; i < 10; i++) expected.push((await whole.run(images(i * 8))).loss)

    const resumed = await open(model, options, { seed: 5 })
    resumed.load(state)
    expect(resumed.steps).toBe(5)
    const found: number[] = []
    for (let i = 5; i < 10; i++) found.push((await resumed.run(images(i * 8))).loss)
    expect(found).toEqual(expected)
    expect([...resumed.state().weights.values(), ...resumed.state().optimizer.values()].map(bits)).toEqual(
      [...whole.state().weights.values(), ...whole.state().optimizer.values()].map(bits),
    )
    await whole.release()
    await resumed.release()
  })

  test('loaded weights are what a model has; a saved model trains on equally', async () => {
    const first = await open(mlp(), { optimizer: sgd({ lr: 0.1 }) })
    const batch = { x: floats([8, 6]), target: labels([0, 1, 2, 0, 1, 2, 0, 1]) }
    for (let i = 0; i < 3; i++) await first.run(batch)
    const second = await open(readModelBytes(modelBytes(first.model())), { optimizer: sgd({ lr: 0.1 }) })
    const third = await open(mlp(), { optimizer: sgd({ lr: 0.1 }) })
    third.setWeights(first.weights())
    const losses = [await first.run(batch), await second.run(batch), await third.run(batch)]
    expect(losses[1]).toEqual(losses[0])
    expect(losses[2]).toEqual(losses[0])
    for (const trainer of [first, second, third]) await trainer.release()
  })

  test('changes nothing that it was given, and what it gives is not changed later', async () => {
    const model = mlp()
    const before = [...model.graph.initializers.values()].map((tensor) => Buffer.from(bytesOf(tensor)).toString('hex'))
    const trainer = await open(model)
    const batch = { x: floats([8, 6]), target: labels([0, 1, 2, 0, 1, 2, 0, 1]) }
    await trainer.run(batch)
    const weights = trainer.weights()
    const snapshot = [...weights.values()].map(bits)
    const trained = trainer.model()
    for (let i = 0; i < 3; i++) await trainer.run(batch)
    expect([...weights.values()].map(bits)).toEqual(snapshot)
    expect([...trained.graph.initializers.values()].map((t) => Buffer.from(bytesOf(t)).toString('hex'))).toEqual(
      snapshot,
    )
    expect([...model.graph.initializers.values()].map((t) => Buffer.from(bytesOf(t)).toString('hex'))).toEqual(before)
    await trainer.release()
  })

  test('an optimiser that is reset begins again', async () => {
    const batch = { x: floats([8, 6]), target: labels([0, 1, 2, 0, 1, 2, 0, 1]) }
    const trainer = await open(mlp())
    await trainer.run(batch)
    trainer.resetOptimizer()
    expect(trainer.state().updates).toBe(0)
    const fresh = await open(trainer.model())
    await trainer.run(batch)
    await fresh.run(batch)
    expect([...trainer.weights().values()].map(bits)).toEqual([...fresh.weights().values()].map(bits))
    expect(trainer.steps).toBe(2)
    await trainer.release()
    await fresh.release()
  })

  test('large weights, whose products wait for their gradients, are updated as small ones', async () => {
    const [rows, columns] = [1024, 1024]
    const whole = networkOf(['N', rows], (x, b) => x.matmul(weight(b, 'w', [rows, columns], 0.01)))
    const values = numbersOf(whole.graph.initializers.get('w')!)
    const parts = networkOf(['N', rows], (x, b) => {
      const half = (rows / 2) * columns
      const part = (i: number) =>
        b.initializer(tensorOf(`w${i}`, 'float32', [rows / 2, columns], values.subarray(i * half, (i + 1) * half)))
      return x.matmul(b.op('Concat', [part(0), part(1)], { axis: 0 }))
    })
    const batch = { x: floats([4, rows]), target: floats([4, columns]) }
    for (const optimizer of [
      sgd({ lr: 1, momentum: 0.9, weightDecay: 0.1, nesterov: true }),
      adam({ lr: 0.1, weightDecay: 0.1 }),
    ]) {
      const found: Float64Array[] = []
      for (const model of [whole, parts]) {
        const trainer = await open(model, { loss: 'meanSquaredError', optimizer, batchSize: 4 })
        for (let i = 0; i < 3; i++) await trainer.run(batch)
        const weights = [...trainer.weights().values()].map(({ data }) => Array.from(data as Float32Array))
        found.push(Float64Array.from(weights.flat()))
        await trainer.release()
      }
      expect(relativeError(found[0]!, found[1]!)).toBeLessThan(1e-5)
    }
  })

  test('after a step that failed half way it asks for a state', async () => {
    let fails = false
    const runtime: Runtime = {
      ...nodeRuntime,
      async open(source, options) {
        const session = await nodeRuntime.open(source, options)
        return {
          device: session.device,
          inputNames: session.inputNames,
          outputNames: session.outputNames,
          run: (feeds, fetches) => session.run(feeds, fetches),
          runInto: (feeds, results) =>
            fails ? Promise.reject(new ModelError('out of memory')) : session.runInto(feeds, results),
          release: () => session.release(),
        }
      },
    }
    const trainer = await openTrainer(runtime, trainingStep(mlp(), CLASSIFY), { threads: 1 })
    const batch = { x: floats([8, 6]), target: labels([0, 1, 2, 0, 1, 2, 0, 1]) }
    await trainer.run(batch)
    const state = trainer.state()
    const { loss } = await trainer.run(batch)
    fails = true
    await expect(trainer.run(batch)).rejects.toThrow('out of memory')
    fails = false
    await expect(trainer.run(batch)).rejects.toThrow(/^the last step failed half way[^\n]*: load a state/)
    trainer.load(state)
    expect((await trainer.run(batch)).loss).toBe(loss)
    await trainer.release()
  })

  test('refuses in one line what does not fit, and goes on', async () => {
    const trainer = await open(mlp())
    const x = floats([8, 6])
    const target = labels([0, 1, 2, 0, 1, 2, 0, 1])
    const refused: [TrainingBatch, RegExp][] = [
      [{ x, target: labels([0, 1, 3, 0, 1, 2, 0, 1]) }, /^label 3 at position 2: expected a class from 0 to 2$/],
      [{ x, target: labels([0, 1, -1, 0, 1, 2, 0, 1]) }, /^label -1 at position 2/],
      [{ x: floats([4, 6]), target: labels([0, 1, 2, 0]) }, /^the batch has 4 examples; this training step takes 8$/],
      [{ x: floats([4, 6]), target }, /^input 'x' has 4 examples, and the target 8$/],
      [{ x: floats([8, 5]), target }, /^input 'x': expected shape \[N, 6\], got \[8, 5\]$/],
      [{ x, target: floats([8]) }, /^the target: expected elements of type int64, got float32$/],
      [{ x: new Map([['z', x]]), target }, /^the batch has no input 'x'/],
    ]
    for (const [batch, message] of refused) await expect(trainer.run(batch)).rejects.toThrow(message)
    await expect(trainer.run({ x, target }, { lr: NaN })).rejects.toThrow(/^the learning rate is NaN/)
    expect(trainer.steps).toBe(0)

    const state = trainer.state()
    expect(() => trainer.load({ ...state, optimizer: new Map() })).toThrow(
      /optimiser's state 'exp_avg\/0.weight' is missing/,
    )
    expect(() => trainer.load({ ...state, steps: -1 })).toThrow(/has steps -1/)
    expect(() => trainer.setWeights(new Map([['nothing', x]]))).toThrow(/weight 'nothing': this training step has none/)
    expect(() => trainer.setWeights(new Map([['0.bias', x]]))).toThrow(
      /weight '0.bias': expected float32 \[5\], got float32 \[8, 6\]/,
    )
    const running = trainer.run({ x, target })
    await expect(trainer.run({ x, target })).rejects.toThrow(/runs a step already/)
    expect((await running).loss).toBeGreaterThan(0)
    await trainer.release()
    await trainer.release()
    await expect(trainer.run({ x, target })).rejects.toThrow(/has been released/)
  })

  test('a loss that is not finite is said, not hidden', async () => {
    const trainer = await open(mlp(), { optimizer: sgd({ lr: 1 }) })
    const batch = { x: floats([8, 6], new Float32Array(48).fill(NaN)), target: labels([0, 1, 2, 0, 1, 2, 0, 1]) }
    expect((await trainer.run(batch)).loss).toBeNaN()
    await trainer.release()
  })
})

describe('dropout masks', () => {
  test('keep as many as they should, and are the same for the same name', () => {
    for (const ratio of [0, 0.1, 0.5, 0.9, 1]) {
      const mask = new Uint8Array(100_001)
      drawMask(mask, ratio, 3, 'a')
      const kept = mask.reduce((sum, bit) => sum + bit, 0) / mask.length
      expect(Math.abs(kept - (1 - ratio))).toBeLessThan(0.006)
      const again = new Uint8Array(100_001)
      drawMask(again, ratio, 3, 'a')
      expect(Buffer.compare(again, mask)).toBe(0)
      if (ratio === 0.5) {
        drawMask(again, ratio, 4, 'a')
        expect(Buffer.compare(again, mask)).not.toBe(0)
      }
    }
  })
})
