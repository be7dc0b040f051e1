import type { GraphBuilder } from '../../src/graph/builder.js'
import type { Model } from '../../src/graph/model.js'
import { sizeOf, tensorOf } from '../../src/graph/tensor.js'
import type { Value } from '../../src/graph/value.js'
import type { HostTensor } from '../../src/runtime/session.js'
import { modelOfBuilder, newBuilder } from '../../src/shapes/build.js'
import { normalAt, seedOf } from '../support/draw.js'

/** A network that is written down: `layers` gives what comes out of the input x, [N, …]. */
export function networkOf(
  shape: readonly (number | string)[],
  layers: (x: Value, builder: GraphBuilder) => Value,
): Model {
  const builder = newBuilder()
  builder.output(layers(builder.input('x', 'float32', shape), builder), 'y')
  return modelOfBuilder(builder, 'network')
}

/** Elements about normal, times `scale`; the same for the same name. */
export function weight(builder: GraphBuilder, name: string, dims: readonly number[], scale = 0.5, center = 0): Value {
  const seed = seedOf(name)
  const values = Array.from({ length: sizeOf(dims) }, (_, i) => center + scale * normalAt(seed, i))
  return builder.initializer(tensorOf(name, 'float32', dims, values))
}

export function mlp(inputs = 6, hidden = 5, classes = 3, batch: number | string = 'N'): Model {
  return networkOf([batch, inputs], (x, b) => {
    const h = b.op('Gemm', [x, weight(b, '0.weight', [hidden, inputs]), weight(b, '0.bias', [hidden])], { transB: 1 })
    return b.op('Gemm', [h.op('Tanh'), weight(b, '2.weight', [classes, hidden]), weight(b, '2.bias', [classes])], {
      transB: 1,
    })
  })
}

export function floats(dims: readonly number[], values?: ArrayLike<number>): HostTensor {
  const seed = seedOf(`floats ${dims.join()}`)
  const data = values ?? Array.from({ length: sizeOf(dims) }, (_, i) => normalAt(seed, i))
  return { dtype: 'float32', dims, data: Float32Array.from(data) }
}

export function labels(values: readonly number[]): HostTensor {
  return { dtype: 'int32', dims: [values.length], data: Int32Array.from(values) }
}
