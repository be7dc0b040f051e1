import { describe, expect, it } from 'vitest'
import { gradients } from '../../../src/autodiff/gradients.js'
import type { Model } from '../../../src/graph/model.js'
import { modelBytes } from '../../../src/onnx/write.js'
import { nodeRuntime } from '../../../src/runtime/node/session.js'
import { checkGradients } from '../../support/gradient-check.js'
import { feedsOf, Network, numbersIn } from '../network.js'

type Attributes = Parameters<Network['op']>[2]

/** One operator over an input of doubles, squared, so that its second derivatives are not zero. */
async function check(
  opType: string,
  shape: readonly number[],
  others: (net: Network) => readonly string[] = () => [],
  attributes: Attributes = {},
  outputs = 1,
  opset = 18,
  declared?: readonly number[],
): Promise<void> {
  const net = new Network(opset)
  const x = net.input(shape, 'float64')
  const found = net.node(opType, [net.op('Mul', [x, x]), ...others(net)], attributes, outputs)
  if (declared !== undefined) net.declare(found[0] as string, 'float64', declared)
  net.output(...found.map((y) => net.op('Mul', [y, y])))
  await checkGradients(net.model())
}

describe('gradients of movements along axes', () => {
  it.each([
    ['Reshape', [2, 6], [3, -1]],
    ['Reshape', [2, 6], [0, 2, 3]],
    ['Squeeze', [2, 1, 3], [1]],
    ['Unsqueeze', [2, 3], [0, -1]],
    ['Expand', [2, 1, 3], [4, 2, 5, 1]],
    ['Expand', [2, 3], [1]],
  ] as const)('%s of %j by %j', (opType, shape, list) => check(opType, shape, (net) => [net.integers(list)]))

  it.each([
    ['Flatten', {}],
    ['Flatten', { axis: 0 }],
    ['Flatten', { axis: -1 }],
    ['Transpose', {}],
    ['Transpose', { perm: [1, 2, 0] }],
    ['Squeeze', {}],
    ['Identity', {}],
    ['Cast', { to: 11 }],
  ] as const)('%s %j', (opType, attributes) => check(opType, [2, 1, 3], undefined, attributes))

  it('CastLike', () => check('CastLike', [2, 3], (net) => [net.constant([], [0], 'float64')]))

  it.each([0, 1, -1])('Concat along %i', (axis) =>
    check(
      'Concat',
      [2, 3],
      (net) => [net.weight([2, 3], 0, 'float64'), net.constant([2, 3], [1, 2, 3, 4, 5, 6], 'float64')],
      { axis },
    ),
  )
})

describe('gradients of slices', () => {
  it.each([
    [[5, 4], [1], [3], [0], [1]],
    [
      [5, 4],
      [1, 0],
      [-1, 3],
      [0, -1],
      [2, 1],
    ],
    [[7], [0], [2 ** 31], [0], [3]],
    [[7], [1], [6], [0], [3]],
    [[7, 2], [-1], [-(2 ** 31)], [0], [-1]],
    [[7, 2], [5], [0], [0], [-2]],
    [
      [3, 8],
      [6, 2],
      [1, -4],
      [1, 0],
      [-4, -1],
    ],
    [[3, 8], [-100], [100], [1], [1]],
    [[3, 8], [4], [4], [1], [1]],
  ] as const)('Slice of %j from %j to %j along %j by %j', (shape, ...lists) =>
    check('Slice', shape, (net) => lists.map((list) => net.integers(list))),
  )

  it('Split into equal parts', () => check('Split', [5, 6], undefined, { axis: 1, num_outputs: 3 }, 3))
  it('Split into parts, the last smaller', () => check('Split', [5, 2], undefined, { num_outputs: 2 }, 2))
  it('Split into given parts', () => check('Split', [2, 6], (net) => [net.integers([1, 3, 2])], { axis: -1 }, 3))
})

describe('gradients of picked elements', () => {
  it.each([
    [[4, 3], [3], [0, 2, 0], 0],
    [[4, 3], [2, 2], [0, -1, -1, 1], 1],
    [[4, 3, 2], [], [1], 1],
    [[4, 3, 2], [1], [-1], 2],
    [[4, 3, 2], [2, 1, 2], [2, 2, 1, 2], -2],
  ] as const)('Gather of %j by indices of shape %j: %j along %i', (shape, dims, indices, axis) =>
    check('Gather', shape, (net) => [net.constant(dims, indices, 'int64')], { axis }),
  )

  it.each([
    [[4, 3], [2, 3], [0, -1, 1, 0, 3, 1], 0],
    [[4, 3], [4, 1], [2, 0, 2, -3], 1],
    [[4, 3, 2], [2, 4, 1], [0, 0, 2, 1, 2, 2, -1, 2], -2],
  ] as const)('GatherElements of %j by indices of shape %j: %j along %i', (shape, dims, indices, axis) =>
    check('GatherElements', shape, (net) => [net.constant(dims, indices, 'int64')], { axis }),
  )

  it.each([
    [[4, 3], [3, 2], [0, 0, -1, 2, 0, 0], 0],
    [[4, 3], [2, 1], [1, -1], 0],
    [[2, 3, 4], [2, 2, 1], [1, 0, -1, -1], 1],
    [[2, 3, 4], [2, 3, 1], [1, 0, 3, 3, -1, -2], 2],
    [[2, 3, 4], [2, 1, 2], [1, 0, 2, -1], 1],
  ] as const)('GatherND of %j by indices of shape %j: %j behind %i axes', (shape, dims, indices, batch) =>
    check('GatherND', shape, (net) => [net.constant(dims, indices, 'int64')], { batch_dims: batch }),
  )

  it.each([
    [[4, 3], [1, 0, 1, 0], { axis: 0 }],
    [[4, 3], [0, 1], { axis: -1 }],
    [[2, 3], [1, 1, 0, 0, 1], {}],
  ] as const)('Compress of %j by %j %j', (shape, condition, attributes) =>
    check('Compress', shape, (net) => [net.constant([condition.length], condition, 'bool')], attributes),
  )

  it.each([
    { time_axis: 0, batch_axis: 1 },
    { time_axis: 1, batch_axis: 0 },
  ])('ReverseSequence %j', (attributes) =>
    check('ReverseSequence', [3, 3, 2], (net) => [net.integers([2, 1, 3])], attributes),
  )
})

describe('gradients of scattered updates', () => {
  const REDUCTIONS = ['none', 'add', 'mul', 'max', 'min'] as const

  it.each(REDUCTIONS)('ScatterElements, reduction %s', async (reduction) => {
    const updates = (net: Network, dims: readonly number[]) => net.weight(dims, 0, 'float64')
    for (const [dims, indices, axis] of [
      [[2, 3], [0, -1, 1, 2, 0, 3], 0],
      [[4, 2], [2, 0, 2, -2, 1, 0, 0, 1], 1],
    ] as const)
      await check('ScatterElements', [4, 3], (net) => [net.constant(dims, indices, 'int64'), updates(net, dims)], {
        axis,
        reduction,
      })
  })

  it.each(['add', 'max', 'min'] as const)('ScatterElements to one place several times, reduction %s', (reduction) =>
    check(
      'ScatterElements',
      [4, 3],
      (net) => [net.constant([3, 1], [1, 1, -3], 'int64'), net.weight([3, 1], 0, 'float64')],
      {
        reduction,
      },
    ),
  )

  it.each(REDUCTIONS)('ScatterND, reduction %s', async (reduction) => {
    for (const [dims, indices, updates] of [
      [[3, 2], [0, 1, -1, 2, 0, 0], [3]],
      [
        [2, 1],
        [3, 1],
        [2, 3],
      ],
    ] as const)
      await check(
        'ScatterND',
        [4, 3],
        (net) => [net.constant(dims, indices, 'int64'), net.weight(updates, 0, 'float64')],
        { reduction },
      )
  })

  it.each(['add', 'max', 'min'] as const)('ScatterND to one place several times, reduction %s', (reduction) =>
    check('ScatterND', [4, 3], (net) => [net.constant([3, 1], [1, 1, -3], 'int64'), net.weight([3, 3], 0, 'float64')], {
      reduction,
    }),
  )

  it('refuse products at places that occur twice, and reductions that they do not know', () => {
    for (const [reduction, message] of [
      ['mul', /ScatterElements '.*': the gradient of reduction mul is known only where indices are constant/],
      ['median', /ScatterElements '.*': reduction 'median' has no gradient rule/],
    ] as const) {
      const net = new Network(18)
      const x = net.input([4], 'float64')
      const y = net.op('ScatterElements', [x, net.integers([1, 1]), net.weight([2], 0, 'float64')], { reduction })
      const loss = net.op('ReduceSum', [y], { keepdims: 0 })
      expect(() => gradients(net.output(loss).model(), { of: loss, wrt: [x] })).toThrow(message)
    }
  })

  it('share the gradient of a largest element among equal ones', async () => {
    const net = new Network(18)
    const x = net.input([2], 'float64')
    const u = net.constant([3], [1, 1, 0], 'float64')
    const zero = net.op('Mul', [x, net.constant([], [0], 'float64')])
    const data = net.op('Add', [zero, net.constant([2], [1, 5], 'float64')])
    const y = net.op('ScatterElements', [data, net.integers([0, 0, 1]), u], { reduction: 'max' })
    const loss = net.op('ReduceSum', [y], { keepdims: 0 })
    const found = await gradientsAt(net.output(loss), loss, [data, u])
    expect(found).toEqual([
      [1 / 3, 1],
      [1 / 3, 1 / 3, 0],
    ])
  })
})

/** A small network declares float32 of its outputs, whatever they are. */
function untyped(net: Network): Model {
  const model = net.model()
  return { ...model, graph: { ...model.graph, outputs: model.graph.outputs.map(({ name }) => ({ name })) } }
}

/** The gradients' elements at the network's drawn inputs. */
async function gradientsAt(net: Network, of: string, wrt: readonly string[]): Promise<number[][]> {
  const { model, gradients: names } = gradients(untyped(net), { of, wrt })
  const session = await nodeRuntime.open({ bytes: modelBytes(model) }, { threads: 1, optimization: 'none' })
  try {
    const outputs = await session.run(feedsOf(model))
    return wrt.map((name) => numbersIn(outputs.get(names.get(name) as string)!))
  } finally {
    await session.release()
  }
}

describe('gradients of padding', () => {
  it.each([
    ['constant', [3, 4], [1, 0, 2, 3]],
    ['constant', [3, 4], [0, 0, 0, 0]],
    ['constant', [3, 4], [-1, 2, 0, -1]],
    ['reflect', [3, 4], [1, 3, 2, 0]],
    ['reflect', [3, 4], [-1, 0, 1, 1]],
    ['edge', [3, 4], [2, 0, 5, 1]],
    ['edge', [3, 4], [2, -2, 0, 0]],
    ['wrap', [3, 4], [2, 0, 1, 4]],
  ] as const)('Pad in mode %s of %j by %j', (mode, shape, pads) =>
    check('Pad', shape, (net) => [net.integers(pads)], { mode }, 1, 19),
  )

  it.each(['constant', 'edge', 'reflect'] as const)('Pad in mode %s along some axes', (mode) =>
    check('Pad', [2, 3, 4], (net) => [net.integers([1, 2, 0, 1]), '', net.integers([-1, 1])], { mode }),
  )

  it.each([
    [1, 0, 2, 3],
    [-1, 2, 0, -1],
  ])('Pad with a value, by its value too', (...pads) =>
    check('Pad', [3, 4], (net) => [net.integers(pads), net.weight([], 0, 'float64')]),
  )

  it.each(['constant', 'edge', 'reflect', 'wrap'] as const)('Pad in mode %s by computed numbers', (mode) =>
    check('Pad', [3, 4], computedPads, { mode }, 1, 19, [4, 7]),
  )

  function computedPads(net: Network): string[] {
    // What is not zero in a random tensor is known when it runs, and not before.
    const ones = net.op('Cast', [net.op('Sign', [net.op('Abs', [net.op('RandomNormal', [], { shape: [4] })])])], {
      to: 7,
    })
    return [net.op('Mul', [ones, net.integers([1, 2, 0, 1])])]
  }
})

describe('gradients of repeats and blocks', () => {
  it.each([
    [
      [2, 3],
      [2, 2],
    ],
    [
      [2, 3],
      [1, 3],
    ],
    [
      [2, 1, 3],
      [3, 2, 1],
    ],
  ] as const)('Tile of %j by %j', (shape, repeats) => check('Tile', shape, (net) => [net.integers(repeats)]))

  it.each(['DCR', 'CRD'])('DepthToSpace in mode %s', (mode) =>
    check('DepthToSpace', [2, 8, 2, 3], undefined, { blocksize: 2, mode }),
  )

  it('SpaceToDepth', () => check('SpaceToDepth', [2, 3, 4, 6], undefined, { blocksize: 2 }))

  it.each([
    [0, 1],
    [1, 1],
    [1, -1],
    [2, 0],
  ])('Trilu from diagonal %i, upper %i', (k, upper) => check('Trilu', [2, 3, 4], (net) => [net.integer(k)], { upper }))
})

describe('gradients of Dropout', () => {
  it('in inference', () => check('Dropout', [3, 4]))
  it('in inference, said so', () =>
    check('Dropout', [3, 4], (net) => [net.constant([], [0.3], 'float64'), net.constant([], [0], 'bool')]))

  it.each([
    ['0.3', 0.3],
    ['its default', undefined],
  ] as const)('in training, ratio %s: where elements were dropped none, elsewhere the factor', async (_, ratio) => {
    const net = new Network(18)
    const x = net.input([20], 'float64')
    const given = ratio === undefined ? '' : net.constant([], [ratio])
    const y = net.op('Dropout', [x, given, net.constant([], [1], 'bool')])
    const loss = net.op('ReduceSum', [y], { keepdims: 0 })
    const { model, gradients: names } = gradients(untyped(net.output(y, loss)), { of: loss, wrt: [x] })
    const session = await nodeRuntime.open({ bytes: modelBytes(model) }, { threads: 1, optimization: 'none' })
    const feeds = feedsOf(model)
    const outputs = await session.run(feeds)
    await session.release()
    const dx = numbersIn(outputs.get(names.get(x) as string)!)
    const given_ = numbersIn(feeds.get(x)!)
    numbersIn(outputs.get(y)!).forEach((value, i) =>
      expect(value).toBeCloseTo((dx[i] as number) * (given_[i] as number), 6),
    )
    expect(new Set(dx.map((d) => d.toFixed(6)))).toEqual(new Set(['0.000000', (1 / (1 - (ratio ?? 0.5))).toFixed(6)]))
  })
})

describe('gradients of what makes tensors', () => {
  it('Range, by its start and step', async () => {
    const net = new Network(18)
    const [start, limit, delta] = [0.5, 4, 0.75].map((value) => net.constant([], [value], 'float64')) as [
      string,
      string,
      string,
    ]
    const x = net.input([], 'float64')
    const y = net.op('Range', [net.op('Mul', [start, x]), limit, delta])
    net.declare(y, 'float64', [5])
    net.output(net.op('Mul', [y, y]))
    await checkGradients(net.model(), {}, new Map([[x, { dims: [], data: Float64Array.of(1) }]]))
  })

  it('OneHot, by its two values', () =>
    checkGradients(
      (() => {
        const net = new Network(18)
        const values = net.op('Mul', [net.input([2]), net.constant([], [1.5])])
        const y = net.op('OneHot', [net.integers([1, 0, 3]), net.integer(4), values], { axis: 0 })
        return net.output(net.op('Mul', [y, y])).model()
      })(),
    ))

  it.each([
    ['ij,jk->ik', [2, 3], [3, 4]],
    ['bij,bkj->bik', [2, 3, 4], [2, 5, 4]],
    ['ij,jk', [2, 3], [3, 4]],
    ['ij,kj->i', [2, 3], [4, 3]],
    ['ij,k->jk', [2, 3], [4]],
    ['bhid, bhjd -> bhij', [2, 1, 3, 2], [2, 1, 4, 2]],
  ] as const)('Einsum %s', async (equation, left, right) => {
    const net = new Network(18)
    const [a, b] = [net.input(left, 'float64'), net.input(right, 'float64')]
    await checkGradients(net.output(net.op('Einsum', [a, b], { equation })).model())
  })

  it('Einsum of one operand', () => check('Einsum', [2, 3, 4], undefined, { equation: 'ijk->kj' }))

  it('Einsum of a diagonal is refused', () => {
    const net = new Network(18)
    const x = net.input([3, 3])
    const y = net.op('Einsum', [x], { equation: 'ii->' })
    expect(() => gradients(net.output(y).model(), { of: y, wrt: [x] })).toThrow(/index twice/)
  })
})
