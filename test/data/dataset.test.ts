import { describe, expect, it } from 'vitest'
import { imagesOf, sliceImages } from '../../src/data/dataset.js'
import { randomData } from '../../src/data/random-data.js'
import { ModelError } from '../../src/graph/model.js'

describe('imagesOf', () => {
  const labels = Int32Array.of(0, 1)

  it('takes arrays as they are', () => {
    const pixels = new Uint8Array(2 * 12)
    const images = imagesOf([3, 2, 2], pixels, labels)
    expect(images).toMatchObject({ count: 2, mean: [0, 0, 0], std: [1, 1, 1] })
    expect(images.pixels).toBe(pixels)
  })

  it('refuses what does not fit', () => {
    expect(() => imagesOf([3, 2, 2], new Uint8Array(23), labels)).toThrow(/2 images of shape \[3, 2, 2\]: expected 24/)
    expect(() => imagesOf([3, 0, 2], new Uint8Array(0), labels)).toThrow(ModelError)
    expect(() => imagesOf([1, 1, 1], new Uint8Array(2), Int32Array.of(0, -1))).toThrow(/label -1 of image 1/)
    const pixels = new Uint8Array(24)
    expect(() => imagesOf([3, 2, 2], pixels, labels, { mean: [0], std: [1] })).toThrow(/normalisation of 3 channels/)
    expect(() => imagesOf([3, 2, 2], pixels, labels, { mean: [0, 0, 0], std: [1, 0, 1] })).toThrow(ModelError)
  })
})

describe('sliceImages', () => {
  it('is a view', () => {
    const images = imagesOf([1, 1, 2], Uint8Array.of(1, 2, 3, 4, 5, 6), Int32Array.of(7, 8, 9))
    const part = sliceImages(images, 1)
    expect(part).toMatchObject({ count: 2, labels: Int32Array.of(8, 9), pixels: Uint8Array.of(3, 4, 5, 6) })
    expect(part.pixels.buffer).toBe(images.pixels.buffer)
    expect(sliceImages(images, 1, 1).count).toBe(0)
    for (const [start, end] of [
      [-1, 2],
      [2, 1],
      [0, 4],
      [0.5, 2],
    ] as const)
      expect(() => sliceImages(images, start, end)).toThrow(ModelError)
  })
})

describe('randomData', () => {
  it('is seeded, and more images leave the first ones as they are', () => {
    const options = { shape: [2, 4, 4] as const, classes: 3, validation: 5, seed: 3 }
    const few = randomData({ ...options, train: 10 })
    const many = randomData({ ...options, train: 20 })
    expect(many.train.pixels.slice(0, 320)).toEqual(few.train.pixels.slice())
    expect(many.train.labels.slice(0, 10)).toEqual(few.train.labels)
    expect(many.validation).toEqual(few.validation)
    expect(many.validation.pixels.slice(0, 32)).not.toEqual(many.train.pixels.slice(0, 32))
    expect(randomData({ ...options, train: 10, seed: 4 }).train.pixels).not.toEqual(few.train.pixels)
  })

  it('has normal pixels and uniform labels', () => {
    const { train } = randomData({ train: 1000, shape: [3, 8, 8], classes: 4 })
    const pixels = train.pixels as Float32Array
    const n = pixels.length
    const mean = pixels.reduce((sum, x) => sum + x, 0) / n
    const variance = pixels.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n
    // Five standard errors.
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(n))
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / n))
    for (let c = 0; c < 4; c++) {
      const share = train.labels.filter((label) => label === c).length / 1000
      expect(Math.abs(share - 0.25)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / 1000))
    }
  })

  it('refuses numbers that make no sense', () => {
    for (const options of [
      { classes: 0 },
      { train: 1.5 },
      { validation: -1 },
      { seed: 0.5 },
      { shape: [3, 0, 1] as const },
    ])
      expect(() => randomData(options)).toThrow(ModelError)
  })
})
