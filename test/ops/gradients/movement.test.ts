import { describe, it } from 'vitest'
import { checkGradients } from '../../support/gradient-check.js'
import { Network } from '../network.js'

type Attributes = Parameters<Network['op']>[2]

/** One operator over an input of doubles, squared, so that its second derivatives are not zero. */
async function check(
  opType: string,
  shape: readonly number[],
  others: (net: Network) => readonly string[] = () => [],
  attributes: Attributes = {},
  outputs = 1,
): Promise<void> {
  const net = new Network(18)
  const x = net.input(shape, 'float64')
  const found = net.node(opType, [net.op('Mul', [x, x]), ...others(net)], attributes, outputs)
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
})
