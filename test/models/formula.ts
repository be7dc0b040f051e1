import { sizeOf, tensorOf } from '../../src/graph/tensor.js'
import type { Model } from '../../src/graph/model.js'
import { openModel } from '../../src/runtime/open.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'

/** Element i of the formula's k-th tensor: the same as in bench/peer/model_logits.py. */
function unit(k: number, i: number): number {
  let h = (i + k * 1000003) | 0
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b)
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32
}

function parameter(k: number, name: string, dims: readonly number[]): Float32Array {
  const count = sizeOf(dims)
  const bound = Math.sqrt(6 / sizeOf(dims.slice(1)))
  if (dims.length > 1) return Float32Array.from({ length: count }, (_, i) => (2 * unit(k, i) - 1) * bound)
  if (name.endsWith('running_var') || name.endsWith('weight'))
    return Float32Array.from({ length: count }, (_, i) => 0.5 + unit(k, i))
  return Float32Array.from({ length: count }, (_, i) => 0.2 * unit(k, i) - 0.1)
}

/** The same network with the formula's weights. */
export function withFormula(model: Model): Model {
  const initializers = [...model.graph.initializers.values()].map(
    ({ name, dims }, k) => [name, tensorOf(name, 'float32', dims, parameter(k, name, dims))] as const,
  )
  return { ...model, graph: { ...model.graph, initializers: new Map(initializers) } }
}

/** The logits for the formula's first images. */
export async function logitsOf(model: Model, inputShape: readonly number[], images: number): Promise<Float32Array> {
  const dims = [images, ...inputShape]
  const data = Float32Array.from({ length: sizeOf(dims) }, (_, i) => 4 * unit(4000, i) - 2)
  const session = await openModel(nodeRuntime, model, { threads: 1 })
  const outputs = await session.run(new Map([['x', { dtype: 'float32' as const, dims, data }]]))
  await session.release()
  return outputs.get('logits')?.data as Float32Array
}
