import { describe, expect, test } from 'vitest'
import type { Model, Node } from '../../src/graph/model.js'
import { tensorOf } from '../../src/graph/tensor.js'
import { verify } from '../../src/runtime/node/verify.js'
import type { HostTensor } from '../../src/runtime/session.js'
import { modelOf, nodeOf } from '../support/plain-graph.js'

/** y = nodes(x + bias), x of shape [2, 3, 2]. */
function model(bias: readonly number[], nodes: Node[], dtype: 'int64' | 'int32' | 'float32'): Model {
  return modelOf({
    nodes: [nodeOf('Add', ['x', 'bias'], ['scores']), ...nodes],
    inputs: [{ name: 'x', dtype: 'float32', shape: [2, 3, 2] }],
    outputs: [{ name: 'y', dtype }],
    initializers: new Map([
      ['bias', tensorOf('bias', 'float32', [3, 1], bias)],
      ['k', tensorOf('k', 'int64', [1], [2])],
    ]),
  })
}

const x: HostTensor = { dtype: 'float32', dims: [2, 3, 2], data: Float32Array.of(1, 5, 1, 0, 0, 0, 9, 1, 2, 1, 3, -4) }
const inputs = new Map([['x', x]])

describe('indices', () => {
  const argMax = [
    nodeOf('ArgMax', ['scores'], ['i'], { axis: 1, keepdims: 0 }),
    nodeOf('Cast', ['i'], ['y'], { to: 6 }),
  ]
  const topK = [nodeOf('TopK', ['scores', 'k'], ['values', 'y'], { axis: 1 })]

  test.each([
    ['ArgMax behind a Cast', argMax, 'int32'],
    ['TopK', topK, 'int64'],
  ] as const)('%s: a choice between scores that are equal but for rounding may differ', async (_, nodes, dtype) => {
    const a = model([1e-6, 0, 0], [...nodes], dtype)
    const b = model([0, 1e-6, 0], [...nodes], dtype)
    const report = await verify(a, b, { inputs })
    expect(report).toMatchObject({ pass: true, identical: false })
    expect(report.outputs[0]?.mismatch).toBeGreaterThan(0)
    expect(report.warnings).toEqual([
      expect.stringMatching(/^output 'y': [\d.]+ of the choices differ, all between scores/),
    ])
  })

  test.each([
    ['ArgMax behind a Cast', argMax, 'int32'],
    ['TopK', topK, 'int64'],
  ] as const)('%s: any other choice may not', async (_, nodes, dtype) => {
    const report = await verify(model([1e-6, 0, 0], [...nodes], dtype), model([0, 0, 7], [...nodes], dtype), { inputs })
    expect(report.pass).toBe(false)
    expect(report.firstDivergence?.value).toBe('scores')
  })

  test('integers that nothing chose must be equal', async () => {
    const round = [nodeOf('Round', ['scores'], ['r']), nodeOf('Cast', ['r'], ['y'], { to: 7 })]
    const report = await verify(model([0.4999, 0, 0], round, 'int64'), model([0.5001, 0, 0], round, 'int64'), {
      inputs,
    })
    expect(report.pass).toBe(false)
  })
})

describe('a Sigmoid at the edge of its range', () => {
  const sigmoid = [nodeOf('Sigmoid', ['scores'], ['y'])]

  test('may differ by its rounding, which is said', async () => {
    const report = await verify(
      model([-24, -24, -24], sigmoid, 'float32'),
      model([-24.01, -24, -24], sigmoid, 'float32'),
      { inputs },
    )
    expect(report.maxRelError).toBeGreaterThan(report.tolerance)
    expect(report).toMatchObject({ pass: true, warnings: [expect.stringContaining('at the edge of its range')] })
  })

  test('but not where it is within its range', async () => {
    const report = await verify(model([-9, -9, -9], sigmoid, 'float32'), model([-9.01, -9, -9], sigmoid, 'float32'), {
      inputs,
    })
    expect(report).toMatchObject({ pass: false, warnings: [] })
  })
})
