import { describe, it } from 'vitest'
import { float, Network } from './network.js'
import { preserves } from './preservation.js'

const inner = { weights: ['Gemm free', 'Gemm output'], full: ['Gemm free', 'Gemm output'] }

describe('Gemm', () => {
  const transposes = [0, 1].flatMap((transA) => [0, 1].map((transB) => ({ transA, transB })))
  it.each(transposes)('absorbs with transA $transA, transB $transB, alpha and beta', async ({ transA, transB }) => {
    const net = new Network()
    const x = net.input([2, 5])
    const hidden = net.op('Gemm', [x, net.weight([5, 6]), net.weight([6])], { alpha: 0.5, beta: 1.5 })
    // A Gemm with transA takes a hidden value that lies the other way round: the neurons are rows.
    const a = transA ? net.op('Gemm', [net.weight([5, 6]), x], { transA: 1, transB: 1 }) : hidden
    const y = net.op('Gemm', [a, net.weight(transB ? [3, 6] : [6, 3]), net.weight([3])], {
      transA,
      transB,
      alpha: float(2),
    })
    if (!transA) return preserves(net.output(y), inner)
    net.output(net.op('Gemm', [hidden, net.weight([6, 2])]), y)
    await preserves(net, {
      weights: ['Gemm free', 'Gemm free', 'Gemm output', 'Gemm output'],
      full: ['Gemm free', 'Gemm free', 'Gemm output', 'Gemm output'],
    })
  })

  it.each([[[]], [[1]], [[6]], [[1, 6]], [[2, 6]], [[2, 1]]])('scales a C of shape %j', async (shape) => {
    const net = new Network()
    const hidden = net.op('Gemm', [net.input([2, 5]), net.weight([5, 6]), net.weight(shape)], { beta: float(2) })
    await preserves(net.output(net.op('Gemm', [hidden, net.weight([6, 3])])), inner)
  })

  it('has an activation added that carries the same scale', async () => {
    const net = new Network()
    const x = net.input([2, 5])
    const skip = net.op('Gemm', [x, net.weight([5, 6])])
    const hidden = net.op('Gemm', [x, net.weight([5, 6]), skip])
    net.output(net.op('Gemm', [hidden, net.weight([6, 3])]))
    await preserves(net, {
      weights: ['Gemm free', 'Gemm free', 'Gemm output'],
      full: ['Gemm free', 'Gemm free', 'Gemm output'],
    })
  })

  it('multiplies two activations', async () => {
    const net = new Network()
    const x = net.input([2, 5])
    const a = net.op('Gemm', [x, net.weight([5, 6])])
    const b = net.op('Gemm', [x, net.weight([5, 6])])
    const product = net.op('Gemm', [a, b, net.weight([2])], { transB: 1 })
    net.output(net.op('Gemm', [product, net.weight([2, 3])]))
    await preserves(net, {
      weights: ['Gemm free', 'Gemm free', 'Gemm output'],
      full: ['Gemm free', 'Gemm free', 'Gemm output'],
    })
  })
})

describe('MatMul', () => {
  const matMul = { weights: ['MatMul free', 'MatMul output'], full: ['MatMul free', 'MatMul output'] }

  it('absorbs in a constant on the right', async () => {
    const net = new Network()
    const hidden = net.op('MatMul', [net.input([2, 3, 5]), net.weight([5, 6])])
    await preserves(net.output(net.op('MatMul', [hidden, net.weight([6, 4])])), matMul)
  })

  it('absorbs in a constant on the left', async () => {
    const net = new Network()
    const hidden = net.op('MatMul', [net.weight([6, 5]), net.input([2, 5, 3])])
    await preserves(net.output(net.op('MatMul', [net.weight([4, 6]), hidden])), matMul)
  })

  it('lets rows pass a constant on the right', async () => {
    const net = new Network()
    const rows = net.op('MatMul', [net.weight([6, 5]), net.input([2, 5, 3])])
    const both = net.op('MatMul', [rows, net.weight([3, 4])])
    net.output(net.op('MatMul', [net.weight([2, 6]), both]))
    await preserves(net, {
      weights: ['MatMul free', 'MatMul free', 'MatMul output'],
      full: ['MatMul free', 'MatMul free', 'MatMul output'],
    })
  })

  it('has neurons of its own in every matrix of a stack', async () => {
    const net = new Network()
    const hidden = net.op('MatMul', [net.input([2, 3, 7, 5]), net.weight([3, 5, 6])])
    await preserves(net.output(net.op('MatMul', [hidden, net.weight([3, 6, 4])])), matMul)
  })

  it('sums over the scale of a stack', async () => {
    const net = new Network()
    const hidden = net.op('MatMul', [net.input([2, 3, 7, 5]), net.weight([3, 5, 6])])
    await preserves(net.output(net.op('MatMul', [hidden, net.weight([6, 4])])), {
      weights: ['MatMul free', 'MatMul output'],
      full: ['MatMul free', 'MatMul output'],
    })
  })

  it('takes vectors', async () => {
    const net = new Network()
    const vector = net.op('MatMul', [net.input([5]), net.weight([5, 6])])
    const column = net.op('MatMul', [net.weight([4, 6]), vector])
    net.output(net.op('MatMul', [column, net.weight([4])]))
    await preserves(net, { weights: ['MatMul free', 'MatMul free'], full: ['MatMul free', 'MatMul free'] })
  })

  it.each([1, 3])('contracts queries and keys of %d heads', async (heads) => {
    const net = new Network()
    const x = net.input([2, 4, 6])
    const [query, key, value] = [0, 1, 2].map(() => {
      const projected = net.op('MatMul', [x, net.weight([6, 6])])
      const split = net.op('Reshape', [projected, net.constant([4], [0, 0, heads, 6 / heads], 'int64')])
      return net.op('Transpose', [split], { perm: [0, 2, 1, 3] })
    }) as [string, string, string]
    const scores = net.op('MatMul', [query, net.op('Transpose', [key], { perm: [0, 1, 3, 2] })])
    const weights = net.op('Softmax', [net.op('Mul', [scores, net.constant([], [0.4])])], { axis: -1 })
    const mixed = net.op('Transpose', [net.op('MatMul', [weights, value])], { perm: [0, 2, 1, 3] })
    const joined = net.op('Reshape', [mixed, net.constant([3], [0, 0, -1], 'int64')])
    net.output(net.op('MatMul', [joined, net.weight([6, 3])]))
    const vertices = ['MatMul free', 'MatMul free', 'MatMul free', 'MatMul output']
    await preserves(net, { weights: vertices, full: vertices })
  })

  it('contracts a value with itself', async () => {
    const net = new Network()
    const hidden = net.op('MatMul', [net.input([2, 4, 5]), net.weight([5, 6])])
    const gram = net.op('MatMul', [hidden, net.op('Transpose', [hidden], { perm: [0, 2, 1] })])
    net.output(net.op('MatMul', [gram, net.weight([4, 3])]))
    await preserves(net, {
      weights: ['MatMul free', 'MatMul output'],
      full: ['MatMul free', 'MatMul output'],
    })
  })

  it.each([
    ['float64', 11, 1e-12],
    ['float16', 10, 5e-3],
    ['float32', 1, 1e-5],
  ] as const)('scales weights of type %s', async (dtype, to, tolerance) => {
    const net = new Network()
    const x = net.op('Cast', [net.input([2, 5])], { to })
    const hidden = net.op('MatMul', [x, net.weight([5, 6], 0, dtype)])
    const y = net.op('MatMul', [hidden, net.weight([6, 4], 0, dtype)])
    await preserves(net.output(net.op('Cast', [y], { to: 1 })), { ...matMul, tolerance: Math.max(tolerance, 1e-6) })
  })
})
