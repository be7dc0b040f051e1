import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compose, invert } from '../../src/cob/cob.js'
import { type SampleOptions, type Sampling, sampleCob } from '../../src/cob/sample.js'
import { type Model, ModelError } from '../../src/graph/model.js'
import type { Scope } from '../../src/ops/rule.js'
import { type Quiver, quiverOf } from '../../src/quiver/quiver.js'
import { numberReader } from '../../src/runtime/host.js'
import type { HostTensors } from '../../src/runtime/session.js'
import { teleport } from '../../src/teleport/teleport.js'
import { feedsFor } from '../support/graph-builder.js'
import { differences, nodesOf, sensitivity } from '../support/laws.js'
import { randomGraphs, type RandomGraph } from '../support/random-graph.js'
import { distance, run } from '../support/survey.js'

/** How many networks each law is tried on; a thousand take some minutes. */
const GRAPHS = Number(process.env['NEURAL_TELEPORTATION_GRAPHS'] ?? 300)
/** Another seed, other networks. */
const SEED = Number(process.env['NEURAL_TELEPORTATION_SEED'] ?? 1)

const SCOPES: readonly Scope[] = ['weights', 'full']
/** Every node as it is written: what other rewritings the runtime makes of what was inserted is not under test here. */
const AS_WRITTEN = { optimization: 'none' } as const

async function forRandomGraphs(law: (graph: RandomGraph, seed: number) => Promise<void>): Promise<void> {
  await fc.assert(fc.asyncProperty(randomGraphs(), fc.nat(1000), law), { numRuns: GRAPHS, seed: SEED })
}

/** What a network computes, if the runtime has it and the numbers are not beyond all measure. */
async function outputsOf(model: Model, feeds: HostTensors): Promise<HostTensors | undefined> {
  let outputs: HostTensors
  try {
    outputs = await run(model, feeds, AS_WRITTEN)
  } catch (error) {
    if (error instanceof ModelError) return undefined
    throw error
  }
  for (const tensor of outputs.values()) {
    const read = numberReader(tensor)
    for (let i = 0; i < tensor.data.length; i++) if (!(Math.abs(read?.(i) ?? NaN) < 1e9)) return undefined
  }
  return outputs
}

function moves(quiver: Quiver): boolean {
  return [...quiver.vertices].some(({ first, size }) =>
    Array.from({ length: size }, (_, i) => quiver.classes.domainOf(first + i + 1)).some(
      (domain) => domain !== 'pinned',
    ),
  )
}

describe('random networks', { timeout: 120_000 + 500 * GRAPHS }, () => {
  it('compute what they computed', async () => {
    let [tried, moving, skipped, sensitive] = [0, 0, 0, 0]
    await forRandomGraphs(async ({ model, tolerance }, seed) => {
      const feeds = feedsFor(model)
      const before = await outputsOf(model, feeds)
      if (before === undefined) {
        skipped++
        return
      }
      for (const scope of SCOPES) {
        const quiver = quiverOf(model, { scope })
        tried++
        if (moves(quiver)) moving++
        for (const sampling of ['intra', 'inter'] satisfies Sampling[]) {
          const moved = teleport(model, quiver, sampleCob(quiver, { sampling, seed }))
          if (scope === 'weights') expect(moved.changes.nodesAdded).toBe(0)
          const { error } = distance(before, await run(moved, feeds, AS_WRITTEN))
          if (error <= tolerance) continue
          expect(error, `${scope} ${sampling} ${seed}`).toBeLessThan(100 * (await sensitivity(model, feeds, before)))
          sensitive++
        }
      }
    })
    // Or the law would be empty.
    expect(moving).toBeGreaterThan(0.8 * tried)
    expect(skipped).toBeLessThan(0.1 * GRAPHS)
    expect(sensitive).toBeLessThan(0.05 * tried)
  })

  it('give the same bits after powers of two', async () => {
    await forRandomGraphs(async ({ model }, seed) => {
      const feeds = feedsFor(model)
      const before = await outputsOf(model, feeds)
      if (before === undefined) return
      for (const scope of SCOPES) {
        const quiver = quiverOf(model, { scope })
        const moved = teleport(model, quiver, sampleCob(quiver, { sampling: 'inter', seed, exact: true }))
        const { identical, error } = distance(before, await run(moved, feeds, AS_WRITTEN))
        expect({ scope, seed, identical, error }).toEqual({ scope, seed, identical: true, error: 0 })
      }
    })
  })

  it('are led back by the inverse', async () => {
    await forRandomGraphs(async ({ model }, seed) => {
      for (const scope of SCOPES) {
        const quiver = quiverOf(model, { scope })
        const cob = sampleCob(quiver, { sampling: 'inter', seed })
        const moved = teleport(model, quiver, cob)
        const back = teleport(moved, quiverOf(moved, { scope }), invert(cob))
        expect(nodesOf(back.graph), scope).toEqual(nodesOf(model.graph))
        expect(differences(model, back), scope).toEqual([])
      }
      return Promise.resolve()
    })
  })

  it('go where two teleportations lead by their product', async () => {
    await forRandomGraphs(async ({ model, tolerance }, seed) => {
      const feeds = feedsFor(model)
      const before = await outputsOf(model, feeds)
      for (const scope of SCOPES) {
        const quiver = quiverOf(model, { scope })
        const options = (draw: number): SampleOptions => ({ sampling: 'inter', range: 0.5, seed: 2 * seed + draw })
        const [a, b] = [sampleCob(quiver, options(0)), sampleCob(quiver, options(1))]
        const first = teleport(model, quiver, a)
        const second = teleport(first, quiverOf(first, { scope }), b)
        const both = teleport(model, quiver, compose(a, b))
        expect(differences(both, second), scope).toEqual([])
        if (before === undefined) continue
        const { error } = distance(before, await run(second, feeds, AS_WRITTEN))
        if (error > tolerance) expect(error, scope).toBeLessThan(100 * (await sensitivity(model, feeds, before)))
      }
    })
  })
})
