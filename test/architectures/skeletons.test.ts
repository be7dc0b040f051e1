import { describe, expect, it } from 'vitest'
import { numberReader } from '../../src/runtime/host.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import type { HostTensor } from '../../src/runtime/session.js'
import { drawn, normalAt, seedOf } from '../support/draw.js'
import { SKELETONS, type Skeleton, feedsOf, loadSkeleton, skeletonBytes } from '../support/skeleton.js'

async function run(skeleton: Skeleton, seed: number): Promise<Map<string, HostTensor>> {
  // Unoptimised: what the graph says is what is under test, and one float16 transformer ends the process otherwise.
  const session = await nodeRuntime.open({ bytes: skeletonBytes(skeleton.name) }, { threads: 1, optimization: 'none' })
  try {
    return await session.run(feedsOf(skeleton, seed))
  } finally {
    await session.release()
  }
}

function numbers(tensor: HostTensor): number[] {
  const read = numberReader(tensor)
  if (read === undefined) throw new Error('text has no numbers')
  return Array.from({ length: tensor.data.length }, (_, i) => read(i))
}

describe('skeletons', () => {
  it.each(SKELETONS.map((skeleton) => [skeleton.name, skeleton] as const))('%s computes', async (_, skeleton) => {
    const first = await run(skeleton, 1)
    const second = await run(skeleton, 2)
    expect([...first.keys()].sort()).toEqual([...skeleton.outputs].sort())
    for (const [name, output] of first) {
      const values = numbers(output)
      const largest = Math.max(...values.map(Math.abs))
      const others = numbers(second.get(name) as HostTensor)
      expect(values.every(Number.isFinite)).toBe(true)
      // Another input must show in the output, and the elements must differ among themselves, or nothing could go wrong unseen.
      expect(Math.max(...values.map((x, i) => Math.abs(x - (others[i] as number))))).toBeGreaterThan(0.005 * largest)
      if (values.length > 2) expect(Math.max(...values) - Math.min(...values)).toBeGreaterThan(0.01 * largest)
    }
  })

  it('are the same each time, and read as models', () => {
    for (const { name, opset } of SKELETONS.slice(0, 5)) {
      expect(Buffer.compare(skeletonBytes(name), skeletonBytes(name))).toBe(0)
      expect(loadSkeleton(name).opsets.get('')).toBe(opset)
    }
  })
})

describe('drawn', () => {
  it('has the mean, the deviation and the bounds that it was given', () => {
    const values = drawn({ mean: 2, std: 0.5, min: 1, max: 3.2 }, seedOf('w'), 100_000)
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length
    expect(mean).toBeCloseTo(2, 1)
    expect(Math.sqrt(variance)).toBeCloseTo(0.5, 1)
    expect(Math.min(...values.subarray(0, 50_000))).toBeGreaterThanOrEqual(1)
    expect(Math.max(...values.subarray(0, 50_000))).toBeLessThanOrEqual(3.2)
  })

  it('is uncorrelated from one element and from one name to the next', () => {
    const [a, b] = [seedOf('conv1.weight'), seedOf('conv2.weight')]
    let neighbours = 0
    let names = 0
    for (let i = 0; i < 50_000; i++) {
      neighbours += normalAt(a, i) * normalAt(a, i + 1)
      names += normalAt(a, i) * normalAt(b, i)
    }
    expect(Math.abs(neighbours / 50_000)).toBeLessThan(0.02)
    expect(Math.abs(names / 50_000)).toBeLessThan(0.02)
  })
})
