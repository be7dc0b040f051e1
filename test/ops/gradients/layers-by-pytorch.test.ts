import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { gradients } from '../../../src/autodiff/gradients.js'
import { runAt } from '../../support/gradient-check.js'
import type { AttributeValue } from '../../support/plain-graph.js'
import { Network } from '../network.js'

interface Listed {
  readonly dims: readonly number[]
  readonly data: readonly number[]
}

/** See bench/peer/gradient_fixtures.py. */
interface Case {
  readonly opType: string
  readonly opset: number
  readonly attributes: Readonly<Record<string, AttributeValue>>
  readonly inputs: readonly Listed[]
  readonly y: Listed
  readonly r: Listed
  readonly gradients: readonly (Listed | null)[]
}

const file = new URL('../../fixtures/gradients/layers.json', import.meta.url)
const cases = JSON.parse(readFileSync(file, 'utf8')) as readonly Case[]

describe("layers' gradients are PyTorch's", () => {
  for (const { opType, opset, attributes, inputs, y, r, gradients: expected } of cases)
    it(`${opType} ${JSON.stringify(attributes)}`, async () => {
      const net = new Network(opset)
      const names = inputs.map(({ dims }) => net.input(dims))
      // With training_mode there are running statistics, too, which nobody uses.
      const outputs = net.node(opType, names, attributes, attributes['training_mode'] === 1 ? 3 : 1)
      const weighted = net.op('Mul', [outputs[0] as string, net.constant(r.dims, r.data)])
      const sum = net.op('ReduceSum', [weighted], { keepdims: 0 })
      const wrt = names.filter((_, i) => expected[i] !== null)
      const derived = gradients(net.output(outputs[0] as string, sum).model(), { of: sum, wrt })
      const at = new Map(
        names.map((name, i) => {
          const { dims, data } = inputs[i] as Listed
          return [name, { dims, data: Float64Array.from(data) }]
        }),
      )
      const found = await runAt(derived.model, at)
      const compare = (name: string, listed: Listed, what: string) => {
        const value = found.get(name)
        expect(value?.dims, what).toEqual(listed.dims)
        const greatest = Math.max(...listed.data.map(Math.abs), 1)
        const error = Math.max(...listed.data.map((x, k) => Math.abs(x - (value?.data[k] ?? NaN))))
        expect(error, what).toBeLessThan(3e-6 * greatest)
      }
      compare(outputs[0] as string, y, 'y')
      names.forEach((name, i) => {
        const gradient = expected[i]
        if (gradient) compare(derived.gradients.get(name) as string, gradient, `gradient of input ${i}`)
      })
    })
})
