import { expect, test } from 'vitest'
import { withDirectOutputs } from '../../src/graph/direct-outputs.js'
import { pruned } from '../../src/graph/prune.js'
import { modelBytes } from '../../src/onnx/write.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import { modelOfBuilder, newBuilder } from '../../src/shapes/build.js'

const X = new Map([['x', { dtype: 'float32', dims: [2], data: Float32Array.of(1, 2) } as const]])

test('Identity nodes before outputs go, unless what they rename is an input or an output itself', async () => {
  const builder = newBuilder()
  const x = builder.input('x', 'float32', [2])
  const y = x.mul(3)
  builder.output(y, 'y')
  builder.output(y, 'also y')
  builder.output(y.add(1), 'z')
  builder.output(x, 'x again')
  builder.output(builder.output(x.neg()), 'minus')
  const model = modelOfBuilder(builder, 'm')
  const direct = withDirectOutputs(model)
  expect(direct.graph.nodes.map(({ opType, outputs }) => [opType, outputs[0]])).toEqual([
    ['Mul', 'y'],
    ['Identity', 'also y'],
    ['Add', 'z'],
    ['Identity', 'x again'],
    ['Neg', expect.any(String)],
    ['Identity', 'minus'],
  ])
  const results = await Promise.all(
    [model, direct].map(async (one) => {
      const session = await nodeRuntime.open({ bytes: modelBytes(one) })
      const found = await session.run(X)
      await session.release()
      return found
    }),
  )
  expect(results[1]).toEqual(results[0])
})

test('nodes and initializers that no output needs go; inputs stay', () => {
  const builder = newBuilder()
  const [x, unused] = ['x', 'unused'].map((name) => builder.input(name, 'float32', [2]))
  builder.output(x!.mul(2), 'y')
  unused!.mul(5)
  x!.add(3)
  const { graph } = pruned(modelOfBuilder(builder, 'm'))
  expect(graph.nodes.map(({ opType }) => opType)).toEqual(['Mul', 'Identity'])
  expect(graph.initializers.size).toBe(1)
  expect(graph.inputs.map(({ name }) => name)).toEqual(['x', 'unused'])
})
