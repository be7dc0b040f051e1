import { describe, expect, it } from 'vitest'
import { gradients } from '../../../src/autodiff/gradients.js'
import type { Model } from '../../../src/graph/model.js'
import { modelBytes } from '../../../src/onnx/write.js'
import { nodeRuntime } from '../../../src/runtime/node/session.js'
import { feedsOf, Network, numbersIn } from '../network.js'

type Attributes = Parameters<Network['op']>[2]
type Others = (net: Network) => readonly string[]

/** The gradient by the first input, where of its sizes `named` are names. */
async function gradientOf(model: Model, named: 'none' | 'first' | 'all'): Promise<number[]> {
  const [{ name: x }] = model.graph.inputs as [{ name: string }]
  const inputs = model.graph.inputs.map((input) => ({
    ...input,
    shape: input.shape?.map((dim, axis) => (named === 'all' || (named === 'first' && axis === 0) ? `N${axis}` : dim)),
  }))
  const loss = model.graph.outputs[0]?.name as string
  const symbolic = { ...model, graph: { ...model.graph, inputs: inputs as Model['graph']['inputs'] } }
  const { model: derived, gradients: names } = gradients(symbolic, { of: loss, wrt: [x] })
  const session = await nodeRuntime.open({ bytes: modelBytes(derived) }, { threads: 1, optimization: 'none' })
  try {
    return numbersIn((await session.run(feedsOf(model))).get(names.get(x) as string)!)
  } finally {
    await session.release()
  }
}

const lists =
  (...numbers: readonly (readonly number[])[]): Others =>
  (net) =>
    numbers.map((list) => net.integers(list))

const FORMS: readonly (readonly [string, readonly number[], Others, Attributes?])[] = [
  ['Reshape', [2, 3, 4], lists([0, -1])],
  ['Flatten', [2, 3, 4], lists()],
  ['Transpose', [2, 3, 4], lists(), { perm: [2, 0, 1] }],
  ['Squeeze', [2, 1, 4], lists([1])],
  ['Unsqueeze', [2, 3], lists([1])],
  ['Expand', [2, 1, 3], lists([1, 4, 1])],
  ['Slice', [4, 5], lists([1], [-1], [0])],
  ['Slice', [4, 5], lists([1], [3], [1])],
  ['Slice', [4, 5], lists([-1, 4], [-100, 0], [0, 1], [-2, -3])],
  ['Split', [4, 6], lists([2, 4]), { axis: 1 }],
  ['Gather', [4, 3], (net) => [net.constant([2, 2], [0, 3, -1, 0], 'int64')]],
  ['Gather', [4, 3], (net) => [net.integer(1)], { axis: 1 }],
  ['GatherElements', [2, 3], (net) => [net.constant([2, 2], [0, 2, -1, 0], 'int64')], { axis: 1 }],
  ['GatherND', [3, 4, 2], (net) => [net.constant([2, 2], [0, 3, -1, 0], 'int64')]],
  ['GatherND', [2, 4, 2], (net) => [net.constant([2, 3, 1], [0, 3, -1, 0, 1, 1], 'int64')], { batch_dims: 1 }],
  ['ScatterElements', [3, 2], (net) => [net.constant([2, 2], [0, 2, 1, 0], 'int64'), net.weight([2, 2])]],
  ['ScatterND', [3, 2], (net) => [net.constant([2, 1], [2, 0], 'int64'), net.weight([2, 2])], { reduction: 'max' }],
  ['Pad', [3, 4], lists([1, 0, 2, 3])],
  ['Pad', [3, 4], lists([0, -1, 0, 1])],
  ['Pad', [3, 4], lists([2, 1, 1, 0]), { mode: 'reflect' }],
  ['Tile', [2, 3], lists([2, 3])],
  ['Trilu', [3, 4], lists()],
  ['Compress', [3, 2], (net) => [net.constant([3], [1, 0, 1], 'bool')], { axis: 0 }],
  ['DepthToSpace', [2, 8, 2, 3], lists(), { blocksize: 2 }],
  ['SpaceToDepth', [2, 3, 4, 6], lists(), { blocksize: 2 }],
  ['Resize', [2, 1, 3, 4], (net) => ['', net.constant([4], [1, 1, 2, 3])]],
  ['Resize', [2, 1, 3, 4], (net) => ['', net.constant([4], [1, 1, 1.5, 2.5])], { mode: 'linear' }],
  ['Resize', [2, 1, 3, 4], (net) => ['', '', net.integers([2, 1, 5, 2])], { mode: 'linear' }],
  ['Einsum', [2, 3, 1], (net) => [net.weight([3, 4])], { equation: 'ijl,jk->ik' }],
]

describe('gradients of movements over sizes that are only names', () => {
  it.each(FORMS.map(([opType, shape, others, attributes = {}]) => ({ opType, shape, others, attributes })))(
    '$opType of $shape',
    async ({ opType, shape, others, attributes }) => {
      const net = new Network(18)
      const x = net.input(shape)
      const inputs = [net.op('Mul', [x, x]), ...others(net)]
      const y = net.node(opType, inputs, attributes, opType === 'Split' ? 2 : 1)[0] as string
      const model = net.output(net.op('ReduceSum', [net.op('Mul', [y, y])], { keepdims: 0 })).model()
      const expected = await gradientOf(model, 'none')
      expect(await gradientOf(model, 'first')).toEqual(expected)
      // Squeezed and stretched axes have to be known as such.
      if (shape.includes(1) && opType !== 'Resize') return
      expect(await gradientOf(model, 'all')).toEqual(expected)
    },
  )

  it('Concat', async () => {
    const net = new Network(18)
    const x = net.input([2, 3])
    const y = net.op('Concat', [net.weight([2, 3]), net.op('Mul', [x, x]), x], { axis: 0 })
    const model = net.output(net.op('ReduceSum', [net.op('Mul', [y, y])], { keepdims: 0 })).model()
    const expected = await gradientOf(model, 'none')
    expect(await gradientOf(model, 'first')).toEqual(expected)
    expect(await gradientOf(model, 'all')).toEqual(expected)
  })
})
