import { describe, expect, it } from 'vitest'
import { type Cob, compose, identityCob, invert } from '../../src/cob/cob.js'
import { sampleCob } from '../../src/cob/sample.js'
import { isFloat } from '../../src/graph/dtype.js'
import type { Model } from '../../src/graph/model.js'
import { bytesOf } from '../../src/graph/tensor.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { teleport } from '../../src/teleport/teleport.js'
import { differences, nodesOf } from '../support/laws.js'
import { loadSkeleton } from '../support/skeleton.js'

/** Networks that are unlike each other: merges, gates, attention, shared and computed weights, recurrence, branches, quantisers. */
const NETWORKS = [
  'activations',
  'autoencoder-groupnorm',
  'crnn',
  'gpt-tied',
  'mobilenet_v2-x0.25-qdq',
  'movement',
  'resnet18-narrow4-constants',
  'resnet18-narrow4-half-stored',
  'seq2seq-double',
  'shared-weights',
  'squeezenet1_1-narrow4',
  'two-inputs',
  'unet-transposed',
  'voice-if',
  'weightnorm',
] as const

const SCOPES = ['weights', 'full'] as const

function bytes(model: Model): Map<string, Buffer> {
  return new Map([...model.graph.initializers].map(([name, tensor]) => [name, Buffer.from(bytesOf(tensor))]))
}

describe.each(NETWORKS)('changes of basis act on %s as a group', (name) => {
  const model = loadSkeleton(name)

  describe.each(SCOPES)('in %s', (scope) => {
    const quiver = quiverOf(model, { scope })
    const draw = (seed: number, exact = false) => sampleCob(quiver, { sampling: 'inter', range: 0.8, seed, exact })
    const moveOn = (moved: Model, cob: Cob) => teleport(moved, quiverOf(moved, { scope }), cob)

    it('the identity changes nothing', () => {
      const same = teleport(model, quiver, identityCob(quiver))
      expect(same.changes).toEqual({ nodesAdded: 0, tensorsChanged: 0, weightsChanged: 0, copies: 0 })
      expect(nodesOf(same.graph)).toEqual(nodesOf(model.graph))
      expect([...same.graph.initializers]).toEqual([...model.graph.initializers])
    })

    it('the inverse leads back', () => {
      const cob = draw(1)
      const moved = teleport(model, quiver, cob)
      expect(moved.changes.weightsChanged).toBeGreaterThan(0)
      expect(differences(model, moved).length).toBeGreaterThan(0)
      const back = moveOn(moved, invert(cob))
      expect(nodesOf(back.graph)).toEqual(nodesOf(model.graph))
      expect(differences(model, back)).toEqual([])
      expect(moved.changes.nodesAdded + back.changes.nodesAdded).toBe(0)
    })

    it('of powers of two it leads back to the last bit', () => {
      const cob = draw(2, true)
      const back = moveOn(teleport(model, quiver, cob), invert(cob))
      expect(nodesOf(back.graph)).toEqual(nodesOf(model.graph))
      // Half precision has subnormals within reach, which lose digits.
      expect(differences(model, back, name.includes('half') ? 'rounded' : 'exact')).toEqual([])
    })

    it('the product is one after the other, in either order', () => {
      const [a, b] = [draw(3), draw(4)]
      const both = teleport(model, quiver, compose(a, b))
      expect(differences(both, moveOn(teleport(model, quiver, a), b))).toEqual([])
      expect(differences(both, moveOn(teleport(model, quiver, b), a))).toEqual([])
      expect(differences(both, teleport(model, quiver, a)).length).toBeGreaterThan(0)
    })

    it('the original stays as it is, and integers are shared', () => {
      const before = bytes(model)
      const moved = teleport(model, quiver, draw(5))
      bytes(moved)
      expect(bytes(model)).toEqual(before)
      for (const [tensor, original] of model.graph.initializers)
        if (!isFloat(original.dtype)) expect(moved.graph.initializers.get(tensor)?.data).toBe(original.data)
    })
  })
})
