import { describe, expect, it } from 'vitest'
import type { Model, Node, Tensor } from '../../src/graph/model.js'
import { tensorOf } from '../../src/graph/tensor.js'
import { distanceBetween, weightsOf } from '../../src/teleport/distance.js'
import { modelOf, nodeOf } from '../support/plain-graph.js'

function modelWith(tensors: readonly Tensor[], nodes: readonly Node[] = []): Model {
  return modelOf({ nodes, initializers: new Map(tensors.map((tensor) => [tensor.name, tensor])) })
}

const constant = (output: string, value: Tensor): Node =>
  nodeOf('Constant', [], [output], { value: { type: 'tensor', value } })
const norm = { ...constant('y', tensorOf('', 'float32', [], [0])), opType: 'BatchNormalization' }

describe('the distance between weights', () => {
  it('is the L2 distance over all of them, relative to where it starts', () => {
    const from = modelWith([tensorOf('a', 'float32', [2], [3, 0]), tensorOf('b', 'float64', [1], [4])])
    const to = modelWith([tensorOf('a', 'float32', [2], [3, 3]), tensorOf('b', 'float64', [1], [8])])
    expect(distanceBetween(from, to)).toEqual({ absolute: 5, relative: 1, weights: 3, changed: 2 })
    expect(distanceBetween(from, from)).toEqual({ absolute: 0, relative: 0, weights: 3, changed: 0 })
  })

  it('counts halves and constants of nodes, but neither integers nor running statistics', () => {
    const tensors = [
      tensorOf('half', 'float16', [1], [1]),
      tensorOf('brain', 'bfloat16', [1], [1]),
      tensorOf('axes', 'int64', [1], [7]),
      tensorOf('mean', 'float32', [1], [100]),
    ]
    const nodes = [
      constant('w', tensorOf('', 'float32', [2], [1, 1])),
      constant('var', tensorOf('', 'float32', [1], [1e9])),
      { ...norm, inputs: ['x', 's', 'b', 'mean', 'var'], attributes: new Map() },
    ]
    expect([...weightsOf(modelWith(tensors, nodes)).keys()]).toEqual(['half', 'brain', 'w/value'])
    expect(weightsOf(modelWith(tensors, nodes), { statistics: true }).size).toBe(5)
  })

  it('passes over tensors that have another shape', () => {
    const from = modelWith([tensorOf('a', 'float32', [1], [3])])
    const to = modelWith([tensorOf('a', 'float32', [2], [3, 3])])
    expect(distanceBetween(from, to)).toMatchObject({ weights: 0, absolute: 0, relative: 0 })
  })

  it('reads a long tensor piece by piece', () => {
    const count = 2 ** 18 + 5
    const from = modelWith([tensorOf('a', 'float32', [count], new Array<number>(count).fill(1))])
    const to = modelWith([tensorOf('a', 'float32', [count], new Array<number>(count).fill(3))])
    expect(distanceBetween(from, to)).toMatchObject({ relative: 2, weights: count, changed: count })
  })
})
