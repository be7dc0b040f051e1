import path from 'node:path'
import { truncateSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { cacheFolder } from '../../src/data/cache.js'
import { fetchDataset, loadCifar, loadCifar10, loadCifar100 } from '../../src/data/cifar.js'
import { checkRecords, CIFAR10, CIFAR100, fileBytes } from '../../src/data/cifar-format.js'
import { ModelError } from '../../src/graph/model.js'
import { emptyFolder, randomRecords, tinyCifar, writeFiles } from './tiny-cifar.js'

describe('the formats', () => {
  it('are those of the official files', () => {
    expect(CIFAR10.files.map((file) => fileBytes(CIFAR10, file))).toEqual(Array(6).fill(30_730_000))
    expect(CIFAR100.files.map((file) => fileBytes(CIFAR100, file))).toEqual([153_700_000, 30_740_000])
  })

  it('refuse what is none of their files', () => {
    expect(checkRecords(CIFAR10, new Uint8Array(3 * 3073), 'a')).toBe(3)
    expect(() => checkRecords(CIFAR10, new Uint8Array(3074), 'a.bin')).toThrow(
      /'a\.bin': expected CIFAR-10 records of 3073/,
    )
    expect(() => checkRecords(CIFAR10, new Uint8Array(), 'a.bin')).toThrow(ModelError)
    const wrong = new Uint8Array(2 * 3073)
    wrong[3073] = 10
    expect(() => checkRecords(CIFAR10, wrong, 'a.bin')).toThrow(/record 1 has label 10, expected less than 10/)
    const coarse = new Uint8Array(2 * 3074)
    coarse[3074] = 20
    expect(() => checkRecords(CIFAR100, coarse, 'a.bin')).toThrow(/record 1 has label 20/)
    coarse.set([19, 99], 3074)
    expect(checkRecords(CIFAR100, coarse, 'a.bin')).toBe(2)
  })
})

describe('loadCifar', () => {
  const files = (format: typeof CIFAR10) =>
    new Map(format.files.map(({ name }, i) => [name, randomRecords(format, i + 2, name)]))

  it('reads a folder of record files, as many records as there are', async () => {
    const folder = emptyFolder()
    const contents = files(CIFAR10)
    writeFiles(folder, contents)
    const dataset = await loadCifar10({ folder })
    expect(dataset).toMatchObject({ name: 'cifar10', classes: 10, shape: [3, 32, 32] })
    const all = Buffer.concat(CIFAR10.files.slice(0, 5).map(({ name }) => contents.get(name) as Uint8Array))
    expect(dataset.train.count).toBe(2 + 3 + 4 + 5 + 6)
    expect(dataset.validation.count).toBe(7)
    for (let i = 0; i < dataset.train.count; i++) {
      expect(dataset.train.labels[i]).toBe(all[i * 3073])
      const pixels = dataset.train.pixels.slice(i * 3072, (i + 1) * 3072)
      expect(Buffer.compare(pixels as Uint8Array, all.subarray(i * 3073 + 1, (i + 1) * 3073))).toBe(0)
    }
    expect(dataset.train.pixels.buffer).toBeInstanceOf(SharedArrayBuffer)
  })

  it("takes CIFAR-100's fine or coarse labels", async () => {
    const folder = emptyFolder()
    const contents = files(CIFAR100)
    writeFiles(folder, contents)
    const train = contents.get('train.bin') as Uint8Array
    const [fine, coarse] = [await loadCifar100({ folder }), await loadCifar100({ folder, labels: 'coarse' })]
    expect([fine.classes, coarse.classes]).toEqual([100, 20])
    expect([...fine.train.labels]).toEqual([train[1], train[3075]])
    expect([...coarse.train.labels]).toEqual([train[0], train[3074]])
    expect(Buffer.compare(fine.train.pixels as Uint8Array, coarse.train.pixels as Uint8Array)).toBe(0)
    expect(fine.train.pixels[0]).toBe(train[2])
  })

  it('refuses a folder that lacks a file or has a broken one', async () => {
    const folder = emptyFolder()
    await expect(loadCifar10({ folder })).rejects.toThrow(/data_batch_1\.bin': there is no such file/)
    writeFiles(folder, files(CIFAR10))
    truncateSync(path.join(folder, 'data_batch_3.bin'), 4000)
    await expect(loadCifar10({ folder })).rejects.toThrow(/'data_batch_3\.bin': expected CIFAR-10 records/)
  })

  it('reads what is in the cache, and never what is damaged', async () => {
    const tiny = tinyCifar('http://127.0.0.1:1')
    const { npm: _, ...format } = tiny.format
    const cache = emptyFolder()
    const from = writeFiles(emptyFolder(), tiny.files)
    await fetchDataset(format, { cache, from })
    const { train, validation } = await loadCifar(format, 'fine', { cache })
    expect([train.count, validation.count]).toEqual([12, 4])
    const file = path.join(cache, 'cifar10', 'data_batch_2.bin')
    const bytes = Uint8Array.from(tiny.files.get('data_batch_2.bin') as Uint8Array)
    bytes[5000]! ^= 128
    writeFileSync(file, bytes)
    await expect(loadCifar(format, 'fine', { cache })).rejects.toThrow(/cannot be fetched/)
    expect((await loadCifar(format, 'fine', { cache, from })).train.pixels).toEqual(train.pixels)
  })
})

describe('cacheFolder', () => {
  it('is the platform’s, unless something else is asked for', () => {
    const of = (env: Record<string, string>, platform: NodeJS.Platform, given?: string) =>
      cacheFolder(given, env, platform, '/home/ada')
    expect(of({}, 'linux')).toBe('/home/ada/.cache/neural-teleportation')
    expect(of({ XDG_CACHE_HOME: '/var/c' }, 'linux')).toBe('/var/c/neural-teleportation')
    expect(of({ XDG_CACHE_HOME: 'relative' }, 'linux')).toBe('/home/ada/.cache/neural-teleportation')
    expect(of({ XDG_CACHE_HOME: '/var/c' }, 'darwin')).toBe('/home/ada/Library/Caches/neural-teleportation')
    expect(of({ LOCALAPPDATA: '/l' }, 'win32')).toBe('/l/neural-teleportation')
    expect(of({ NEURAL_TELEPORTATION_CACHE: '/mine', XDG_CACHE_HOME: '/var/c' }, 'linux')).toBe('/mine')
    expect(of({ NEURAL_TELEPORTATION_CACHE: '/mine' }, 'linux', '/given')).toBe('/given')
    expect(of({ NEURAL_TELEPORTATION_CACHE: '' }, 'linux')).toBe('/home/ada/.cache/neural-teleportation')
  })
})
