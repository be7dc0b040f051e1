import { existsSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { cacheFolder } from '../../src/data/cache.js'
import { json, refusal, teleport, temporaryFolder } from './run.js'

const folder = temporaryFolder()

describe('teleport data', () => {
  beforeAll(() => {
    mkdirSync(path.join(folder.path, 'zeros'))
    const file = path.join(folder.path, 'zeros/data_batch_1.bin')
    writeFileSync(file, '')
    truncateSync(file, 30_730_000)
    mkdirSync(path.join(folder.path, 'empty'))
    writeFileSync(path.join(folder.path, 'page.tar.gz'), '<html>')
  })

  it('shows an example', () => {
    const { status, stdout } = teleport(folder.path, 'data', '--help')
    expect(status).toBe(0)
    expect(stdout).toMatch(/Examples:\n {2}teleport data cifar10/)
  })

  const from = (name: string, dataset = 'cifar10') => ['data', dataset, '--cache', 'cache', '--from', name]
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['data'], /missing required argument 'dataset'/],
    [['data', 'mnist'], /'mnist' is invalid.*cifar10, cifar100/],
    [['data', 'cifar10', '--cach', 'x'], /unknown option '--cach'/],
    [from('none'), /cannot read 'none': there is no such file or folder/],
    [from('empty'), /cannot read 'empty\/data_batch_1\.bin'/],
    [from('empty', 'cifar100'), /cannot read 'empty\/train\.bin'/],
    [from('zeros'), /'zeros\/data_batch_1\.bin': expected the SHA-256 cee91656/],
    [from('page.tar.gz'), /'page\.tar\.gz' is not a whole \.tar\.gz archive/],
  ]
  it.each(wrong)('%j is refused in one line, and the cache stays empty', (args, message) => {
    expect(refusal(folder.path, ...args)).toMatch(message)
    const cache = path.join(folder.path, 'cache')
    expect(existsSync(cache) ? readdirSync(cache) : []).toEqual([])
  })

  // Fetching it takes a network and 139 MB: `teleport data cifar10`.
  it.skipIf(!existsSync(path.join(cacheFolder(), 'cifar10/manifest.json')))('tells of CIFAR-10 in the cache', () => {
    const result = json(folder.path, 'data', 'cifar10')
    expect(result).toMatchObject({
      dataset: 'cifar10',
      folder: path.join(cacheFolder(), 'cifar10'),
      classes: 10,
      train: { images: 50_000, perClass: Array(10).fill(5000) },
      validation: { images: 10_000, perClass: Array(10).fill(1000) },
    })
    expect(result['files']).toHaveLength(6)
    const { stdout } = teleport(folder.path, 'data', 'cifar10')
    expect(stdout).toMatch(/training {4}50,000 images, 5,000 of each class/)
  })
})
