import { expect, test } from 'vitest'
import { sampleCob } from '../../src/cob/sample.js'
import type { Model } from '../../src/graph/model.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { teleport } from '../../src/teleport/teleport.js'
import { fuzz } from './fuzz.js'

/** NEURAL_TELEPORTATION_FUZZ sets how many mutations are tried, NEURAL_TELEPORTATION_FUZZ_SEED where they begin. */
const cases = Number(process.env['NEURAL_TELEPORTATION_FUZZ'] ?? 2400)
const seed = Number(process.env['NEURAL_TELEPORTATION_FUZZ_SEED'] ?? 1)

/** What can be read can be teleported, or is refused in one line. */
function visit(model: Model): void {
  for (const scope of ['weights', 'full'] as const) {
    const quiver = quiverOf(model, { scope })
    teleport(model, quiver, sampleCob(quiver))
  }
}

test(`${cases} mutations of real files give a model or one line`, { timeout: 60_000 + 100 * cases }, () => {
  const before = process.memoryUsage().rss
  const { findings, read, refused } = fuzz({ cases, seed, visit })
  expect(findings).toEqual([])
  // Mutations that are all refused at the door, or none, would test nothing behind it.
  expect(read).toBeGreaterThan(cases / 10)
  expect(refused).toBeGreaterThan(cases / 10)
  expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 30)
})

test('a Concat of values of different ranks is refused', () => {
  expect(fuzz({ cases: 1, seed: 511975, visit }).findings).toEqual([])
})
