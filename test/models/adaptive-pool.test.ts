import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { adaptiveAveragePool } from '../../src/models/adaptive-pool.js'
import { Network } from '../../src/models/network.js'
import { settleImages } from '../../src/models/options.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import { openModel } from '../../src/runtime/open.js'

/** Rounding errors of a sum of as many numbers, below 1, as the largest window has. */
const TOLERANCE = 900 * 2 ** -24

/** torch.nn.AdaptiveAvgPool2d, as its definition has it, on one image of one channel. */
function reference(image: Float32Array, height: number, width: number, size: number): number[] {
  const ends = (i: number, count: number) =>
    [Math.floor((i * count) / size), Math.ceil(((i + 1) * count) / size)] as const
  return Array.from({ length: size * size }, (_, k) => {
    const [top, bottom] = ends(Math.floor(k / size), height)
    const [left, right] = ends(k % size, width)
    let sum = 0
    for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += image[y * width + x]!
    return sum / ((bottom - top) * (right - left))
  })
}

async function pooled(image: Float32Array, height: number, width: number, size: number) {
  const network = new Network('pool', settleImages('pool', { inputShape: [1, height, width] }))
  const y = adaptiveAveragePool(network, 'avgpool', network.input(), size)
  expect(y.dims.slice(1)).toEqual([1, size, size])
  const session = await openModel(nodeRuntime, network.finish(network.op('out', 'Identity', [y])), { threads: 1 })
  const outputs = await session.run(
    new Map([['x', { dtype: 'float32' as const, dims: [1, 1, height, width], data: image }]]),
  )
  await session.release()
  return [...(outputs.get('logits')?.data as Float32Array)]
}

function drawn(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(1 + i * i))
}

describe('adaptive average pooling', () => {
  it.each(Array.from({ length: 30 }, (_, i) => i + 1))("of %d rows to 7 is PyTorch's", async (height) => {
    const width = 31 - height
    const image = drawn(height * width)
    const expected = reference(image, height, width, 7)
    const got = await pooled(image, height, width, 7)
    got.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(TOLERANCE))
  })

  it('of any size to any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 24 }),
        fc.integer({ min: 1, max: 24 }),
        fc.integer({ min: 1, max: 9 }),
        async (height, width, size) => {
          const image = drawn(height * width)
          const expected = reference(image, height, width, size)
          const got = await pooled(image, height, width, size)
          return got.every((value, i) => Math.abs(value - expected[i]!) < TOLERANCE)
        },
      ),
      { numRuns: 60 },
    )
  })
})
