import { describe, expect, it } from 'vitest'
import { LossGradients } from '../../src/autodiff/loss-gradients.js'
import type { Model } from '../../src/graph/model.js'
import { numbersOf, tensorOf } from '../../src/graph/tensor.js'
import { modelOfBuilder, newBuilder } from '../../src/shapes/build.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'

/** A classifier of images of 2×1: enlarged, normalised, half of it dropped in training, two logits. */
function classifier(bias: readonly number[] = [0.1, -0.2], dropout = true): Model {
  const builder = newBuilder()
  const weight = (name: string, dims: readonly number[], values: readonly number[]) =>
    builder.initializer(tensorOf(name, 'float32', dims, values))
  const x = builder.input('x', 'float32', ['N', 1, 2, 1])
  const large = x.op('Resize', [undefined, weight('scales', [4], [1, 1, 1, 2])], { mode: 'nearest' })
  const normal = large.op('BatchNormalization', [
    weight('gamma', [1], [2]),
    weight('beta', [1], [0.5]),
    weight('mean', [1], [0]),
    weight('variance', [1], [1]),
  ])
  const kept = (dropout ? normal.op('Dropout', [weight('ratio', [], [0.5])]) : normal).op('Flatten')
  const w = weight('w', [2, 4], [1, -1, 0.5, 0.25, -0.5, 1, 0.75, -1])
  builder.output(kept.op('Gemm', [w, weight('b', [2], bias)], { transB: 1 }), 'logits')
  return modelOfBuilder(builder, 'classifier')
}

const x = { dtype: 'float32', dims: [3, 1, 2, 1], data: Float32Array.of(1, -2, 0.5, 3, -1, 0.25) } as const
const labels = { dtype: 'int64', dims: [3], data: BigInt64Array.of(0n, 1n, 0n) } as const

async function at(model: Model, options: { readonly training?: boolean; readonly wrt?: readonly string[] } = {}) {
  const graph = await LossGradients.open(nodeRuntime, model, { ...options, threads: 1 })
  try {
    return await graph.run(x, labels)
  } finally {
    await graph.release()
  }
}

describe('loss and gradients of a classifier', () => {
  it('are by weights alone: no statistics, no settings of operators', async () => {
    for (const training of [false, true])
      expect([...(await at(classifier(), { training })).gradients.keys()]).toEqual(['gamma', 'beta', 'w', 'b'])
  })

  it('are those of the mean loss, by central differences', async () => {
    const step = 1e-2
    for (const training of [false, true]) {
      const { gradients, correct } = await at(classifier(), { training })
      const [up, down] = [
        await at(classifier([0.1 + step, -0.2]), { training }),
        await at(classifier([0.1 - step, -0.2]), { training }),
      ]
      const b = numbersOf(gradients.get('b')!)
      expect(b[0]).toBeCloseTo((up.loss - down.loss) / (2 * step), 4)
      expect(b[0]! + b[1]!).toBeCloseTo(0, 6)
      expect([0, 1, 2, 3]).toContain(correct)
    }
  })

  it('keep all that Dropout would drop, at its own size', async () => {
    const [kept, without] = [
      await at(classifier(), { training: true }),
      await at(classifier(undefined, false), { training: true }),
    ]
    expect(kept.loss).toBe(without.loss)
    for (const [name, gradient] of without.gradients)
      expect(numbersOf(kept.gradients.get(name)!)).toEqual(numbersOf(gradient))
  })

  it('may be by the input', async () => {
    const input = (await at(classifier(), { wrt: ['b', 'x'] })).gradients
    expect([...input.keys()]).toEqual(['b', 'x'])
    expect(input.get('x')).toMatchObject({ dtype: 'float32', dims: [3, 1, 2, 1] })
    // By hand: inference normalises by (x − 0)/√(1 + ε)·2 + ½, and the first image's first pixel stands in two places.
    const pixels = [1, 1, -2, -2].map((value) => (2 * value) / Math.sqrt(1 + 1e-5) + 0.5)
    const rows = [
      [1, -1, 0.5, 0.25],
      [-0.5, 1, 0.75, -1],
    ]
    const logits = rows.map((row, k) => row.reduce((sum, w, i) => sum + w * pixels[i]!, [0.1, -0.2][k]!))
    const second = 1 / (1 + Math.exp(logits[0]! - logits[1]!))
    const difference = rows[1]![0]! + rows[1]![1]! - rows[0]![0]! - rows[0]![1]!
    expect(numbersOf(input.get('x')!)[0]).toBeCloseTo(((second / 3) * difference * 2) / Math.sqrt(1 + 1e-5), 6)
  })

  it('are refused for what is no classifier', async () => {
    const builder = newBuilder()
    builder.output(builder.input('x', 'float32', ['N', 2]).add(builder.input('y', 'float32', ['N', 2])), 'logits')
    await expect(at(modelOfBuilder(builder, 'two inputs'))).rejects.toThrow(/one float input is expected; .* 'x', 'y'/)
  })
})
