import { createReadStream, statSync } from 'node:fs'
import path from 'node:path'
import { pipeline, type Readable, Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Parser } from 'tar'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { meter, type OnProgress } from './progress.js'

/** A file in an archive, by the last part of its path: an archive says what is in it, never where that goes. */
export interface ArchiveMember {
  readonly name: string
  readonly bytes: Uint8Array
}

/** No archive that this project knows unpacks to as much. */
const LARGEST = 2 ** 29

/**
 * The files of a .tar.gz for which `largest` gives a number of bytes, one after the other; the others are skipped. At most that
 * many bytes of each are held in memory, and nothing is written.
 * @throws ModelError for an archive that is damaged, cut off, or larger than expected
 */
export async function* archiveMembers(
  file: string,
  largest: (name: string) => number | undefined,
  onProgress?: OnProgress,
): AsyncGenerator<ArchiveMember> {
  const unpacked = unzipped(file, onProgress)
  const ready: ArchiveMember[] = []
  const failures: Error[] = []
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      const name = path.posix.basename(entry.path)
      const limit = entry.type === 'File' ? largest(name) : undefined
      if (limit === undefined || failures.length > 0) return entry.resume()
      if (entry.size > limit) {
        failures.push(
          new ModelError(`${quoted(file)}: ${quoted(name)} has ${entry.size} bytes, expected ${limit} or less`),
        )
        return entry.resume()
      }
      const bytes = new Uint8Array(entry.size)
      let filled = 0
      entry.on('data', (chunk: Uint8Array) => {
        bytes.set(chunk, filled)
        filled += chunk.length
      })
      entry.on('end', () => ready.push({ name, bytes }))
    },
  })
  parser.on('error', (error: Error) => failures.push(error))
  // What comes after the end is not looked at, but the check sum of the whole lies behind it.
  let ended = false
  parser.on('eof', () => (ended = true))
  try {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      if (!ended) parser.write(chunk)
      if (failures[0] !== undefined) throw failures[0]
      yield* ready.splice(0)
    }
    parser.end()
    if (failures[0] !== undefined) throw failures[0]
    yield* ready.splice(0)
  } catch (error) {
    if (error instanceof ModelError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new ModelError(`${quoted(file)} is not a whole .tar.gz archive (${reason}); take another copy`, {
      cause: error,
    })
  } finally {
    unpacked.destroy()
  }
}

function unzipped(file: string, onProgress: OnProgress | undefined): Readable {
  const tell = meter(`unpacking ${path.basename(file)}`, 'bytes', statSync(file).size, onProgress)
  let read = 0
  let written = 0
  const counted = new Transform({
    transform(chunk: Uint8Array, _, done) {
      tell((read += chunk.length))
      done(null, chunk)
    },
  })
  const bounded = new Transform({
    transform(chunk: Uint8Array, _, done) {
      written += chunk.length
      if (written > LARGEST) done(new ModelError(`${quoted(file)} unpacks to more than ${LARGEST} bytes`))
      else done(null, chunk)
    },
  })
  // Errors come out of the last stream, which is read.
  return pipeline(createReadStream(file), counted, createGunzip(), bounded, () => undefined)
}
