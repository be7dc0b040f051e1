import { describe, expect, it } from 'vitest'
import { gradients } from '../../../src/autodiff/gradients.js'
import { comparison } from '../../../src/ops/comparison.js'
import { runAt } from '../../support/gradient-check.js'
import { Network } from '../network.js'

describe('gradients of comparisons', () => {
  it('are zero for all of them', () => {
    for (const [name, { gradient }] of Object.entries(comparison)) expect(gradient, name).toBe('zero')
  })

  it('let a mask through as a constant: the gradient of x·[x > a] is [x > a]', async () => {
    const cases = [
      ['Greater', [0, 0, 1]],
      ['GreaterOrEqual', [0, 1, 1]],
      ['Less', [1, 0, 0]],
      ['LessOrEqual', [1, 1, 0]],
      ['Equal', [0, 1, 0]],
    ] as const
    for (const [opType, expected] of cases) {
      const network = new Network(18)
      const x = network.input([3])
      const mask = network.op('Cast', [network.op(opType, [x, network.scalar(1)])], { to: 1 })
      const y = network.op('ReduceSum', [network.op('Mul', [x, mask])], { keepdims: 0 })
      const derived = gradients(network.output(y).model(), { of: y, wrt: [x], keepOutputs: false })
      const found = await runAt(derived.model, new Map([[x, { dims: [3], data: Float64Array.of(0, 1, 2) }]]))
      expect([...(found.get(derived.gradients.get(x) as string)?.data ?? [])], opType).toEqual(expected)
    }
  })
})
