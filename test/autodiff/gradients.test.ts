import { describe, expect, it } from 'vitest'
import { gradients } from '../../src/autodiff/gradients.js'
import { Network } from '../ops/network.js'
import { checkGradients } from '../support/gradient-check.js'

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
})
