import { describe, expect, it } from 'vitest'
import { assign } from '../../src/cob/assign.js'
import type { Cob } from '../../src/cob/cob.js'
import { ModelError } from '../../src/graph/model.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { Network } from '../ops/network.js'

/** Two layers that meet in an Add, and a third behind an activation. */
function network(activation: string, scope: 'weights' | 'full' = 'weights') {
  const net = new Network()
  const x = net.input([2, 5])
  const layer = () => net.op('Gemm', [x, net.weight([5, 2])])
  const sum = net.op(activation, [net.op('Add', [layer(), layer()])])
  net.output(net.op('Gemm', [sum, net.weight([2, 3])]))
  return quiverOf(net.model(), { scope })
}

function cob(factors: Readonly<Record<string, readonly number[]>>): Cob {
  return { factors: new Map(Object.entries(factors).map(([name, tau]) => [name, Float64Array.from(tau)])), origin: {} }
}

const [A, B, OUT] = ['Gemm_2', 'Gemm_4', 'Gemm_8']

describe('a CoB that is given', () => {
  it('assigns its factors to the scales of the quiver', () => {
    const quiver = network('Relu')
    expect(quiver.vertices.map((vertex) => vertex.name)).toEqual([A, B, OUT])
    const assignment = assign(quiver, cob({ [A]: [2, 3], [B]: [2, 3] }))
    expect(
      quiver.vertices.flatMap(({ first, size }) => [...Array(size).keys()].map((i) => assignment.of(first + i + 1))),
    ).toEqual([2, 3, 2, 3, 1, 1, 1])
  })

  it('assigns products of powers', () => {
    const quiver = network('Relu')
    const assignment = assign(quiver, cob({ [A]: [2, 3], [B]: [2, 3] }))
    const { classes } = quiver
    expect(assignment.of(classes.times(classes.power(1, 2), classes.power(2, -1)))).toBe(4 / 3)
    expect([...assignment.ofField({ dims: [2, 1], ids: Int32Array.of(0, 2) })]).toEqual([1, 3])
  })

  it('need not speak of vertices that stay', () => {
    expect(assign(network('Sigmoid'), cob({})).of(1)).toBe(1)
    expect(assign(network('Sigmoid'), cob({ [OUT]: [1, 1, 1] })).of(1)).toBe(1)
  })

  it('in full may differ where channels are joined', () => {
    expect(assign(network('Relu', 'full'), cob({ [A]: [2, -3], [B]: [5, 7] })).of(3)).toBe(5)
  })

  it.each<[string, 'weights' | 'full', Record<string, readonly number[]>, string]>([
    [
      'Relu',
      'weights',
      { Gemm_9: [1] },
      "the CoB has a vertex 'Gemm_9' that the model has not; the model's are 'Gemm_2', 'Gemm_4', 'Gemm_8'",
    ],
    ['Relu', 'weights', { [A]: [1, 2, 3] }, "vertex 'Gemm_2': the CoB has 3 factors, the model 2 neurons"],
    [
      'Relu',
      'weights',
      { [A]: [2, 0], [B]: [2, 1] },
      "vertex 'Gemm_2', neuron 1: τ = 0; expected a finite number other than 0",
    ],
    ['Relu', 'weights', { [A]: [NaN, 1] }, "vertex 'Gemm_2', neuron 0: τ = NaN; expected a finite number other than 0"],
    [
      'Relu',
      'weights',
      { [A]: [2, -3], [B]: [2, -3] },
      "vertex 'Gemm_2', neuron 1: τ = -3; expected a positive number in scope 'weights', since a positively homogeneous operator follows",
    ],
    [
      'Tanh',
      'weights',
      { [A]: [2, 1], [B]: [2, 1] },
      "vertex 'Gemm_2', neuron 0: τ = 2; expected 1 or −1 in scope 'weights', since an odd operator follows",
    ],
    [
      'Sigmoid',
      'weights',
      { [A]: [2, 1], [B]: [2, 1] },
      "vertex 'Gemm_2', neuron 0: τ = 2; expected 1 in scope 'weights', since it is pinned (Sigmoid is not homogeneous)",
    ],
    [
      'Relu',
      'weights',
      { [A]: [2, 3], [B]: [2, 4] },
      "vertex 'Gemm_4', neuron 1: τ = 4; expected 3 in scope 'weights', since its channel is joined with others'",
    ],
    [
      'Relu',
      'weights',
      { [A]: [2, 3] },
      "vertex 'Gemm_4', neuron 0: τ = 1; expected 2 in scope 'weights', since its channel is joined with others'",
    ],
    [
      'Relu',
      'full',
      { [OUT]: [1, 1, 2] },
      "vertex 'Gemm_8', neuron 2: τ = 2; expected 1 in scope 'full', since it is pinned (graph output)",
    ],
  ])('with %s in %s is refused: %j', (activation, scope, factors, message) => {
    const quiver = network(activation, scope)
    expect(() => assign(quiver, cob(factors))).toThrow(ModelError)
    expect(() => assign(quiver, cob(factors))).toThrow(message)
  })

  it('may be off by rounding where channels are joined', () => {
    expect(assign(network('Relu'), cob({ [A]: [2, 3], [B]: [2 * (1 + 1e-12), 3] })).of(3)).toBe(2)
  })
})
