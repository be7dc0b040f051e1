import { describe, expect, it } from 'vitest'
import { gradients } from '../../src/autodiff/gradients.js'
import { upgraded } from '../../src/autodiff/upgrade.js'
import { isFloat } from '../../src/graph/dtype.js'
import { type Model, ModelError } from '../../src/graph/model.js'
import { sizeOf } from '../../src/graph/tensor.js'
import { modelBytes } from '../../src/onnx/write.js'
import { operatorOf } from '../../src/ops/index.js'
import { numberReader } from '../../src/runtime/host.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import type { HostTensor } from '../../src/runtime/session.js'
import { floatOutputs, withRandomSum } from '../support/derivative-check.js'
import { feedsOf, loadSkeleton, type Skeleton, SKELETONS } from '../support/skeleton.js'

/** Networks that have no gradient by all their float weights, and the operator that has none. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'bert-dynamic-int8': /^DynamicQuantizeLinear /,
  crnn: /^LSTM /,
  decoder23: /^Attention .*its size along axis 2 is not known/,
  'gru-bidirectional': /^GRU /,
  lstm: /^LSTM /,
  'mobilenet_v2-x0.25-qdq': /^DequantizeLinear /,
  'nested-u-dynamic-int8': /^DynamicQuantizeLinear /,
  'resnet18-narrow4-dynamic-int8': /^DynamicQuantizeLinear /,
  'resnet18-narrow4-qdq': /^DequantizeLinear /,
  'rnn-relu': /^RNN /,
  'speech-loop': /'\/Loop_output_0': its rank is not known/,
  'voice-if': /^If /,
}

/** Larger ones are derived, and not run. */
const SMALL = 100

/** Results of bfloat16 cannot be fetched from ONNX Runtime. */
const UNFETCHED = 'resnet18-narrow4-bfloat16-stored'

/** A sum of all float outputs, each element times a random number, and what it is differentiated by. */
async function differentiable(skeleton: Skeleton): Promise<{ scalar: Model; wrt: string[] }> {
  const model = loadSkeleton(skeleton.name)
  const session = await nodeRuntime.open({ bytes: modelBytes(model) }, { threads: 1, optimization: 'basic' })
  const outputs = await session.run(feedsOf(skeleton))
  await session.release()
  const sizes = (name: string): number => sizeOf((outputs.get(name) as HostTensor).dims)
  const floats = [...model.graph.initializers.values()].filter(({ dtype, dims }) => isFloat(dtype) && dims.length > 0)
  return {
    scalar: withRandomSum(upgraded(model), 'L', floatOutputs(model), sizes),
    wrt: floats.map(({ name }) => name),
  }
}

describe('gradients of whole architectures', () => {
  it.each(SKELETONS)('$name', { timeout: 60_000 }, async (skeleton) => {
    const refused = REFUSED[skeleton.name]
    const derive = async () => {
      const { scalar, wrt } = await differentiable(skeleton)
      return { ...gradients(scalar, { of: 'L', wrt, keepOutputs: false }), before: scalar.graph.nodes.length }
    }
    if (refused !== undefined) {
      const error: unknown = await derive().catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(ModelError)
      expect((error as ModelError).message).toMatch(refused)
      return
    }
    const { model, gradients: names, before } = await derive()
    // Closed: what is emitted can be differentiated again.
    const emitted = model.graph.nodes.filter(({ name }) => name.startsWith('grad/'))
    const unruled = emitted.filter((node) => operatorOf(node)?.gradient === undefined && !isInteger(node.opType))
    expect(unruled.map(({ opType }) => opType)).toEqual([])
    if (before > SMALL || names.size === 0 || skeleton.name === UNFETCHED) return
    const session = await nodeRuntime.open({ bytes: modelBytes(model) }, { threads: 1, optimization: 'basic' })
    const found = await session.run(feedsOf(skeleton))
    await session.release()
    for (const [name, tensor] of found) {
      const read = numberReader(tensor) as (i: number) => number
      expect(Array.from({ length: tensor.data.length }, (_, i) => read(i)).every(Number.isFinite), name).toBe(true)
    }
  })
})

/** Operators whose results are integers: no gradient comes to them. */
function isInteger(opType: string): boolean {
  return ['Shape', 'Size', 'ArgMax', 'NonZero', 'Range'].includes(opType)
}
