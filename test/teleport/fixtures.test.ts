import { describe, expect, it } from 'vitest'
import { invert } from '../../src/cob/cob.js'
import { sizeOf, numbersOf } from '../../src/graph/tensor.js'
import type { Model } from '../../src/graph/model.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { reportOf } from '../../src/quiver/report.js'
import { openModel } from '../../src/runtime/open.js'
import { loadModel } from '../../src/runtime/node/load.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import { teleport } from '../../src/teleport/teleport.js'
import { FIXTURES, fixturePath, Oracle, relativeError } from '../support/oracle.js'

const ENTRIES = { vgg: 176, resnet: 144, densenet: 176 } as Record<string, number>

async function logitsOf(model: Model, oracle: Oracle): Promise<ArrayLike<number>> {
  const session = await openModel(nodeRuntime, model)
  const dims = oracle.shape('x')
  const data = Float32Array.from(oracle.numbers('x'))
  const [input] = session.inputNames
  const outputs = await session.run(new Map([[input ?? '', { dtype: 'float32', dims, data }]]))
  await session.release()
  return outputs.get('logits')?.data as Float32Array
}

describe.each(FIXTURES)('the authors’ implementation on %s', (name) => {
  const oracle = new Oracle(name)

  it('has as many CoB entries', async () => {
    const model = await loadModel(fixturePath(`${name}.onnx`))
    const { neurons, coverage } = reportOf(quiverOf(model, { scope: 'full' }))
    expect(neurons).toBe(ENTRIES[name] ?? 56)
    expect(neurons).toBe(Number(oracle.metadata['cob_size']))
    expect(coverage).toBe(1)
  })

  it.each(['intra', 'inter', 'micro'])('agrees for %s', async (tag) => {
    const model = await loadModel(fixturePath(`${name}.onnx`))
    const quiver = quiverOf(model, { scope: 'full' })
    const moved = teleport(model, quiver, oracle.cob(tag, model, quiver))
    const weights = oracle.names(`${tag}.weights/`)
    expect(weights.length).toBeGreaterThan(5)
    for (const weight of weights) {
      const tensor = moved.graph.initializers.get(weight)
      expect(tensor, weight).toBeDefined()
      if (tensor === undefined) continue
      expect(sizeOf(tensor.dims)).toBe(oracle.numbers(`${tag}.weights/${weight}`).length)
      expect(relativeError(numbersOf(tensor), oracle.numbers(`${tag}.weights/${weight}`)), weight).toBeLessThan(1e-6)
    }
    expect(relativeError(await logitsOf(moved, oracle), oracle.numbers(`${tag}.logits`))).toBeLessThan(1e-5)
  })

  it('is led back by the inverse', async () => {
    const model = await loadModel(fixturePath(`${name}.onnx`))
    const quiver = quiverOf(model, { scope: 'full' })
    const cob = oracle.cob('inter', model, quiver)
    const moved = teleport(model, quiver, cob)
    const back = teleport(moved, quiverOf(moved, { scope: 'full' }), invert(cob))
    expect(back.graph.nodes.map((node) => [node.opType, node.inputs, node.outputs])).toEqual(
      model.graph.nodes.map((node) => [node.opType, node.inputs, node.outputs]),
    )
    expect([...back.graph.initializers.keys()].sort()).toEqual([...model.graph.initializers.keys()].sort())
    for (const [weight, tensor] of model.graph.initializers)
      if (tensor.dtype === 'float32')
        expect(
          relativeError(numbersOf(back.graph.initializers.get(weight) ?? tensor), numbersOf(tensor)),
          weight,
        ).toBeLessThan(1e-6)
  })
})
