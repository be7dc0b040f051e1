import { expect, it } from 'vitest'
import { invert } from '../../src/cob/cob.js'
import { sampleCob } from '../../src/cob/sample.js'
import { sizeOf } from '../../src/graph/tensor.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { verify } from '../../src/runtime/node/verify.js'
import { teleport } from '../../src/teleport/teleport.js'
import { Network } from '../ops/network.js'

/** A convolution's output, whose scale varies by channel, normalised along its last axis in nodes of their own. */
function spectralNetwork(): Network {
  const network = new Network(17)
  const axes = { axes: [-1] }
  const conv = network.op('Conv', [network.input([1, 2, 4, 6]), network.weight([3, 2, 1, 1]), network.weight([3])])
  const x = network.op('Relu', [conv])
  const centred = network.op('Sub', [x, network.op('ReduceMean', [x], axes)])
  const square = network.op('Pow', [centred, network.constant([], [2])])
  const variance = network.op('Add', [network.op('ReduceMean', [square], axes), network.constant([], [0.01])])
  const normal = network.op('Div', [centred, network.op('Sqrt', [variance])])
  const scaled = network.op('Add', [network.op('Mul', [normal, network.weight([6], 1)]), network.weight([6])])
  return network.output(network.op('Conv', [scaled, network.weight([2, 3, 1, 1])]))
}

/** ONNX Runtime puts one node in the place of these, and reads one ε whatever is there. */
for (const scope of ['weights', 'full'] as const)
  it(`the ε of a layer normalisation that is spelt out stays one number (scope ${scope})`, async () => {
    const model = spectralNetwork().model()
    const quiver = quiverOf(model, { scope })
    const cob = sampleCob(quiver, { seed: 1 })
    const moved = teleport(model, quiver, cob)
    expect(moved.changes.weightsChanged).toBeGreaterThan(0)
    for (const [name, { dims }] of model.graph.initializers)
      if (sizeOf(dims) === 1) expect(sizeOf(moved.graph.initializers.get(name)?.dims ?? []), name).toBe(1)
    expect(await verify(model, moved)).toMatchObject({ pass: true })
    const back = teleport(moved, quiverOf(moved, { scope }), invert(cob))
    expect(back.graph.nodes).toHaveLength(model.graph.nodes.length)
    expect(await verify(model, back)).toMatchObject({ pass: true })
  })
