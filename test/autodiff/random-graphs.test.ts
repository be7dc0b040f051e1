import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkDerivatives,
  type Evaluator,
  type Outcome,
  referenceEvaluator,
  runtimeEvaluator,
} from '../support/derivative-check.js'
import type { Model } from '../../src/graph/model.js'
import { randomGraphs } from '../support/random-graph.js'

/** How many networks are tried in double precision; half as many in the reference evaluator, which is slower. */
const GRAPHS = Number(process.env['NEURAL_TELEPORTATION_GRAPHS'] ?? 120)
/** Another seed, other networks. */
const SEED = Number(process.env['NEURAL_TELEPORTATION_SEED'] ?? 1)

/** What the generator draws that has no rule, on purpose; or a batch of N beside an axis of 2: N might be 1, or 2. */
const NO_RULE = /^(LSTM|GRU|RNN) .* has no gradient rule|^[A-Z]\w+ '.*'.*whether its axis \d+ is broadcast/

/** Behind branches nothing is known, not even ranks. */
function branches({ graph }: Model): boolean {
  return graph.nodes.some(({ opType }) => opType === 'If')
}

async function outcomes(
  dtype: 'float32' | 'float64',
  open: (model: Model) => Evaluator | Promise<Evaluator>,
  runs: number,
): Promise<Outcome[]> {
  const found: Outcome[] = []
  await fc.assert(
    fc.asyncProperty(randomGraphs({ dtype }), async ({ model }) => {
      const outcome = await checkDerivatives(model, open)
      if (outcome.skipped === 'refused' && !branches(model)) expect(outcome.reason).toMatch(NO_RULE)
      found.push(outcome)
    }),
    { numRuns: runs, seed: SEED },
  )
  return found
}

function total(found: readonly Outcome[], order: 'first' | 'second', verdict: 'agrees' | 'kink' | 'blurred'): number {
  return found.reduce((sum, outcome) => sum + outcome[order][verdict], 0)
}

/** A check that mostly skips would show nothing. */
function expectDecided(found: readonly Outcome[]): void {
  expect(found.filter(({ skipped }) => skipped !== undefined).length).toBeLessThan(0.35 * found.length)
  for (const order of ['first', 'second'] as const) {
    const agreed = total(found, order, 'agrees')
    expect(agreed, order).toBeGreaterThan(2 * found.length)
    expect(total(found, order, 'kink') + total(found, order, 'blurred'), order).toBeLessThan(0.05 * agreed)
  }
}

describe('gradients of random networks, of first and second order, are what central differences are', () => {
  const timeout = 60_000 + 2000 * GRAPHS
  it('in double precision, computed by ONNX Runtime', { timeout }, async () => {
    expectDecided(await outcomes('float64', runtimeEvaluator, GRAPHS))
  })

  it(
    'for layers that ONNX Runtime has in single precision only, computed by the reference evaluator',
    { timeout },
    async () => {
      expectDecided(await outcomes('float32', referenceEvaluator, GRAPHS / 2))
    },
  )
})
