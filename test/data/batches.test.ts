import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Batch, batches, BatchLoader, type BatchOptions, TRAINING } from '../../src/data/batches.js'
import { type Images, imagesOf } from '../../src/data/dataset.js'
import { randomData } from '../../src/data/random-data.js'
import { ModelError } from '../../src/graph/model.js'

/** Images whose every pixel tells which it is. */
function bytesOf(count: number, shape: readonly [number, number, number] = [2, 4, 5]): Images {
  const size = shape[0] * shape[1] * shape[2]
  const pixels = Uint8Array.from({ length: count * size }, (_, i) => 1 + ((i * 7) % 255))
  const labels = Int32Array.from({ length: count }, (_, i) => i)
  return imagesOf(shape, pixels, labels, { mean: [0.5, 0.25], std: [0.5, 2] })
}

interface Kept {
  readonly index: number
  readonly dims: readonly number[]
  readonly pixels: Float32Array
  readonly labels: readonly number[]
}

const keep = ({ index, images, labels }: Batch): Kept => ({
  index,
  dims: images.dims,
  pixels: images.data.slice(),
  labels: Array.from(labels.data, Number),
})

type Options = BatchOptions & { readonly epoch?: number; readonly first?: number }
async function all(images: Images, options: Options): Promise<Kept[]> {
  const kept: Kept[] = []
  for await (const batch of batches(images, { worker: false, ...options })) kept.push(keep(batch))
  return kept
}
const labelsOf = (kept: readonly Kept[]) => kept.flatMap(({ labels }) => labels)

describe('batches for validation', () => {
  it('go through all images in order, normalised as PyTorch normalises them', async () => {
    const images = bytesOf(10)
    const kept = await all(images, { batchSize: 4 })
    expect(kept.map(({ index, dims }) => [index, ...dims])).toEqual([
      [0, 4, 2, 4, 5],
      [1, 4, 2, 4, 5],
      [2, 2, 2, 4, 5],
    ])
    expect(labelsOf(kept)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    const flat = kept.flatMap(({ pixels }) => [...pixels])
    const f = Math.fround
    flat.forEach((value, i) => {
      const channel = Math.floor(i / 20) % 2
      const scaled = f((images.pixels[i] as number) / 255)
      expect(value).toBe(channel === 0 ? f(f(scaled - 0.5) / 0.5) : f(f(scaled - 0.25) / 2))
    })
  })

  it('have labels of the type that is asked for', async () => {
    for await (const { labels } of batches(bytesOf(3), { batchSize: 2, worker: false }))
      expect(labels).toMatchObject({ dtype: 'int64', data: expect.any(BigInt64Array) as unknown })
    for await (const { labels } of batches(bytesOf(3), { batchSize: 2, labelType: 'int32', worker: false }))
      expect(labels).toMatchObject({ dtype: 'int32', data: expect.any(Int32Array) as unknown })
  })

  it('leave out a partial batch if asked', async () => {
    expect(labelsOf(await all(bytesOf(10), { batchSize: 4, dropLast: true }))).toHaveLength(8)
    expect(labelsOf(await all(bytesOf(8), { batchSize: 4, dropLast: true }))).toHaveLength(8)
  })
})

describe('batches for training', () => {
  const images = bytesOf(23)
  const options = { ...TRAINING, padding: 2, batchSize: 5, seed: 4 }

  it('are a shuffle of the images, another one in each epoch and for each seed', async () => {
    const orders = []
    for (const [seed, epoch] of [
      [4, 0],
      [4, 1],
      [5, 0],
    ] as const)
      orders.push(labelsOf(await all(images, { ...options, dropLast: false, seed, epoch })))
    for (const order of orders)
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 23 }, (_, i) => i))
    expect(new Set(orders.map(String)).size).toBe(3)
  })

  it('depend on nothing but seed, epoch and image', async () => {
    const straight = await all(images, { ...options, epoch: 2 })
    const loader = new BatchLoader(images, { ...options, worker: false, ahead: 3 })
    const later: Kept[] = []
    for (const epoch of [0, 7]) for await (const { index } of loader.epoch(epoch)) expect(index).toBeLessThan(4)
    for await (const batch of loader.epoch(2)) later.push(keep(batch))
    expect(later).toEqual(straight)
    expect(await all(images, { ...options, epoch: 2, first: 2 })).toEqual(straight.slice(2))
    // Of another batch size, an image looks the same.
    const byLabel = (kept: readonly Kept[]) =>
      new Map(
        kept.flatMap(({ labels, pixels }) => labels.map((label, i) => [label, pixels.slice(i * 40, i * 40 + 40)])),
      )
    const other = byLabel(await all(images, { ...options, epoch: 2, batchSize: 3 }))
    for (const [label, pixels] of byLabel(straight)) if (other.has(label)) expect(other.get(label)).toEqual(pixels)
    await loader.close()
  })

  it('show crops of the padded image, mirrored or not, each as often as another', async () => {
    const [channels, height, width, padding] = [2, 4, 5, 1]
    const many = bytesOf(1)
    const pixels = new Uint8Array(4000 * 40)
    for (let i = 0; i < 4000; i++) pixels.set(many.pixels, i * 40)
    const copies = imagesOf([2, 4, 5], pixels, new Int32Array(4000), { mean: [0.5, 0.25], std: [0.5, 2] })
    // What the definition says, pixel by pixel.
    const f = Math.fround
    const expected = new Map<string, number>()
    for (let down = -padding; down <= padding; down++)
      for (let right = -padding; right <= padding; right++)
        for (const mirrored of [false, true]) {
          const crop = Array.from({ length: 40 }, (_, i) => {
            const [c, y, column] = [Math.floor(i / 20), Math.floor(i / 5) % 4, i % 5]
            const x = mirrored ? width - 1 - column : column
            const inside = y + down >= 0 && y + down < height && x + right >= 0 && x + right < width
            const byte = inside ? (many.pixels[(c * height + y + down) * width + x + right] as number) : 0
            return f(f(f(byte / 255) - (c === 0 ? 0.5 : 0.25)) / (c === 0 ? 0.5 : 2))
          })
          expected.set(String(crop), 0)
        }
    expect([channels, expected.size]).toEqual([2, 18])
    const [kept] = await all(copies, { batchSize: 4000, padding, flip: true })
    for (let i = 0; i < 4000; i++) {
      const key = String([...(kept as Kept).pixels.subarray(i * 40, (i + 1) * 40)])
      expect(expected.has(key)).toBe(true)
      expected.set(key, (expected.get(key) as number) + 1)
    }
    // Chi-squared with 17 degrees of freedom: above 49 in one of 15,000 draws, and the draw is always the same.
    const mean = 4000 / 18
    const chi = [...expected.values()].reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0)
    expect(chi).toBeLessThan(49)
  })

  it('treat floats as they treat bytes', async () => {
    const floats = imagesOf(
      images.shape,
      Float32Array.from(images.pixels, (byte) => Math.fround(byte / 255)),
      images.labels,
      images,
    )
    expect(await all(floats, options)).toEqual(await all(images, options))
  })
})

describe('a worker', () => {
  it('gives the same bits', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          batchSize: fc.integer({ min: 1, max: 9 }),
          seed: fc.integer(),
          shuffle: fc.boolean(),
          dropLast: fc.boolean(),
          padding: fc.nat({ max: 6 }),
          flip: fc.boolean(),
          ahead: fc.nat({ max: 4 }),
          epoch: fc.nat({ max: 3 }),
          first: fc.nat({ max: 3 }),
        }),
        fc.boolean(),
        async (options, floats) => {
          const images = floats ? randomData({ train: 9, shape: [3, 3, 4] }).train : bytesOf(9)
          expect(await all(images, { ...options, worker: true })).toEqual(await all(images, options))
        },
      ),
      { numRuns: 8 },
    )
  })

  it('is used for many epochs, also after one that was broken off', async () => {
    const images = bytesOf(23)
    const options = { ...TRAINING, batchSize: 2, seed: 1 }
    const loader = new BatchLoader(images, { ...options, ahead: 3 })
    expect(loader.batchCount).toBe(11)
    for (const stop of [0, 1, 5]) {
      for await (const { index } of loader.epoch(stop)) if (index === stop) break
      const kept: Kept[] = []
      for await (const batch of loader.epoch(9)) kept.push(keep(batch))
      expect(kept).toEqual(await all(images, { ...options, epoch: 9 }))
    }
    const thrown = (async () => {
      for await (const batch of loader.epoch(0)) throw new Error(`batch ${batch.index}`)
    })()
    await expect(thrown).rejects.toThrow('batch 0')
    const reading = loader.epoch(1)
    await reading.next()
    await expect(loader.epoch(2).next()).rejects.toThrow(/two epochs/)
    await reading.return()
    await loader.close()
    await expect(loader.epoch(2).next()).rejects.toThrow(/have been closed/)
  })

  it('takes its memory back, so that a batch that was kept is empty rather than another one', async () => {
    for (const worker of [true, false]) {
      const loader = new BatchLoader(bytesOf(9), { batchSize: 3, worker, ahead: 0 })
      const kept: Batch[] = []
      for await (const batch of loader.epoch(0)) kept.push(batch)
      expect(kept.map(({ images }) => images.data.length)).toEqual([0, 0, 120])
      await loader.close()
    }
  })

  it('that fails says so in one line', async () => {
    const images = bytesOf(9)
    // A mean that cannot be sent as a number: the thread throws when it starts.
    const broken = { ...images, mean: null as unknown as number[] }
    const loader = new BatchLoader(broken, { batchSize: 2 })
    await expect(loader.epoch(0).next()).rejects.toThrow(/^the thread that prepares batches failed: .*null/)
    await expect(loader.epoch(0).next()).rejects.toThrow(ModelError)
    await loader.close()
  })
})

describe('options', () => {
  const images = bytesOf(9)
  const wrong: readonly Partial<Options>[] = [
    { batchSize: 0 },
    { batchSize: 1.5 },
    { batchSize: 10, dropLast: true },
    { seed: 0.5 },
    { padding: -1 },
    { ahead: -1 },
    { epoch: -1 },
    { first: NaN },
  ]
  it.each(wrong)('%j are refused', async (option) => {
    await expect(all(images, { batchSize: 2, ...option })).rejects.toThrow(ModelError)
  })
})

const built = fileURLToPath(new URL('../../dist/data/batches.js', import.meta.url))
describe('what is built', () => {
  it('gives the same batches, on a thread too, and lets the process end', async () => {
    if (!existsSync(built)) throw new Error('dist/ is missing: run `npm test`, which builds it')
    const script = `
      import { createHash } from 'node:crypto'
      import { BatchLoader, TRAINING } from ${JSON.stringify(built)}
      import { randomData } from ${JSON.stringify(built.replace('batches.js', 'random-data.js'))}
      const loader = new BatchLoader(randomData({ train: 50 }).train, { ...TRAINING, batchSize: 8 })
      const hash = createHash('sha256')
      for await (const { images } of loader.epoch(3)) hash.update(images.data)
      // Not closed: an idle thread must not keep the process.
      console.log(hash.digest('hex'))`
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    const hash = createHash('sha256')
    const train = randomData({ train: 50 }).train
    for await (const { images } of batches(train, { ...TRAINING, batchSize: 8, epoch: 3, worker: false }))
      hash.update(images.data)
    expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: hash.digest('hex'), stderr: '' })
  })
})
