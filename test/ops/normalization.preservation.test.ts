import { type Case, cases, convolved, dense, features, image, projected, sequence } from './chains.js'
import { float, type Network } from './network.js'

function batchNormalized(
  net: Network,
  x: string,
  channels: number,
  inputs: Partial<Record<number, string>> = {},
): string {
  const parameters = [1, 2, 3, 4].map(
    (i) => inputs[i] ?? (i === 4 ? net.weight([channels], 2) : net.weight([channels], i === 1 ? 1 : 0)),
  )
  return net.op('BatchNormalization', [x, ...parameters], { epsilon: 0.01 })
}

cases('BatchNormalization', [
  {
    title: 'of an image',
    build: (net) => convolved(net, batchNormalized(net, image(net), 4)),
    weights: ['Conv free', 'BatchNormalization free', 'Conv output'],
  },
  {
    title: 'of features',
    opset: 9,
    build: (net) => dense(net, batchNormalized(net, features(net), 6)),
    weights: ['Gemm free', 'BatchNormalization free', 'Gemm output'],
  },
  {
    title: 'before opset 9',
    opset: 7,
    build: (net) => convolved(net, batchNormalized(net, image(net), 4)),
    weights: ['Conv free', 'BatchNormalization free', 'Conv output'],
  },
  {
    title: 'with a scale that is computed',
    build: (net) => {
      const hidden = image(net)
      const gamma = net.op('Relu', [net.input([4])])
      return convolved(net, batchNormalized(net, hidden, 4, { 1: gamma }))
    },
    weights: ['Conv pinned', 'Conv output'],
    full: ['Conv free', 'Conv output'],
  },
  {
    title: 'in training mode',
    opset: 15,
    build: (net) => {
      const inputs = [image(net), net.weight([4], 1), net.weight([4]), net.weight([4]), net.weight([4], 2)]
      const [y, mean] = net.node('BatchNormalization', inputs, { training_mode: 1 }, 3) as [string, string]
      return [convolved(net, y), mean]
    },
    weights: ['Conv pinned', 'BatchNormalization free', 'Conv output'],
    full: ['Conv free', 'BatchNormalization free', 'Conv output'],
  },
])

/** x → LayerNormalization or RMSNormalization over the axes from `axis` on → layer. */
const layer = (op: 'LayerNormalization' | 'RMSNormalization', axis: number, bias: boolean): Case => ({
  title: `from axis ${axis} on${bias ? ', with a bias' : ''}`,
  opset: op === 'LayerNormalization' ? 17 : 23,
  build: (net) => {
    const dims = axis === -1 ? [6] : [3, 6]
    const inputs = [sequence(net), net.weight(dims, 1), ...(bias ? [net.weight(dims)] : [])]
    return projected(net, net.op(op, inputs, { axis, epsilon: float(0.1) }))
  },
  // Over two axes the last layer, which sees them as rows and columns, has one τ for all rows.
  weights: ['MatMul positive', `${op} free`, 'MatMul output'],
  full: ['MatMul free', `${op} free`, 'MatMul output'],
})

cases('LayerNormalization', [
  layer('LayerNormalization', -1, true),
  layer('LayerNormalization', -1, false),
  layer('LayerNormalization', 1, true),
  {
    title: 'with the default ε',
    opset: 17,
    build: (net) => {
      // Small values, so that ε matters.
      const small = net.op('Mul', [sequence(net), net.constant([], [0.003])])
      return projected(net, net.op('LayerNormalization', [small, net.weight([6], 1), net.weight([6])]))
    },
    weights: ['MatMul positive', 'LayerNormalization free', 'MatMul output'],
    full: ['MatMul free', 'LayerNormalization free', 'MatMul output'],
    tolerance: 1e-4,
  },
  {
    title: 'whose statistics are used',
    opset: 17,
    build: (net) => {
      const inputs = [sequence(net), net.weight([6], 1), net.weight([6])]
      const [y, mean] = net.node('LayerNormalization', inputs, {}, 2) as [string, string]
      return [projected(net, y), mean]
    },
    weights: ['MatMul pinned', 'LayerNormalization free', 'MatMul output'],
    full: ['MatMul free', 'LayerNormalization free', 'MatMul output'],
  },
  {
    title: 'with a scale and a bias that are computed',
    opset: 17,
    build: (net) => {
      const hidden = sequence(net)
      const affine = net.input([5])
      const gamma = net.op('MatMul', [affine, net.weight([5, 6])])
      const beta = net.op('MatMul', [affine, net.weight([5, 6])])
      return projected(net, net.op('LayerNormalization', [hidden, gamma, beta]))
    },
    weights: ['MatMul positive', 'MatMul free', 'MatMul free', 'MatMul output'],
    full: ['MatMul free', 'MatMul free', 'MatMul free', 'MatMul output'],
  },
])

cases('RMSNormalization', [layer('RMSNormalization', -1, false), layer('RMSNormalization', 1, false)])

cases('normalisation by channel', [
  {
    title: 'InstanceNormalization',
    build: (net) =>
      convolved(
        net,
        net.op('InstanceNormalization', [image(net), net.weight([4], 1), net.weight([4])], { epsilon: 0.1 }),
      ),
    weights: ['Conv positive', 'InstanceNormalization free', 'Conv output'],
    full: ['Conv free', 'InstanceNormalization free', 'Conv output'],
  },
  {
    title: 'GroupNormalization by channel',
    opset: 21,
    build: (net) => {
      const inputs = [image(net), net.weight([4], 1), net.weight([4])]
      return convolved(net, net.op('GroupNormalization', inputs, { num_groups: 2, epsilon: 0.1 }))
    },
    weights: ['Conv positive', 'GroupNormalization free', 'Conv output'],
    full: ['Conv free', 'GroupNormalization free', 'Conv output'],
  },
  {
    title: 'GroupNormalization by group',
    opset: 18,
    build: (net) => {
      const inputs = [image(net), net.weight([2], 1), net.weight([2])]
      return convolved(net, net.op('GroupNormalization', inputs, { num_groups: 2, epsilon: 0.1 }))
    },
    weights: ['Conv positive', 'GroupNormalization positive', 'Conv output'],
    full: ['Conv free', 'GroupNormalization positive', 'Conv output'],
  },
])

/** A normalisation that lets no scale out. */
const plain = (title: string, op: string, attributes: Readonly<Record<string, number>>, domain: string): Case => ({
  title,
  build: (net) => convolved(net, net.op(op, [image(net)], attributes)),
  weights: [`Conv ${domain}`, 'Conv output'],
  full: ['Conv free', 'Conv output'],
})

cases('normalisation without parameters', [
  plain('LpNormalization of order 2', 'LpNormalization', { axis: 1, p: 2 }, 'positive'),
  plain('LpNormalization of order 1', 'LpNormalization', { axis: -3, p: 1 }, 'positive'),
  plain('LpNormalization over positions', 'LpNormalization', { axis: 2 }, 'positive'),
  plain('LRN', 'LRN', { size: 3, alpha: 0.3, beta: 0.7, bias: 1.5 }, 'pinned'),
  plain('MeanVarianceNormalization', 'MeanVarianceNormalization', {}, 'pinned'),
])
