import { describe, expect, it } from 'vitest'
import { gradients } from '../../src/autodiff/gradients.js'
import { sizeOf } from '../../src/graph/tensor.js'
import { bindDims } from '../../src/shapes/bind.js'
import { modelOfBuilder, newBuilder } from '../../src/shapes/build.js'
import { Network } from '../ops/network.js'
import { checkGradients, runAt } from '../support/gradient-check.js'

function network(dtype: 'float32' | 'float64') {
  const net = new Network(18)
  const x = net.input([3, 4], dtype)
  const w = net.weight([4], 0, dtype)
  const y = net.op('Relu', [net.op('Mul', [net.op('Add', [x, w]), x])])
  return { net: net.output(net.op('ReduceSum', [net.op('Mul', [y, y]), net.integers([1])], { keepdims: 0 })), x, w }
}

describe('gradients', () => {
  it('agree with central differences in double precision, and so do theirs', async () => {
    await checkGradients(network('float64').net.model())
  })

  it('agree with the reference evaluator', async () => {
    await checkGradients(network('float32').net.model())
  })

  it('refuse what is no scalar, and names that are not there', () => {
    const { net, w } = network('float32')
    expect(() => gradients(net.model(), { of: net.outputs[0]!, wrt: [w] })).toThrow(/only a scalar has a gradient/)
    expect(() => gradients(net.model(), { of: 'nothing', wrt: [w] })).toThrow(
      /no value named "nothing"|no value named 'nothing'/,
    )
  })

  it('by a value do not look at what it comes from', () => {
    const builder = newBuilder()
    const x = builder.input('x', 'float32', [3])
    const behind = builder.op('CumProd', [x, builder.constant('int64', [], [0])])
    builder.output(behind.square().sum(undefined, false), 'loss')
    const model = modelOfBuilder(builder, 'network')
    expect(() => gradients(model, { of: 'loss', wrt: ['x'] })).toThrow(/CumProd has no gradient rule, .* 'x'/)
    const { graph } = gradients(model, { of: 'loss', wrt: [behind.name] }).model
    expect(graph.outputs).toHaveLength(2)
  })

  it('of a mean over more elements than a half can count', async () => {
    const builder = newBuilder()
    const x = builder.input('x', 'float16', [1, 1, 'H', 512])
    for (const [name, mean] of [
      ['pooled', x.op('GlobalAveragePool')],
      ['mean', x.mean([2, 3])],
    ] as const)
      builder.output(mean.sum(undefined, false), name)
    const model = modelOfBuilder(builder, 'network')
    const dims = [1, 1, 512, 512]
    const at = new Map([['x', { dims, data: new Float64Array(512 * 512).fill(1) }]])
    for (const of of ['pooled', 'mean'])
      for (const bound of [model, bindDims(model, { H: 512 })]) {
        const { model: derived, gradients: names } = gradients(bound, { of, wrt: ['x'], keepOutputs: false })
        const found = (await runAt(derived, at)).get(names.get('x') as string)
        expect(new Set(found?.data)).toEqual(new Set([2 ** -18]))
      }
  })

  it('of what is broadcast along sizes that no rule derives are right or none', async () => {
    const builder = newBuilder()
    const x = builder.input('x', 'float32', ['N', 'M'])
    const y = builder.input('y', 'float32', ['K'])
    const matrix = y.reshape(builder.input('shape', 'int64', [2]))
    builder.output(x.mul(matrix).sum(undefined, false), 'loss')
    const { model, gradients: names } = gradients(modelOfBuilder(builder, 'network'), { of: 'loss', wrt: ['y'] })
    const gradientAt = async (rows: number) => {
      const numbers = (dims: readonly number[], of: (i: number) => number) => ({
        dims,
        data: Float64Array.from({ length: sizeOf(dims) }, (_, i) => of(i)),
      })
      const point = new Map([
        ['x', numbers([2, 3], (i) => i)],
        ['y', numbers([3 * rows], () => 1)],
        ['shape', numbers([2], (i) => [rows, 3][i] as number)],
      ])
      return [...((await runAt(model, point)).get(names.get('y') as string)?.data ?? [])]
    }
    expect(await gradientAt(2)).toEqual([0, 1, 2, 3, 4, 5])
    await expect(gradientAt(1)).rejects.toThrow(/Reshape/)
  })
})
