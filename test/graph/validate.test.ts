import { describe, expect, test } from 'vitest'
import { type Attribute, type Graph, type Model, ModelError, type Node, type ValueInfo } from '../../src/graph/model.js'
import { tensorOf } from '../../src/graph/tensor.js'
import { validateModel } from '../../src/graph/validate.js'
import { graphOf } from '../support/plain-graph.js'

function op(opType: string, inputs: string[], outputs: string[], attributes: Record<string, Graph> = {}): Node {
  const values = Object.entries(attributes).map(([name, value]): [string, Attribute] => [
    name,
    { type: 'graph', value },
  ])
  return { name: '', opType, domain: '', inputs, outputs, attributes: new Map(values) }
}

function value(name: string, shape: number[] = [4]): ValueInfo {
  return { name, dtype: 'float32', shape }
}

function graph(nodes: Node[], rest: Partial<Graph> = {}): Graph {
  return graphOf({ nodes, ...rest })
}

function main(nodes: Node[], rest: Partial<Graph> = {}): Model {
  const whole = graph(nodes, { inputs: [value('x')], outputs: [value('y')], ...rest })
  return { irVersion: 8, opsets: new Map([['', 17]]), functions: [], graph: whole }
}

function refusal(model: Model): string {
  try {
    validateModel(model)
  } catch (error) {
    if (error instanceof ModelError) return error.message
    throw error
  }
  throw new Error('was not refused')
}

const w = tensorOf('w', 'float32', [4], [1, 2, 3, 4])

describe('what exporters write passes unchanged', () => {
  test.each<[string, Model]>([
    ['a chain', main([op('Relu', ['x'], ['a']), op('Relu', ['a'], ['y'])])],
    [
      'initializers among the inputs',
      main([op('Add', ['x', 'w'], ['y'])], { inputs: [value('x'), value('w')], initializers: new Map([['w', w]]) }),
    ],
    ['an output that is an input', main([], { outputs: [value('x')] })],
    ['an output that is an initializer', main([], { outputs: [value('w')], initializers: new Map([['w', w]]) })],
    ['one value as two outputs', main([op('Relu', ['x'], ['y'])], { outputs: [value('y'), value('y')] })],
    ['unused initializers', main([op('Relu', ['x'], ['y'])], { initializers: new Map([['w', w]]) })],
    ['optional inputs and outputs left out', main([op('Clip', ['x', '', ''], ['y', '', ''])])],
    [
      'types of values that do not exist',
      main([op('Relu', ['x'], ['y'])], { valueInfo: new Map([['ghost', value('ghost')]]) }),
    ],
    [
      'branches that use the same names, and the name of their own result',
      main([
        op('If', ['x'], ['y'], {
          then_branch: graph([op('Relu', ['x'], ['t']), op('Relu', ['t'], ['y'])], { outputs: [value('y')] }),
          else_branch: graph([op('Neg', ['x'], ['t']), op('Neg', ['t'], ['y'])], { outputs: [value('y')] }),
        }),
      ]),
    ],
    [
      'a subgraph that takes values from outside',
      main([op('Relu', ['x'], ['a']), op('If', ['x'], ['y'], { then_branch: graph([], { outputs: [value('a')] }) })]),
    ],
    ['sparse initializers', main([op('Add', ['x', 's'], ['y'])], { sparseInitializers: ['s'] })],
    [
      'no nodes of the standard, and no opset',
      { ...main([{ ...op('F', ['x'], ['y']), domain: 'com.example' }]), opsets: new Map([['com.example', 1]]) },
    ],
  ])('%s', (_, model) => {
    expect(validateModel(model)).toBe(model)
  })
})

describe('what means nothing is refused', () => {
  test.each<[string, Model, RegExp]>([
    ['a cycle', main([op('Add', ['x', 'b'], ['a']), op('Relu', ['a'], ['b']), op('Relu', ['b'], ['y'])]), /cycle/],
    ['a node that needs its own result', main([op('Add', ['x', 'y'], ['y'])]), /cycle/],
    [
      'a cycle through a subgraph',
      main([op('If', ['x'], ['y'], { then_branch: graph([op('Relu', ['y'], ['t'])], { outputs: [value('t')] }) })]),
      /cycle/,
    ],
    [
      'an input without a producer',
      main([op('Add', ['x', 'ghost'], ['y'])]),
      /the node that computes 'y' \(Add\): its input 'ghost' is computed by no node/,
    ],
    ['an output without a producer', main([op('Relu', ['x'], ['a'])]), /output 'y'/],
    [
      'an input without a producer inside a subgraph',
      main([op('If', ['x'], ['y'], { then_branch: graph([op('Relu', ['ghost'], ['t'])]) })]),
      /'ghost'/,
    ],
    [
      'a subgraph that looks into its sibling',
      main([op('If', ['x'], ['y'], { a: graph([op('Relu', ['x'], ['t'])]), b: graph([op('Relu', ['t'], ['u'])]) })]),
      /'t'/,
    ],
    ['two nodes with one result', main([op('Relu', ['x'], ['y']), op('Neg', ['x'], ['y'])]), /'y' is used twice/],
    ['one node with one result twice', main([op('Split', ['x'], ['y', 'y'])]), /'y' is used twice/],
    ['a result with the name of an input', main([op('Relu', ['x'], ['x'])]), /'x' is used twice/],
    [
      'a result with the name of an initializer',
      main([op('Relu', ['x'], ['w'])], { initializers: new Map([['w', w]]) }),
      /'w' is used twice/,
    ],
    [
      'two inputs with one name',
      main([op('Relu', ['x'], ['y'])], { inputs: [value('x'), value('x')] }),
      /'x' is used twice/,
    ],
    [
      'a subgraph that computes a name that it sees',
      main([op('Relu', ['x'], ['a']), op('If', ['a'], ['y'], { b: graph([op('Relu', ['x'], ['a'])]) })]),
      /'a' is used twice/,
    ],
    ['a node without an operator', main([op('', ['x'], ['y'])]), /no operator/],
    [
      'a shape beyond all machines',
      main([op('Relu', ['x'], ['y'])], { inputs: [value('x', [2 ** 30, 2 ** 30])] }),
      /more than 2\^40/,
    ],
    [
      'such a shape with a zero',
      main([op('Relu', ['x'], ['y'])], { inputs: [value('x', [0, 2 ** 60])] }),
      /more than 2\^40/,
    ],
    ['no opset', { ...main([op('Relu', ['x'], ['y'])]), opsets: new Map() }, /opset_import/],
  ])('%s', (_, model, message) => {
    expect(refusal(model)).toMatch(message)
  })
})

describe('order', () => {
  test('nodes are put in topological order, and stay where they are as far as they can', () => {
    const [a, b, c, d] = [
      op('Relu', ['x'], ['a']),
      op('Relu', ['x'], ['b']),
      op('Add', ['a', 'd'], ['y']),
      op('Relu', ['b'], ['d']),
    ]
    expect(validateModel(main([a, b, c, d])).graph.nodes).toEqual([a, b, d, c])
    expect(validateModel(main([c, d, b, a])).graph.nodes).toEqual([a, b, d, c])
  })

  test('what a subgraph takes from outside comes before it, and subgraphs are ordered too', () => {
    const branch = graph([op('Neg', ['t'], ['u']), op('Relu', ['a'], ['t'])], { outputs: [value('u')] })
    const ordered = validateModel(main([op('If', ['x'], ['y'], { b: branch }), op('Relu', ['x'], ['a'])])).graph
    expect(ordered.nodes.map((node) => node.opType)).toEqual(['Relu', 'If'])
    const inner = ordered.nodes[1]!.attributes.get('b')!
    expect(inner.type === 'graph' && inner.value.nodes.map((node) => node.opType)).toEqual(['Relu', 'Neg'])
  })

  test('a chain of a hundred thousand nodes written backwards does not exhaust the stack', () => {
    const nodes = Array.from({ length: 100_000 }, (_, i) =>
      op('Relu', [i === 0 ? 'x' : `v${i - 1}`], [i === 99_999 ? 'y' : `v${i}`]),
    )
    expect(validateModel(main(nodes.toReversed())).graph.nodes).toEqual(nodes)
  })
})
