import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { type ArchiveMember, archiveMembers } from '../../src/data/archive.js'
import { fetchDataset } from '../../src/data/cifar.js'
import { ModelError } from '../../src/graph/model.js'
import { emptyFolder, tarGz, type TarEntry, tinyCifar } from './tiny-cifar.js'

let folder = ''
beforeAll(() => (folder = emptyFolder()))

async function membersOf(bytes: Uint8Array, largest: (name: string) => number | undefined = () => 1000) {
  const file = path.join(folder, 'a.tar.gz')
  writeFileSync(file, bytes)
  const members: ArchiveMember[] = []
  for await (const member of archiveMembers(file, largest)) members.push(member)
  return members
}

const text = (content: string) => new Uint8Array(Buffer.from(content))

describe('archiveMembers', () => {
  it('gives the files that are wanted, and skips the others', async () => {
    const entries: TarEntry[] = [
      { path: 'top/', type: 'Directory' },
      { path: 'top/a.bin', bytes: text('first') },
      { path: 'top/large', bytes: new Uint8Array(300_000) },
      { path: 'b.bin', bytes: text('') },
      { path: 'top/deeper/c.bin', bytes: new Uint8Array(100_000).fill(7) },
    ]
    const wanted = (name: string) => (name.endsWith('.bin') ? 100_000 : undefined)
    expect(await membersOf(tarGz(entries), wanted)).toEqual([
      { name: 'a.bin', bytes: text('first') },
      { name: 'b.bin', bytes: text('') },
      { name: 'c.bin', bytes: new Uint8Array(100_000).fill(7) },
    ])
  })

  it('can be left early', async () => {
    const file = path.join(folder, 'early.tar.gz')
    writeFileSync(file, tarGz(['a', 'b', 'c'].map((path) => ({ path, bytes: new Uint8Array(200_000) }))))
    for await (const { name } of archiveMembers(file, () => 200_000)) {
      expect(name).toBe('a')
      break
    }
  })

  it('refuses a file that is larger than expected, before it is read', async () => {
    await expect(membersOf(tarGz([{ path: 'a', bytes: new Uint8Array(1001) }]))).rejects.toThrow(
      /'a' has 1001 bytes, expected 1000 or less/,
    )
    // 8 GB, says the header.
    await expect(membersOf(tarGz([{ path: 'a', size: 8_000_000_000 }]))).rejects.toThrow(/expected 1000 or less/)
  })

  it('refuses what unpacks to far more than any data set', async () => {
    const bomb = gzipSync(Buffer.alloc(2 ** 24), { level: 9 })
    // Members of a gzip file follow one another.
    await expect(membersOf(Buffer.concat(Array<Buffer>(40).fill(bomb)), () => undefined)).rejects.toThrow(
      /unpacks to more than/,
    )
  })

  it('gives a whole file or an error, wherever the archive is cut off or changed', async () => {
    const bytes = Uint8Array.from({ length: 700 }, (_, i) => (i * i) % 251)
    const archive = tarGz([
      { path: 'x/a', bytes },
      { path: 'x/b', bytes },
    ])
    const whole = [
      { name: 'a', bytes },
      { name: 'b', bytes },
    ]
    const demand = async (damaged: Uint8Array) => {
      const members = await membersOf(damaged).catch((error: unknown) => {
        expect(error).toBeInstanceOf(ModelError)
        expect((error as Error).message).toMatch(/a\.tar\.gz/)
        return undefined
      })
      if (members !== undefined) expect(members).toEqual(whole)
    }
    for (let length = 0; length < archive.length; length += 23) await demand(archive.subarray(0, length))
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: archive.length * 8 - 1 }), async (bit) => {
        const damaged = Uint8Array.from(archive)
        damaged[bit >> 3]! ^= 1 << (bit & 7)
        // The name in a gzip header or the time of it are not what the check sums cover.
        if (bit >= 80) await demand(damaged)
      }),
      { numRuns: 60 },
    )
  })
})

describe('a hostile archive', () => {
  const tiny = tinyCifar('http://unused')
  const [first] = tiny.format.files
  const bytes = tiny.files.get(first!.name) as Uint8Array
  const attacks: readonly (readonly [string, readonly TarEntry[]])[] = [
    [
      'climbs out of the folder',
      [
        { path: '../../../data_batch_1.bin', bytes },
        { path: '../escaped.bin', bytes },
      ],
    ],
    [
      'names absolute paths',
      [
        { path: '/tmp/data_batch_1.bin', bytes },
        { path: '/escaped.bin', bytes },
      ],
    ],
    [
      'writes through a link',
      [
        { path: 'data_batch_2.bin', type: 'SymbolicLink', linkpath: '../../escaped.bin' },
        { path: 'data_batch_2.bin/x', bytes },
      ],
    ],
    [
      'has links for files',
      tiny.format.files.map(({ name }) => ({ path: name, type: 'SymbolicLink', linkpath: '/etc/passwd' })),
    ],
    ['brings a manifest', [{ path: 'manifest.json', bytes: text('{}') }]],
    ['has nothing', []],
  ]
  it.each(attacks)('that %s writes nothing anywhere', async (_, entries) => {
    const parent = emptyFolder()
    const from = path.join(parent, 'hostile.tar.gz')
    writeFileSync(from, tarGz(entries))
    const cache = path.join(parent, 'one', 'two')
    await expect(fetchDataset(tiny.format, { cache, from })).rejects.toThrow(
      /has no file 'data_batch_\d\.bin'|is not a whole \.tar\.gz/,
    )
    expect(readdirSync(parent, { recursive: true }).sort()).toEqual(['hostile.tar.gz', 'one', 'one/two'])
  })
})
