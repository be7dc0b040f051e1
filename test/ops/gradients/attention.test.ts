import { describe, expect, it } from 'vitest'
import { gradients } from '../../../src/autodiff/gradients.js'
import { checkForward } from '../../support/forward-check.js'
import { checkGradients } from '../../support/gradient-check.js'
import type { AttributeValue } from '../../support/plain-graph.js'
import { float, Network } from '../network.js'

type Attributes = Readonly<Record<string, AttributeValue>>

interface Shapes {
  readonly q: readonly number[]
  readonly k: readonly number[]
  readonly v: readonly number[]
}

const heads: Shapes = { q: [2, 2, 3, 2], k: [2, 2, 4, 2], v: [2, 2, 4, 3] }
const shared: Shapes = { q: [1, 4, 3, 2], k: [1, 2, 5, 2], v: [1, 2, 5, 3] }
const flat: Shapes = { q: [2, 3, 4], k: [2, 4, 4], v: [2, 4, 6] }

function network({ q, k, v }: Shapes, attributes: Attributes, mask?: (net: Network) => string) {
  const net = new Network(23)
  const inputs = [net.input(q), net.input(k), net.input(v)]
  return net.output(net.op('Attention', [...inputs, ...(mask ? [mask(net)] : [])], attributes))
}

const forms: readonly (readonly [string, Network])[] = [
  ['of heads', network(heads, {})],
  ['of heads, its own scale', network(heads, { scale: float(0.3) })],
  ['causal', network(heads, { is_causal: 1 })],
  ['of heads that share keys and values', network(shared, {})],
  ['of heads that share keys and values, causal', network(shared, { is_causal: 1 })],
  ['of heads that are one axis', network(flat, { q_num_heads: 2, kv_num_heads: 2 })],
  ['with a mask to add', network(heads, {}, (net) => net.weight([3, 4]))],
  ['with a mask to add for each head', network(heads, {}, (net) => net.weight([2, 3, 4]))],
  [
    'with a mask of truth values',
    network(heads, {}, (net) => net.constant([3, 4], [1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1], 'bool')),
  ],
]

describe('Attention', () => {
  for (const [what, net] of forms)
    it(what, async () => {
      await checkForward(net.model())
      await checkGradients(net.model())
    })

  it('refuses what it has no gradient for', () => {
    const capped = network(heads, { softcap: float(2) })
    const sum = capped.op('ReduceSum', [capped.outputs[0] as string], { keepdims: 0 })
    const model = capped.output(sum).model()
    expect(() => gradients(model, { of: sum, wrt: [model.graph.inputs[0]?.name ?? ''] })).toThrow(
      /Attention 'Attention node 0': Attention with softcap has no gradient/,
    )
  })
})
