import { describe, expect, it } from 'vitest'
import { gradients } from '../../src/autodiff/gradients.js'
import { type Graph, type Model, ModelError, type Node } from '../../src/graph/model.js'
import { tensorOf } from '../../src/graph/tensor.js'
import { modelBytes } from '../../src/onnx/write.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import type { HostTensor } from '../../src/runtime/session.js'
import { checkDerivatives, numbersOfAll, runtimeEvaluator } from '../support/derivative-check.js'
import { type AttributeValue, attributeOf, graphOf } from '../support/plain-graph.js'

function node(opType: string, inputs: string, outputs: string, attributes: Record<string, AttributeValue> = {}): Node {
  const list = (text: string) => (text === '' ? [] : text.split(' '))
  const entries = Object.entries(attributes).map(([name, value]) => [name, attributeOf(value)] as const)
  return {
    name: `${outputs} node`,
    opType,
    domain: '',
    inputs: list(inputs),
    outputs: list(outputs),
    attributes: new Map(entries),
  }
}

const W = tensorOf('w', 'float32', [2], [3, -4])
const X: HostTensor = { dtype: 'float32', dims: [2], data: Float32Array.of(1, 2) }

/** x and w are float32 [2]: x = (1, 2) as it is fed, w = (3, −4). */
function modelOf(
  nodes: readonly Node[],
  outputs = ['L'],
  more: Partial<Omit<Model, 'graph'>> & { graph?: Partial<Graph> } = {},
): Model {
  const graph = graphOf({
    name: 'g',
    nodes,
    inputs: [{ name: 'x', dtype: 'float32', shape: [2] }],
    outputs: outputs.map((name) => ({ name })),
    initializers: new Map([['w', W]]),
  })
  return { irVersion: 8, opsets: new Map([['', 18]]), functions: [], ...more, graph: { ...graph, ...more.graph } }
}

const sum = (from: string, to = 'L'): Node => node('ReduceSum', from, to, { keepdims: 0 })

async function valuesOf(model: Model, names: readonly string[], wrt: readonly string[], x = X): Promise<number[][]> {
  const derived = gradients(model, { of: 'L', wrt })
  const session = await nodeRuntime.open({ bytes: modelBytes(derived.model) }, { threads: 1 })
  const fetched = [...names, ...derived.gradients.values()]
  const found = numbersOfAll(await session.run(new Map(session.inputNames.includes('x') ? [['x', x]] : []), fetched))
  await session.release()
  return fetched.map((name) => [...(found.get(name)?.data ?? [])])
}

async function gradientsOf(model: Model, ...wrt: string[]): Promise<number[][]> {
  return valuesOf(model, [], wrt)
}

describe('what a gradient is by', () => {
  it('a value that is used several times gets the sum, a tied weight too', async () => {
    const model = modelOf([node('Mul', 'x w', 'a'), node('Mul', 'a w', 'b'), node('Add', 'b w', 'c'), sum('c')])
    expect(await gradientsOf(model, 'w', 'x')).toEqual([
      [2 * 3 + 1, 2 * -4 * 2 + 1],
      [9, 16],
    ])
  })

  it('one operand twice', async () => {
    expect(
      await gradientsOf(
        modelOf([node('Mul', 'w w', 'a'), node('Sub', 'a a', 'z'), node('Add', 'a z', 'b'), sum('b')]),
        'w',
      ),
    ).toEqual([[6, -8]])
  })

  it('a value inside, which stands for what comes behind it alone', async () => {
    const model = modelOf([node('Mul', 'x w', 'a'), node('Mul', 'a w', 'b'), sum('b')])
    expect(await gradientsOf(model, 'a', 'b', 'L')).toEqual([[3, -4], [1, 1], [1]])
  })

  it('a value that L does not depend on: zeros', async () => {
    const model = modelOf([sum('x'), node('Mul', 'x w', 'other')], ['L', 'other'])
    expect(await gradientsOf(model, 'w', 'other', 'x')).toEqual([
      [0, 0],
      [0, 0],
      [1, 1],
    ])
  })

  it('L itself, where it is an input or an initializer', async () => {
    const one = tensorOf('L', 'float32', [], [5])
    const model = modelOf([node('Identity', 'L', 'y')], ['y'], { graph: { initializers: new Map([['L', one]]) } })
    expect(await gradientsOf(model, 'L')).toEqual([[1]])
  })

  it('the same name twice', async () => {
    const model = modelOf([node('Mul', 'x w', 'a'), sum('a')])
    const derived = gradients(model, { of: 'L', wrt: ['w', 'w'] })
    await (await runtimeEvaluator(derived.model)).release()
    expect(derived.gradients.size).toBe(1)
  })
})

describe('what lies on the way', () => {
  it('outputs of the model that are used inside too, and chains of Identity', async () => {
    const nodes = [
      node('Mul', 'x w', 'a'),
      node('Identity', 'a', 'b'),
      node('Identity', 'b', 'c'),
      node('Add', 'a c', 'd'),
      sum('d'),
    ]
    expect(await valuesOf(modelOf(nodes, ['a', 'L', 'c']), ['a', 'c'], ['w'])).toEqual([
      [3, -8],
      [3, -8],
      [2, 4],
    ])
  })

  it('an If: an error that names it, unless it lies aside', async () => {
    const branch = (opType: string) =>
      graphOf({ name: 'b', nodes: [node(opType, 'w', 'inner')], outputs: [{ name: 'inner' }] })
    const nodes = [
      {
        ...node('If', 'yes', 'chosen'),
        attributes: new Map([
          ['then_branch', { type: 'graph', value: branch('Abs') } as const],
          ['else_branch', { type: 'graph', value: branch('Neg') } as const],
        ]),
      },
      node('Mul', 'x chosen', 'a'),
      sum('a'),
    ]
    const valueInfo = new Map([['chosen', { name: 'chosen', dtype: 'float32', shape: [2] } as const]])
    const initializers = new Map([
      ['w', W],
      ['yes', tensorOf('yes', 'bool', [], [1])],
    ])
    const model = modelOf(nodes, ['L'], { graph: { initializers, valueInfo } })
    expect(() => gradients(model, { of: 'L', wrt: ['w'] })).toThrow(
      /^If 'chosen node': If has no gradient rule, and the gradient of 'w'/,
    )
    expect(await gradientsOf(model, 'x')).toEqual([[3, 4]])
  })

  it("a function of the model's own: an error that names it", () => {
    const model = modelOf([{ ...node('Mine', 'w', 'a'), domain: 'own' }, sum('a')], ['L'], {
      opsets: new Map([
        ['', 18],
        ['own', 1],
      ]),
      graph: { valueInfo: new Map([['a', { name: 'a', dtype: 'float32', shape: [2] }]]) },
    })
    expect(() => gradients(model, { of: 'L', wrt: ['w'] })).toThrow(/own\.Mine has no gradient rule/)
  })

  it('integers: nothing flows through them', async () => {
    const nodes = [
      node('Cast', 'w', 'i', { to: 7 }),
      node('Cast', 'i', 'f', { to: 1 }),
      node('Mul', 'f w', 'a'),
      sum('a'),
    ]
    expect(await gradientsOf(modelOf(nodes), 'w')).toEqual([[3, -4]])
  })

  it('Dropout in inference, and in training with the mask that it drew', async () => {
    const initializers = new Map([
      ['w', W],
      ['half', tensorOf('half', 'float32', [], [0.5])],
      ['train', tensorOf('train', 'bool', [], [1])],
    ])
    const still = modelOf([node('Dropout', 'w', 'a'), sum('a')])
    expect(await gradientsOf(still, 'w')).toEqual([[1, 1]])
    const training = modelOf([node('Dropout', 'w half train', 'a', { seed: 3 }), sum('a')], ['L', 'a'], {
      graph: { initializers },
    })
    const [a, gradient] = await valuesOf(training, ['a'], ['w'])
    expect(gradient).toEqual(a?.map((value, i) => value / (i === 0 ? 3 : -4)))
  })

  it('indices of a MaxPool that the model has already', async () => {
    const nodes = [node('MaxPool', 'p', 'y places', { kernel_shape: [2] }), sum('y')]
    const p = tensorOf('p', 'float32', [1, 1, 3], [1, 5, 2])
    const model = modelOf(nodes, ['L', 'places'], { graph: { initializers: new Map([['p', p]]) } })
    expect(await valuesOf(model, ['places'], ['p'])).toEqual([
      [1, 1],
      [0, 2, 0],
    ])
  })
})

describe('names', () => {
  it('that begin with grad/, are odd, or are those of gradients', async () => {
    const initializers = new Map(
      ['grad/w', 'w', 'ä b\n"\\', 'grad/constant_0'].map((name) => [name, { ...W, name }] as const),
    )
    const odd = { ...node('Mul', 'w w', 'grad/Mul_0'), inputs: ['ä b\n"\\', 'grad/w'] }
    const nodes = [odd, node('Mul', 'grad/Mul_0 grad/constant_0', 'grad/w_0'), node('Mul', 'grad/w_0 w', 'a'), sum('a')]
    const model = modelOf(nodes, ['L'], { graph: { initializers } })
    expect(await gradientsOf(model, 'w', 'grad/w', 'ä b\n"\\')).toEqual([
      [27, -64],
      [27, -64],
      [27, -64],
    ])
    const once = gradients(model, { of: 'L', wrt: ['w'] })
    const again = { ...once.model, graph: { ...once.model.graph, outputs: [{ name: 'L' }] } }
    expect(gradients(again, { of: 'L', wrt: ['w'] }).gradients.get('w')).not.toBe(once.gradients.get('w'))
  })
})

describe('models', () => {
  it('whose initializers are inputs too', async () => {
    const inputs = ['x', 'w'].map((name) => ({ name, dtype: 'float32' as const, shape: [2] }))
    const model = modelOf([node('Mul', 'x w', 'a'), sum('a')], ['L'], {
      irVersion: 3,
      opsets: new Map([['', 7]]),
      graph: { inputs },
    })
    expect(await gradientsOf(model, 'w', 'x')).toEqual([
      [1, 2],
      [3, -4],
    ])
  })

  it.each([0, 1, 3])('with batches of %i, whose size is a name', async (batch) => {
    const nodes = [
      node('MatMul', 'x m', 'h'),
      node('Relu', 'h', 'r'),
      node('ReduceMax', 'r axes', 'y', { keepdims: 0 }),
      sum('y'),
    ]
    const initializers = new Map([
      ['m', tensorOf('m', 'float32', [2, 2], [1, 2, 3, 4])],
      ['axes', tensorOf('axes', 'int64', [1], [1])],
    ])
    const inputs = [{ name: 'x', dtype: 'float32' as const, shape: ['N', 2] }]
    const model = modelOf(nodes, ['L'], { graph: { inputs, initializers } })
    const x: HostTensor = { dtype: 'float32', dims: [batch, 2], data: new Float32Array(2 * batch).fill(1) }
    const [m, dx] = await valuesOf(model, [], ['m', 'x'], x)
    expect(m).toEqual([0, batch, 0, batch])
    expect(dx).toEqual(Array.from({ length: 2 * batch }, (_, i) => (i % 2 === 0 ? 2 : 4)))
  })

  it.each(['float16', 'float64'] as const)('of %s', async (dtype) => {
    const initializers = new Map([['w', tensorOf('w', dtype, [2], [3, -4])]])
    const model = modelOf([node('Mul', 'w w', 'a'), sum('a')], ['L'], { graph: { initializers, inputs: [] } })
    expect(await gradientsOf(model, 'w')).toEqual([[6, -8]])
  })

  it('with Tile and a batch whose size is a name are differentiated twice', async () => {
    const initializers = new Map([
      ['w', tensorOf('w', 'float64', [3], [3, -4, 1])],
      ['times', tensorOf('times', 'int64', [2], [1, 2])],
    ])
    const inputs = [{ name: 'x', dtype: 'float64' as const, shape: ['N', 3] }]
    const nodes = [node('Mul', 'x w', 'a'), node('Mul', 'a a', 'b'), node('Tile', 'b times', 'y')]
    const outcome = await checkDerivatives(modelOf(nodes, ['y'], { graph: { inputs, initializers } }), runtimeEvaluator)
    expect(outcome).toMatchObject({ first: { agrees: 3 }, second: { agrees: 3 } })
    expect(outcome.skipped).toBeUndefined()
  })

  it('with sparse initializers: named, or differentiated by the others', () => {
    const model = modelOf([node('Mul', 'x s', 'a'), sum('a')], ['L'], { graph: { sparseInitializers: ['s'] } })
    try {
      expect(gradients(model, { of: 'L', wrt: ['x'] }).gradients.size).toBe(1)
    } catch (error) {
      expect(error).toBeInstanceOf(ModelError)
    }
  })
})
