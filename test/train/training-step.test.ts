import { describe, expect, test } from 'vitest'
import type { Model } from '../../src/graph/model.js'
import { bytesOf, tensorOf } from '../../src/graph/tensor.js'
import { densenet121 } from '../../src/models/densenet.js'
import { mlp as mlpOfBuilder } from '../../src/models/mlp.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import { bindBatch, bindDims } from '../../src/shapes/bind.js'
import { modelOfBuilder, newBuilder } from '../../src/shapes/build.js'
import { sgd } from '../../src/train/optimizer-sgd.js'
import { openTrainer } from '../../src/train/runner.js'
import type { TrainingStepOptions } from '../../src/train/step.js'
import { trainingStep } from '../../src/train/training-step.js'
import { floats, labels, mlp, networkOf, weight } from './networks.js'

const OPTIONS: TrainingStepOptions = { loss: 'crossEntropy', optimizer: sgd({ lr: 0.1, momentum: 0.9 }), batchSize: 4 }
const BATCH = { x: floats([4, 6]), target: labels([0, 1, 2, 0]) }

const namesOf = (model: Model, options: Partial<TrainingStepOptions> = {}) =>
  trainingStep(model, { ...OPTIONS, ...options }).parameters.map(({ name }) => name)

/** Losses of three steps. */
async function losses(model: Model, options: Partial<TrainingStepOptions> = {}): Promise<number[]> {
  const trainer = await openTrainer(nodeRuntime, trainingStep(model, { ...OPTIONS, ...options }), { threads: 1 })
  const found: number[] = []
  for (let i = 0; i < 3; i++) found.push((await trainer.run(BATCH)).loss)
  await trainer.release()
  return found
}

/** A model in which some initializers are what Constant nodes give. */
function withConstants(model: Model, names: readonly string[]): Model {
  const { graph } = model
  const nodes = names.map((name) => ({
    name: `constant ${name}`,
    opType: 'Constant',
    domain: '',
    inputs: [],
    outputs: [name],
    attributes: new Map([['value', { type: 'tensor', value: graph.initializers.get(name)! } as const]]),
  }))
  const initializers = new Map([...graph.initializers].filter(([name]) => !names.includes(name)))
  return { ...model, graph: { ...graph, nodes: [...nodes, ...graph.nodes], initializers } }
}

describe('a training step', () => {
  test('describes its inputs and outputs; all sizes are fixed', () => {
    const step = trainingStep(mlp(), { ...OPTIONS, clipNorm: 1 })
    expect(step.inputs).toEqual([{ name: 'x', dtype: 'float32', dims: [4, 6] }])
    expect(step.target).toMatchObject({ dtype: 'int64', dims: [4] })
    expect(step.classes).toBe(3)
    expect(step.parameters.map(({ name, input, dims }) => [name, input, dims])).toEqual([
      ['0.weight', '0.weight', [5, 6]],
      ['0.bias', '0.bias', [5]],
      ['2.weight', '2.weight', [3, 5]],
      ['2.bias', '2.bias', [3]],
    ])
    expect(step.states.map(({ name }) => name)).toContain('momentum_buffer/0.weight')
    expect(step.states.map(({ state }) => state)).toEqual(Array(4).fill('momentum_buffer'))
    const { inputs, outputs, initializers } = step.model.graph
    const { parameters, states, scalars, target } = step
    expect(new Set(inputs.map(({ name }) => name))).toEqual(
      new Set(['x', target.name, scalars.lr, ...[...parameters, ...states].map(({ input }) => input)]),
    )
    expect(new Set(outputs.map(({ name }) => name))).toEqual(
      new Set([...Object.values(step.outputs), ...[...parameters, ...states].map(({ output }) => output)]),
    )
    for (const { shape } of [...inputs, ...outputs]) expect(shape?.every((dim) => typeof dim === 'number')).toBe(true)
    for (const { name } of parameters) expect(initializers.has(name)).toBe(false)
    expect(Object.keys(step.outputs)).toEqual(['loss', 'correct', 'gradientNorm'])
  })

  test('trains what frozen leaves of what trained names', () => {
    expect(namesOf(mlp(), { frozen: ['0.*'] })).toEqual(['2.weight', '2.bias'])
    expect(namesOf(mlp(), { trained: ['*.bias'] })).toEqual(['0.bias', '2.bias'])
    expect(namesOf(mlp(), { trained: ['0.*'], frozen: ['*.bias'] })).toEqual(['0.weight'])
    expect(() => namesOf(mlp(), { frozen: ['*'] })).toThrow(/^the model has no parameter to train: [^\n]*$/)
    expect(() => namesOf(mlp(), { trained: ['0xweight'] })).toThrow(/no parameter to train/)
  })

  test('takes no constant of a formula, no setting and nothing unreachable for a parameter', () => {
    const model = networkOf([4, 6], (x, b) => {
      const scaled = x.mul(b.initializer(tensorOf('scale', 'float32', [], [0.5])))
      const bounds = [b.initializer(tensorOf('low', 'float32', [], [-1])), undefined]
      weight(b, 'unused', [3, 3])
      const indices = b.op('ArgMax', [weight(b, 'chosen', [1, 6])], { axis: 1, keepdims: 0 }).cast('float32')
      return b.op('Clip', [scaled.matmul(weight(b, 'w', [6, 3])), ...bounds]).add(indices)
    })
    expect(namesOf(model)).toEqual(['w'])
    expect(namesOf(model, { trained: ['scale', 'w'] })).toEqual(['scale', 'w'])
  })

  test('finds weights in Constant nodes, and behind Transpose, Reshape and Identity', async () => {
    expect(await losses(withConstants(mlp(), ['0.weight', '2.bias']))).toEqual(await losses(mlp()))
    const model = (constants: readonly string[]) => {
      const built = networkOf(['N', 6], (x, b) => {
        const w = weight(b, 'w', [3, 6]).transpose().op('Identity')
        return x
          .sub(weight(b, 'mean', [6]))
          .matmul(w)
          .add(weight(b, 'b', [1, 3]).reshape([3]))
      })
      return withConstants(built, constants)
    }
    // A constant that is not a layer's stays one; as an initializer it may be a weight.
    expect(namesOf(model(['w', 'mean', 'b'])).sort()).toEqual(['b', 'w'])
    expect(namesOf(model([])).sort()).toEqual(['b', 'mean', 'w'])
    const [first, , last] = await losses(model(['w', 'mean', 'b']))
    expect(last).toBeLessThan(first!)
  })

  test('looks through a Softmax at the end', async () => {
    const withSoftmax = (axis: number) =>
      networkOf(['N', 6], (x, b) => x.matmul(weight(b, 'w', [6, 3])).op('Softmax', [], { axis }))
    const plain = networkOf(['N', 6], (x, b) => x.matmul(weight(b, 'w', [6, 3])))
    expect(await losses(withSoftmax(-1))).toEqual(await losses(plain))
    expect(() => trainingStep(withSoftmax(0), OPTIONS)).toThrow(/^Softmax [^\n]*cross-entropy needs logits/)
    const step = trainingStep(withSoftmax(1), OPTIONS)
    expect(step.source.graph.outputs.map(({ name }) => name)).toEqual(['y'])
  })

  test('takes several inputs by name, and the output that is named', async () => {
    const builder = newBuilder()
    const [a, b] = ['a', 'b'].map((name) => builder.input(name, 'float32', ['N', 6]))
    const sum = a!.matmul(weight(builder, 'wa', [6, 3])).add(b!.matmul(weight(builder, 'wb', [6, 3])))
    builder.output(a!.matmul(weight(builder, 'other', [6, 2])), 'other output')
    builder.output(sum, 'y')
    const model = modelOfBuilder(builder, 'two')
    expect(() => trainingStep(model, OPTIONS)).toThrow(/has 2 outputs, 'other output', 'y': say by `output`/)
    expect(() => trainingStep(model, { ...OPTIONS, output: 'z' })).toThrow(/^output 'z': the model has none/)
    const step = trainingStep(model, { ...OPTIONS, output: 'y' })
    expect(step.parameters.map(({ name }) => name)).toEqual(['wa', 'wb'])
    const trainer = await openTrainer(nodeRuntime, step, { threads: 1 })
    const x = new Map([
      ['a', floats([4, 6])],
      ['b', floats([4, 6])],
    ])
    expect((await trainer.run({ x, target: BATCH.target })).loss).toBeGreaterThan(0)
    await trainer.release()
  })

  test('trains a model of opset 9, and one of IR version 3 whose initializers are inputs', async () => {
    const model = mlp()
    const old = { ...model, opsets: new Map([['', 9]]) }
    expect(await losses(old)).toEqual(await losses(model))
    const { graph } = old
    const weights = [...graph.initializers.values()].map(({ name, dtype, dims }) => ({ name, dtype, shape: dims }))
    const listed = { ...old, irVersion: 3, graph: { ...graph, inputs: [...graph.inputs, ...weights] } }
    expect(await losses(listed)).toEqual(await losses(model))
  })

  test('refuses in one line what does not fit', () => {
    const vector = networkOf(['N', 6], (x, b) => x.matmul(weight(b, 'w', [6])))
    const flat = networkOf(['N', 6], (x, b) => x.matmul(weight(b, 'w', [6, 3])).reshape([1, -1]))
    const integers = networkOf(['N', 6], (x, b) => x.matmul(weight(b, 'w', [6, 3])).cast('int64'))
    const images = networkOf(['N', 'H', 6], (x, b) => x.matmul(weight(b, 'w', [6, 3])).mean([1], false))
    const unknown = networkOf(['N', 6], (x, b) => x.matmul(weight(b, 'w', [6, 3])).op('Det'))
    const refused: [Model, Partial<TrainingStepOptions>, RegExp][] = [
      [vector, {}, /^output 'y': cross-entropy needs logits \[N, C\], got shape \[4\]$/],
      [flat, {}, /^output 'y': expected a first axis of 4 examples, got shape \[1, 12\]$/],
      [integers, {}, /^output 'y': expected floats for a loss, got int64$/],
      [images, {}, /^input 'x': its size 'H' is not fixed; give it one with bindDims$/],
      [unknown, {}, /^value 'y': its rank is not known[^\n]*$/],
      [mlp(), { batchSize: 0 }, /^size 'batchSize' is 0; expected a whole number above 0$/],
      [mlp(6, 5, 3, 2), {}, /^input 'x': its first axis is fixed at 2, and batches of 4 are asked for[^\n]*$/],
      [mlp(), { clipNorm: 0 }, /^clipNorm is 0/],
      [mlp(), { l2Penalty: -1 }, /^l2Penalty is -1/],
      [mlp(), { loss: 'hinge' as never }, /^loss is '"hinge"'; expected 'crossEntropy' or 'meanSquaredError'$/],
      [mlp(), { loss: { crossEntropy: { labelSmoothing: 2 } } }, /^label smoothing 2/],
    ]
    for (const [model, options, message] of refused)
      expect(() => trainingStep(model, { ...OPTIONS, ...options })).toThrow(message)
  })

  test('of a DenseNet-121 is derived within a second', () => {
    const model = densenet121({ classes: 10, inputShape: [3, 32, 32], seed: 1 })
    const times = [1, 2, 3].map(() => {
      const before = process.cpuUsage()
      const step = trainingStep(model, { ...OPTIONS, batchSize: 64 })
      const { user, system } = process.cpuUsage(before)
      expect(step.parameters.length).toBe(364)
      return (user + system) / 1e6
    })
    expect(Math.min(...times)).toBeLessThan(1)
  })
})

describe('bindDims', () => {
  test('puts sizes in place of names', () => {
    const bound = bindDims(mlp(), { N: 7 })
    expect(bound.graph.inputs[0]?.shape).toEqual([7, 6])
    expect(bound.graph.outputs[0]?.shape).toEqual([7, 3])
    expect(() => bindDims(mlp(), { M: 7 })).toThrow(/^no input has a size named 'M'; the names are 'N'/)
    expect(() => bindDims(mlp(), { N: 0.5 })).toThrow(/^size 'N' is 0.5/)
  })

  test('a batch axis without a name is bound too', () => {
    const model = mlp()
    const inputs = [{ ...model.graph.inputs[0]!, shape: [null, 6] }]
    expect(bindBatch({ ...model, graph: { ...model.graph, inputs } }, 3).graph.inputs[0]?.shape).toEqual([3, 6])
    expect(() => bindBatch({ ...model, graph: { ...model.graph, inputs: [{ name: 'x', shape: [] }] } }, 3)).toThrow(
      /^input 'x': expected a first axis for the batch/,
    )
  })
})

test('weights that a builder draws are drawn into the memory of the trainer', () => {
  const { initializers } = mlpOfBuilder({ seed: 3 }).graph
  for (const tensor of initializers.values()) {
    const target = new Uint8Array(tensor.data.byteLength)
    tensor.data.readInto!(0, target)
    expect(Buffer.compare(target, bytesOf(tensor))).toBe(0)
    const part = new Uint8Array(8)
    tensor.data.readInto!(4, part)
    expect([...part]).toEqual([...bytesOf(tensor).subarray(4, 12)])
  }
})
