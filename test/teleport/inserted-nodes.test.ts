import { describe, expect, it } from 'vitest'
import { invert } from '../../src/cob/cob.js'
import { sampleCob } from '../../src/cob/sample.js'
import type { Graph, Model } from '../../src/graph/model.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { type TeleportedModel, teleport } from '../../src/teleport/teleport.js'
import { feedsOf, Network } from '../ops/network.js'
import { differences, nodesOf } from '../support/laws.js'
import { distance, run } from '../support/survey.js'

const full = (model: Model) => quiverOf(model, { scope: 'full' })
const draw = (model: Model, seed: number) => sampleCob(full(model), { sampling: 'inter', seed })

async function expectSameFunction(model: Model, moved: Model): Promise<void> {
  const options = { optimization: 'none' } as const
  const before = await run(model, feedsOf(model), options)
  expect(distance(before, await run(moved, feedsOf(model), options)).error).toBeLessThan(1e-5)
}

function expectBack(model: Model, moved: TeleportedModel, seed: number): void {
  const back = teleport(moved, full(moved), invert(draw(model, seed)))
  expect(nodesOf(back.graph)).toEqual(nodesOf(model.graph))
  expect(differences(model, back)).toEqual([])
  expect(back.changes.nodesAdded).toBe(-moved.changes.nodesAdded)
}

describe('nodes that teleportation inserts', () => {
  it('do not change which operand of a merge comes first', async () => {
    const net = new Network()
    const first = net.op('Conv', [net.input([2, 4, 3, 3]), net.weight([3, 4, 1, 1])])
    const second = net.op('Relu', [net.op('Conv', [first, net.weight([3, 3, 1, 1])])])
    // The operand that is computed last stands first, so its nodes are inserted first.
    net.output(net.op('Conv', [net.op('Max', [second, first]), net.weight([2, 3, 1, 1])]))
    const model = net.model()
    for (let seed = 0; seed < 8; seed++) {
      const moved = teleport(model, full(model), draw(model, seed))
      await expectSameFunction(model, moved)
      expectBack(model, moved, seed)
    }
  })

  it('have names that no other node has, after several teleportations too', async () => {
    const net = new Network()
    const hidden = net.op('Gemm', [net.input([2, 5]), net.weight([5, 4])])
    net.output(
      net.op('Gemm', [net.op('Tanh', [hidden]), net.weight([4, 3])]),
      net.op('Gemm', [net.op('Sigmoid', [hidden]), net.weight([4, 3])]),
      net.op('Gemm', [net.op('Relu', [hidden]), net.weight([4, 3])]),
    )
    const model = net.model()
    // Positive factors first: only later does the Relu need a node, of the value that the others have nodes of already.
    let moved: Model = teleport(model, full(model), sampleCob(full(model), { sampling: 'intra' }))
    for (let seed = 0; seed < 4; seed++) {
      moved = teleport(moved, full(moved), draw(model, seed))
      const names = moved.graph.nodes.map((node) => node.name)
      expect(new Set(names).size).toBe(names.length)
      await expectSameFunction(model, moved)
    }
    expect(moved.graph.nodes.length).toBeGreaterThan(model.graph.nodes.length)
  })

  it('in a subgraph have constants around it where IR version 3 allows no others', async () => {
    const net = new Network(13)
    const hidden = net.op('Gemm', [net.input([2, 5]), net.weight([5, 4])])
    const weights = [net.weight([4, 4]), net.weight([4, 4])] as const
    const branch = (activation: string): Graph => {
      const nodes = net.nodes.splice(0)
      const inner = net.op('MatMul', [net.op(activation, [net.op('MatMul', [hidden, weights[0]])]), weights[1]])
      const graph: Graph = {
        name: activation,
        nodes: net.nodes.splice(0, net.nodes.length, ...nodes),
        inputs: [],
        outputs: [{ name: inner, dtype: 'float32' }],
        initializers: new Map(),
        sparseInitializers: [],
        valueInfo: new Map(),
      }
      return graph
    }
    const [then, otherwise] = [branch('Tanh'), branch('Sigmoid')]
    const condition = net.constant([], [1], 'bool')
    const chosen = net.op('If', [condition], { then_branch: then, else_branch: otherwise })
    net.output(net.op('Gemm', [chosen, net.weight([4, 3])]))
    const { graph } = net.model()
    const listed = [...graph.initializers.values()].map(({ name, dtype, dims }) => ({ name, dtype, shape: dims }))
    const model: Model = { ...net.model(), irVersion: 3, graph: { ...graph, inputs: [...graph.inputs, ...listed] } }
    const moved = teleport(model, full(model), draw(model, 2))
    expect(moved.changes.nodesAdded).toBeGreaterThan(0)
    expect(moved.graph.inputs.map((input) => input.name).sort()).toEqual(
      [...moved.graph.initializers.keys(), ...net.inputs.map((input) => input.name)].sort(),
    )
    for (const node of moved.graph.nodes)
      for (const { value } of node.attributes.values())
        if (typeof value === 'object' && value !== null && 'initializers' in value)
          expect([...value.inputs, ...value.initializers]).toEqual([])
    const feeds = feedsOf(net.model())
    const options = { optimization: 'none' } as const
    expect(distance(await run(model, feeds, options), await run(moved, feeds, options)).error).toBeLessThan(1e-5)
    expectBack(model, moved, 2)
  })
})
