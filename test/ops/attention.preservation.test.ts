import { describe, it } from 'vitest'
import { cases, projected, sequence } from './chains.js'
import { Network } from './network.js'
import { preserves } from './preservation.js'

/** [2, heads, 4, size]: a projection of x whose channels are split into heads. */
function heads(net: Network, x: string, count: number, size: number): string {
  const all = net.op('MatMul', [x, net.weight([6, count * size])])
  const split = net.op('Reshape', [all, net.constant([4], [2, 4, count, size], 'int64')])
  return net.op('Transpose', [split], { perm: [0, 2, 1, 3] })
}

/** Scaled dot products of queries and keys, weighted sums of values, and a layer over the joined heads. */
function attend(net: Network, query: string, key: string, value: string, width: number): string {
  const turned = net.op('Transpose', [key], { perm: [0, 1, 3, 2] })
  const weights = net.op('Softmax', [net.op('MatMul', [query, turned])], { axis: -1 })
  const mixed = net.op('Transpose', [net.op('MatMul', [weights, value])], { perm: [0, 2, 1, 3] })
  return projected(net, net.op('Reshape', [mixed, net.constant([3], [2, 4, width], 'int64')]), width)
}

const three = ['MatMul free', 'MatMul free', 'MatMul free', 'MatMul output']

cases('attention', [
  {
    title: 'whose heads share one key and one value',
    build: (net) => {
      const x = net.input([2, 4, 6])
      return attend(net, heads(net, x, 3, 2), heads(net, x, 1, 2), heads(net, x, 1, 2), 6)
    },
    weights: three,
  },
  {
    title: 'with one head for all queries',
    build: (net) => {
      const x = net.input([2, 4, 6])
      return attend(net, heads(net, x, 1, 2), heads(net, x, 3, 2), heads(net, x, 3, 2), 6)
    },
    weights: three,
  },
  {
    title: 'over keys that are not scaled',
    build: (net) => {
      const key = net.input([2, 3, 4, 2])
      return attend(net, heads(net, net.input([2, 4, 6]), 3, 2), key, key, 6)
    },
    // Nothing is there to undo the query's scale.
    weights: ['MatMul pinned', 'MatMul output'],
    full: ['MatMul free', 'MatMul output'],
  },
  {
    title: 'over queries that are not scaled',
    build: (net) => {
      const x = net.input([2, 4, 6])
      return attend(net, net.input([2, 3, 4, 2]), heads(net, x, 3, 2), heads(net, x, 3, 2), 6)
    },
    weights: ['MatMul pinned', 'MatMul free', 'MatMul output'],
    full: ['MatMul free', 'MatMul free', 'MatMul output'],
  },
  {
    title: 'between channels',
    build: (net) => {
      const x = net.input([2, 4, 6])
      const [query, key] = [sequenceOf(net, x), sequenceOf(net, x)]
      const turned = net.op('Transpose', [query], { perm: [0, 2, 1] })
      // Rows and columns of the product are channels, and it is not normalised: both scales pass.
      const product = net.op('MatMul', [turned, key])
      return net.op('MatMul', [net.weight([2, 6]), net.op('MatMul', [product, net.weight([6, 3])])])
    },
    weights: ['MatMul free', 'MatMul free', 'MatMul output', 'MatMul output'],
  },
  {
    title: 'in one operator',
    opset: 23,
    build: (net) => {
      const [query, key, value] = [0, 1, 2].map(() => sequence(net)) as [string, string, string]
      return projected(net, net.op('Attention', [query, key, value], { q_num_heads: 3, kv_num_heads: 3 }))
    },
    weights: ['MatMul pinned', 'MatMul pinned', 'MatMul pinned', 'MatMul output'],
    full: three,
  },
])

function sequenceOf(net: Network, x: string): string {
  return net.op('MatMul', [x, net.weight([6, 6])])
}

describe('product of activations', () => {
  it('of vectors', async () => {
    const net = new Network()
    const [a, b] = [0, 1].map(() => net.op('MatMul', [net.input([5]), net.weight([5, 6])])) as [string, string]
    net.output(net.op('MatMul', [a, b]))
    const vertices = ['MatMul free', 'MatMul free']
    await preserves(net, { weights: vertices.map(() => 'MatMul output or free'), full: vertices })
  })

  it('of a stack and of one matrix, which must undo what the whole stack has in common', async () => {
    const net = new Network()
    const stack = net.op('MatMul', [net.input([3, 4, 5]), net.weight([3, 5, 6])])
    const matrix = net.op('MatMul', [net.input([6, 5]), net.weight([5, 2])])
    net.output(net.op('MatMul', [net.op('MatMul', [stack, matrix]), net.weight([2, 3])]))
    const vertices = ['MatMul free', 'MatMul free', 'MatMul output']
    await preserves(net, { weights: vertices, full: vertices })
  })

  it('of which one varies by row and by column', async () => {
    const net = new Network()
    const rows = net.op('MatMul', [net.weight([4, 5]), net.input([2, 5, 5])])
    const both = net.op('MatMul', [rows, net.weight([5, 6])])
    const other = net.op('MatMul', [net.weight([6, 5]), net.input([2, 5, 3])])
    const product = net.op('MatMul', [both, other])
    net.output(net.op('MatMul', [net.op('MatMul', [net.weight([2, 4]), product]), net.weight([3, 2])]))
    const free = ['MatMul free', 'MatMul free', 'MatMul free']
    await preserves(net, {
      weights: [...free, 'MatMul output', 'MatMul output'],
      full: [...free, 'MatMul output', 'MatMul output'],
    })
  })
})
