import { describe, expect, it } from 'vitest'
import { gradients } from '../../src/autodiff/gradients.js'
import { trainingForm } from '../../src/autodiff/training-form.js'
import type { Model } from '../../src/graph/model.js'
import { modelBytes } from '../../src/onnx/write.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import { Network, float } from '../ops/network.js'
import { runAt } from '../support/gradient-check.js'
import type { Numbers } from '../support/reference/evaluate.js'

const X: Numbers = { dims: [3, 2, 2], data: Float64Array.from({ length: 12 }, (_, k) => Math.sin(k + 1)) }

/** PyTorch 1.13: BatchNorm1d(2) in training mode, applied to X and then to its own result. */
const PYTORCH = {
  once: [
    1.1050851345, 1.2014209032, 0.3063827455, -0.9139502048, -1.4520642757, -0.4869398177, 1.0074777603, 1.45919168,
    0.4952643812, -0.8627662659, -1.2444576025, -0.6146444082,
  ],
  mean: [0.906342089176178, 1.7915682792663574],
  variance: [2.7594833374023438, 3.6649670600891113],
  meanTwice: [0.8157078623771667, 1.612411379814148],
  varianceTwice: [2.603532552719116, 3.4184679985046387],
}

function normalization(layers: 1 | 2, batch: number | string = 3): Model {
  const net = new Network(18)
  let x = net.input([3, 2, 2])
  const parameters = [net.constant([2], [1, 1]), net.constant([2], [0, 0])]
  const statistics = [net.constant([2], [1, 2]), net.constant([2], [3, 4])]
  for (let layer = 0; layer < layers; layer++)
    x = net.op('BatchNormalization', [x, ...parameters, ...statistics], { epsilon: float(1e-5), momentum: float(0.9) })
  const model = net.output(x).model()
  const inputs = [{ name: 'input_0', dtype: 'float32', shape: [batch, 2, 2] } as const]
  return { ...model, graph: { ...model.graph, inputs } }
}

function expectClose(found: Numbers | undefined, expected: readonly number[]): void {
  expect(found?.data.length).toBe(expected.length)
  expected.forEach((value, i) => expect(found?.data[i]).toBeCloseTo(value, 5))
}

describe('the training form', () => {
  it.each([3, 'N'])(
    'normalises by the batch and updates running statistics as PyTorch does, batch %s',
    async (batch) => {
      const { model, statistics, masks } = trainingForm(normalization(1, batch))
      expect(masks).toEqual([])
      expect(statistics.map(({ name }) => name)).toEqual(['constant_3', 'constant_4'])
      const found = await runAt(model, new Map([['input_0', X]]))
      expectClose(found.get('BatchNormalization_5'), PYTORCH.once)
      expectClose(found.get(statistics[0]?.output ?? ''), PYTORCH.mean)
      expectClose(found.get(statistics[1]?.output ?? ''), PYTORCH.variance)
    },
  )

  it('updates the statistics of a layer that is used twice two times', async () => {
    const { model, statistics } = trainingForm(normalization(2))
    expect(statistics).toHaveLength(2)
    const found = await runAt(model, new Map([['input_0', X]]))
    expectClose(found.get(statistics[0]?.output ?? ''), PYTORCH.meanTwice)
    expectClose(found.get(statistics[1]?.output ?? ''), PYTORCH.varianceTwice)
  })

  it('gives layers that share statistics by way of Identity and Constant nodes their own', async () => {
    const net = new Network(18)
    const x = net.input([3, 2, 2])
    const [ones, zeros] = [net.constant([2], [1, 1]), net.constant([2], [0, 0])]
    const copy = net.op('Identity', [net.op('Identity', [zeros])])
    const [more, others] = [net.op('Identity', [ones]), net.op('Identity', [ones])]
    const y = net.op('BatchNormalization', [x, ones, zeros, zeros, more])
    const z = net.op('BatchNormalization', [y, ones, zeros, copy, others])
    const { model, statistics } = trainingForm(net.output(z).model())
    expect(statistics.map(({ name }) => name)).toEqual([zeros, more, copy, others])
    expect(model.graph.initializers.get(copy)?.dims).toEqual([2])
    const found = await runAt(model, new Map([[x, X]]))
    const [first, , second] = statistics.map(({ output }) => [...(found.get(output)?.data ?? [])])
    expect(first?.[0]).toBeCloseTo(0.9 * 0 + PYTORCH.mean[0]! - 0.9, 5)
    // The first layer's result has mean zero.
    expect(second?.[0]).toBeCloseTo(0, 6)
  })

  it.each(['none', 'all'] as const)(
    'computes the same each time, and leaves what it is fed, optimised %s',
    async (optimization) => {
      const { model, statistics } = trainingForm(normalization(2))
      const { graph } = model
      const names = statistics.map(({ name }) => name)
      const inputs = [...graph.inputs, ...names.map((name) => ({ name, dtype: 'float32', shape: [2] }) as const)]
      const initializers = new Map([...graph.initializers].filter(([name]) => !names.includes(name)))
      for (const tried of [model, { ...model, graph: { ...graph, inputs, initializers } }]) {
        const session = await nodeRuntime.open({ bytes: modelBytes(tried) }, { threads: 1, optimization })
        const tensor = (dims: readonly number[], data: ArrayLike<number>) =>
          ({ dtype: 'float32', dims, data: Float32Array.from(data) }) as const
        const running = names.map((_, i) => tensor([2], [2 * i + 1, 2 * i + 2]))
        const feeds = new Map([
          ['input_0', tensor(X.dims, X.data)],
          ...(tried === model ? [] : names.map((name, i) => [name, running[i]!] as const)),
        ])
        for (let times = 0; times < 3; times++) {
          const found = await session.run(feeds)
          const values = statistics.map(({ output }) => [...(found.get(output)?.data as Float32Array)])
          PYTORCH.meanTwice.forEach((value, i) => expect(values[0]?.[i]).toBeCloseTo(value, 5))
          PYTORCH.varianceTwice.forEach((value, i) => expect(values[1]?.[i]).toBeCloseTo(value, 5))
          expect(running.map(({ data }) => [...data])).toEqual([
            [1, 2],
            [3, 4],
          ])
        }
        await session.release()
      }
    },
  )

  it('has gradients', () => {
    const { model } = trainingForm(normalization(2))
    expect(() =>
      gradients({ ...model, graph: { ...model.graph } }, { of: 'BatchNormalization_5', wrt: ['constant_1'] }),
    ).toThrow(/only a scalar/)
    const net = new Network(18)
    const x = net.input([3, 2, 2])
    const [ones, zeros] = [net.constant([2], [1, 1]), net.constant([2], [0, 0])]
    const y = net.op('BatchNormalization', [x, ones, zeros, zeros, ones])
    const form = trainingForm(net.output(net.op('ReduceSum', [net.op('Exp', [y])], { keepdims: 0 })).model())
    const loss = form.model.graph.outputs[0]?.name as string
    expect(gradients(form.model, { of: loss, wrt: [ones, x] }).gradients.size).toBe(2)
  })

  it('refuses a batch of a single number', () => {
    const net = new Network(18)
    const parameters = [1, 2, 3, 4].map(() => net.constant([2], [1, 1]))
    const model = net.output(net.op('BatchNormalization', [net.input([1, 2]), ...parameters])).model()
    expect(() => trainingForm(model)).toThrow(/BatchNormalization 'BatchNormalization node 0': .*two examples or more/)
  })

  it.each([
    ['an input', 0.25, (net: Network) => [net.scalar(0.25)]],
    ['its default', 0.5, () => []],
    ['an input of 1', 1, (net: Network) => [net.scalar(1)]],
    ['an input, explicitly in inference', 0.25, (net: Network) => [net.scalar(0.25), net.constant([], [0], 'bool')]],
  ] as const)('draws what a Dropout with its ratio as %s keeps from an input', async (_, ratio, inputs) => {
    const net = new Network(18)
    const x = net.input([3, 2, 2])
    const [y = '', kept = ''] = net.node('Dropout', [x, ...inputs(net)], {}, 2)
    const square = net.op('Mul', [y, y])
    const sum = net.op('ReduceSum', [square], { keepdims: 0 })
    const model = net.output(square, sum, kept).model()
    const outputs = model.graph.outputs.map(({ name }) => ({ name }))
    const { model: training, masks } = trainingForm({ ...model, graph: { ...model.graph, outputs } })
    expect(masks).toEqual([{ input: `train/${y}.mask`, dims: [3, 2, 2], ratio }])
    const mask = Float64Array.from({ length: 12 }, (_, k) => (k % 3 === 0 ? 0 : 1))
    const { model: differentiated, gradients: names } = gradients(training, { of: sum, wrt: [x] })
    const found = await runAt(
      differentiated,
      new Map([
        [x, X],
        [`train/${y}.mask`, { dims: [3, 2, 2], data: mask }],
      ]),
    )
    const factor = ratio < 1 ? 1 / (1 - ratio) : 0
    expectClose(
      found.get(square),
      [...X.data].map((value, k) => (value * factor * (mask[k] as number)) ** 2),
    )
    expectClose(
      found.get(names.get(x) as string),
      [...X.data].map((value, k) => 2 * value * factor ** 2 * (mask[k] as number)),
    )
    expectClose(found.get(kept), [...mask])
  })
})
