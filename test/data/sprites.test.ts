import { encode } from 'fast-png'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { labelsOfJson, recordsOfSprite } from '../../src/data/sprites.js'
import { ModelError } from '../../src/graph/model.js'
import { randomRecords, spriteOf, tinyCifar } from './tiny-cifar.js'

const { format } = tinyCifar('http://unused')
const records = randomRecords(format, 6, 'sprite')
const labels = Array.from({ length: 6 }, (_, i) => records[i * 3073] as number)

describe('recordsOfSprite', () => {
  it('takes planes from pixels', () => {
    expect(recordsOfSprite(spriteOf(records), labels, 'a.png')).toEqual(records)
  })

  it('puts red, green and blue, row by row, where the format has them', () => {
    const data = new Uint8Array(1024 * 3)
    const at = (y: number, x: number) => (y * 32 + x) * 3
    data.set([10, 20, 30], at(0, 1))
    data.set([40, 50, 60], at(2, 0))
    const record = recordsOfSprite(encode({ width: 1024, height: 1, data, channels: 3, depth: 8 }), [9], 'a.png')
    const set = [...record.entries()].filter(([, value]) => value !== 0)
    expect(set).toEqual([
      [0, 9],
      [1 + 1, 10],
      [1 + 64, 40],
      [1 + 1024 + 1, 20],
      [1 + 1024 + 64, 50],
      [1 + 2048 + 1, 30],
      [1 + 2048 + 64, 60],
    ])
  })

  it('refuses another size, type or file', () => {
    const image = (width: number, height: number, channels: 1 | 3 | 4) =>
      encode({ width, height, channels, depth: 8, data: new Uint8Array(width * height * channels) })
    expect(() => recordsOfSprite(image(1024, 5, 3), labels, 'a.png')).toThrow(
      /'a\.png': expected 1024×6 .*, got 1024×5/,
    )
    expect(() => recordsOfSprite(image(512, 6, 3), labels, 'a.png')).toThrow(ModelError)
    expect(() => recordsOfSprite(image(1024, 6, 4), labels, 'a.png')).toThrow(/colour type 6/)
    expect(() => recordsOfSprite(image(1024, 6, 1), labels, 'a.png')).toThrow(ModelError)
    expect(() => recordsOfSprite(new Uint8Array(100), labels, 'a.png')).toThrow(/is not a PNG file/)
    expect(() => recordsOfSprite(new Uint8Array(), labels, 'a.png')).toThrow(/is not a PNG file/)
  })

  it('notices damage', () => {
    const png = spriteOf(records)
    fc.assert(
      fc.property(fc.nat({ max: png.length * 8 - 1 }), (bit) => {
        const damaged = Uint8Array.from(png)
        damaged[bit >> 3]! ^= 1 << (bit & 7)
        try {
          expect(recordsOfSprite(damaged, labels, 'a.png')).toEqual(records)
        } catch (error) {
          expect(error).toBeInstanceOf(ModelError)
        }
      }),
      { numRuns: 300 },
    )
    for (const part of [0.1, 0.5, 0.9])
      expect(() => recordsOfSprite(png.subarray(0, png.length * part), labels, 'a.png')).toThrow(ModelError)
  })
})

describe('labelsOfJson', () => {
  const read = (json: string, count = 3) => labelsOfJson(Buffer.from(json), count, 10, 'l.json')

  it('reads a list', () => {
    expect(read('[1, 0, 9]')).toEqual([1, 0, 9])
  })

  it.each(['', '{', '{}', 'null', '[1, 2]', '[1, 2, 10]', '[1, 2, -1]', '[1, 2, 0.5]', '[1, 2, "3"]'])(
    'refuses %s',
    (json) => {
      expect(() => read(json)).toThrow(ModelError)
    },
  )
})
