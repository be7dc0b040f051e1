import { describe, expect, test } from 'vitest'
import type { Model, Node, Tensor } from '../../src/graph/model.js'
import { numbersOf, tensorOf } from '../../src/graph/tensor.js'
import { loadModel } from '../../src/runtime/node/load.js'
import { verify } from '../../src/runtime/node/verify.js'
import { damaged } from '../support/damage.js'
import { modelOf, nodeOf } from '../support/plain-graph.js'

const WIDTH = 4

function network(nodes: Node[], weights: Tensor[]): Model {
  const shape = [3, WIDTH]
  return modelOf({
    nodes,
    inputs: [{ name: 'x', dtype: 'float32', shape }],
    outputs: [{ name: 'y', dtype: 'float32', shape }],
    initializers: new Map(weights.map((weight) => [weight.name, weight])),
  })
}

const node = (opType: string, inputs: string[], output: string): Node => ({
  ...nodeOf(opType, inputs, [output]),
  name: `make_${output}`,
})

/** x + b0 + b1 + …, in two chains that are added at the end: `left` and `right`, `length` nodes each. */
function chains(length: number): Model {
  const nodes: Node[] = []
  const weights: Tensor[] = []
  for (const side of ['left', 'right'])
    for (let i = 0; i < length; i++) {
      weights.push(tensorOf(`${side}_b${i}`, 'float32', [WIDTH], [0.1, -0.2, 0.3, -0.1]))
      nodes.push(node('Add', [i === 0 ? 'x' : `${side}_${i - 1}`, `${side}_b${i}`], `${side}_${i}`))
    }
  nodes.push(node('Add', [`left_${length - 1}`, `right_${length - 1}`], 'y'))
  return network(nodes, weights)
}

describe('the first divergence', () => {
  test.each([
    ['left', 3],
    ['right', 3],
    ['left', 400],
    ['right', 400],
  ])('is found by bisection in the %s of two chains of %i nodes', async (side, length) => {
    const model = chains(length)
    const at = Math.floor(length / 2) + (length > 3 ? 37 : 0)
    const report = await verify(
      model,
      damaged(model, `${side}_b${at}`, (x) => x + 1),
    )
    expect(report.firstDivergence).toMatchObject({
      node: `make_${side}_${at}`,
      opType: 'Add',
      value: `${side}_${at}`,
      weights: [`${side}_b${at}`],
    })
  })

  test('of two damaged nodes the earlier is named', async () => {
    const model = chains(8)
    const twice = damaged(
      damaged(model, 'right_b2', (x) => x + 1),
      'left_b5',
      (x) => x + 1,
    )
    expect((await verify(model, twice)).firstDivergence?.value).toBe('left_5')
  })
})

/** Multiplies the rows (the outputs) of one Gemm of an MLP and its bias by the field, and the columns of the next by its inverse. */
function rescaled(model: Model, layer: string, next: string, field: Float64Array): Model {
  const { storage: _, ...rest } = model
  const initializers = new Map(model.graph.initializers)
  const scale = (name: string, factor: (row: number, column: number) => number): void => {
    const tensor = initializers.get(name)
    if (tensor === undefined) throw new Error(`no ${name}`)
    const columns = tensor.dims[1] ?? 1
    const values = numbersOf(tensor).map((value, i) => value * factor(Math.floor(i / columns), i % columns))
    initializers.set(name, tensorOf(name, tensor.dtype, tensor.dims, values))
  }
  scale(`${layer}.weight`, (row) => field[row] ?? 1)
  scale(`${layer}.bias`, (row) => field[row] ?? 1)
  scale(`${next}.weight`, (_row, column) => 1 / (field[column] ?? 1))
  return { ...rest, graph: { ...model.graph, initializers } }
}

describe('the first divergence across a change of basis', () => {
  const load = (): Promise<Model> => loadModel(new URL('../fixtures/mlp-relu.onnx', import.meta.url).pathname)

  async function moved(): Promise<{ model: Model; other: Model; fields: Map<string, Float64Array> }> {
    const model = await load()
    const widths = ['1', '3'].map((layer) => model.graph.initializers.get(`${layer}.bias`)?.dims[0] ?? 0)
    const [first, second] = widths.map((width, k) =>
      Float64Array.from({ length: width }, (_, i) => 0.3 + ((i * 7 + k) % 11) / 7),
    )
    if (first === undefined || second === undefined) throw new Error('no layers')
    const other = rescaled(rescaled(model, '1', '3', first), '3', '5', second)
    const gemms = model.graph.nodes.filter((gemm) => gemm.opType === 'Gemm')
    const relus = model.graph.nodes.filter((relu) => relu.opType === 'Relu')
    const fields = new Map<string, Float64Array>()
    for (const [k, field] of [first, second].entries())
      for (const value of [gemms[k]?.outputs[0], relus[k]?.outputs[0]])
        if (value !== undefined) fields.set(value, field)
    return { model, other, fields }
  }

  test('the rescaled network is the same function', async () => {
    const { model, other } = await moved()
    const report = await verify(model, other)
    expect(report).toMatchObject({ pass: true, identical: false })
    expect(report.maxRelError).toBeLessThan(1e-5)
  })

  // The positions are those of units that are alive on the drawn inputs.
  test.each([
    ['1.bias', 20],
    ['3.weight', 20],
    ['5.weight', 1],
  ])('with the fields known, the node that reads the damaged %s is named', async (weight, at) => {
    const { model, other, fields } = await moved()
    const report = await verify(
      model,
      damaged(
        other,
        weight,
        (x) => x + 1,
        () => at,
      ),
      {
        fieldOf: (value) => {
          const values = fields.get(value)
          return values === undefined ? undefined : { dims: [values.length], values }
        },
      },
    )
    expect(report.pass).toBe(false)
    expect(report.firstDivergence).toMatchObject({ opType: 'Gemm', scale: 'known' })
    expect(report.firstDivergence?.weights).toContain(weight)
  })

  test('without them, the best factor per channel stands in', async () => {
    const { model, other } = await moved()
    const report = await verify(
      model,
      damaged(
        other,
        '3.weight',
        (x) => x + 1,
        () => 20,
      ),
    )
    expect(report.firstDivergence).toMatchObject({ opType: 'Gemm', scale: 'fitted' })
    expect(report.firstDivergence?.weights).toContain('3.weight')
  })
})
