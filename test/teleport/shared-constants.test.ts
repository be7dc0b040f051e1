import { describe, expect, it } from 'vitest'
import { sampleCob } from '../../src/cob/sample.js'
import type { Attribute } from '../../src/graph/model.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { teleport } from '../../src/teleport/teleport.js'
import { Network, numbersIn, run } from '../ops/network.js'

/** Where a weight of two layers that disagree about its scale comes from. */
const SOURCES: Readonly<Record<string, (network: Network) => string>> = {
  initializer: (network) => network.weight([6, 6]),
  Identity: (network) => network.op('Identity', [network.weight([6, 6])]),
  'Identity of an Identity': (network) => network.op('Identity', [SOURCES['Identity']?.(network) ?? '']),
  Transpose: (network) => network.op('Transpose', [network.weight([6, 6])]),
  Constant: (network) => {
    const name = network.weight([6, 6])
    const value = network.initializers.get(name)
    if (value === undefined) throw new Error('the weight is not there')
    network.initializers.delete(name)
    return network.op('Constant', [], { value: { type: 'tensor', value } satisfies Attribute })
  },
}

function twoLayers(source: (network: Network) => string): Network {
  const network = new Network()
  const w = source(network)
  const layer = (x: string): string => network.op('MatMul', [x, w])
  return network.output(layer(network.op('Relu', [layer(network.op('Relu', [layer(network.input([2, 6]))]))])))
}

describe('a weight that layers share', () => {
  for (const [name, source] of Object.entries(SOURCES))
    for (const scope of ['weights', 'full'] as const)
      it(`${name}, scope ${scope}: each layer has its own, nodes keep names of their own`, async () => {
        const model = twoLayers(source).model()
        const quiver = quiverOf(model, { scope })
        const moved = teleport(model, quiver, sampleCob(quiver, { seed: 5 }))
        expect(moved.changes.copies).toBeGreaterThanOrEqual(2)

        const names = moved.graph.nodes.map((node) => node.name)
        expect(new Set(names).size).toBe(names.length)
        // A copy of what is only handed on is a tensor, not a node.
        expect(names.length - model.graph.nodes.length).toBe(name === 'Transpose' ? 2 : 0)

        const [expected, actual] = [await run(model), await run(moved)].map((out) => numbersIn([...out.values()][0]!))
        const scale = Math.max(...expected!.map(Math.abs))
        expected!.forEach((y, i) => expect(Math.abs(y - actual![i]!) / scale).toBeLessThan(1e-5))
      })
})
