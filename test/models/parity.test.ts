import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type ModelOptions, modelOf } from '../../src/models/registry.js'
import { fixturePath } from '../support/oracle.js'
import { logitsOf, withFormula } from './formula.js'

interface Case {
  readonly model: string
  readonly options: ModelOptions
  /** Of two images. */
  readonly logits: readonly number[]
}

const cases = JSON.parse(readFileSync(fixturePath('models/logits.json'), 'utf8')) as Case[]

describe('networks compute what PyTorch computes with the same weights', () => {
  it.each(cases.map((one) => [one.model, JSON.stringify(one.options), one] as const))('%s %s', async (name, _, one) => {
    const { inputShape = [3, 32, 32] } = one.options
    const logits = await logitsOf(withFormula(modelOf(name, one.options)), inputShape, 2)
    expect(logits).toHaveLength(one.logits.length)
    const largest = Math.max(...one.logits.map(Math.abs))
    const error = Math.max(...one.logits.map((logit, i) => Math.abs(logit - logits[i]!)))
    expect(error / largest).toBeLessThan(5e-6)
    // A network whose images all look the same to it would show nothing.
    expect(Math.abs(one.logits[0]! - one.logits[one.logits.length / 2]!) / largest).toBeGreaterThan(1e-3)
  })
})
