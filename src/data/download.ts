import { createHash } from 'node:crypto'
import fs from 'node:fs/promises'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { meter, type OnProgress } from './progress.js'

export interface DownloadOptions {
  /** In hexadecimal. */
  readonly md5: string
  readonly onProgress?: OnProgress | undefined
  /** Milliseconds until the server must have answered; default 10,000. */
  readonly connectTimeout?: number
  /** Milliseconds for which nothing may come; default 30,000. */
  readonly stallTimeout?: number
}

/** More than any archive that this project knows. */
const LARGEST = 2 ** 29

/**
 * Downloads a file by HTTP.
 * @throws ModelError where the host cannot be reached in time, the download breaks off, or the bytes are not those of the MD5
 */
export async function download(url: string, file: string, options: DownloadOptions): Promise<void> {
  const { md5, onProgress, connectTimeout = 10_000, stallTimeout = 30_000 } = options
  const abort = new AbortController()
  let timer = setTimeout(() => abort.abort(), connectTimeout)
  const hash = createHash('md5')
  let received = 0
  let answered = false
  try {
    const response = await fetch(url, { signal: abort.signal, headers: { 'accept-encoding': 'identity' } })
    answered = true
    if (!response.ok || response.body === null) throw new ModelError(`${url}: the server answers ${response.status}`)
    const length = Number(response.headers.get('content-length') ?? NaN)
    const tell = meter(`downloading ${url.slice(url.lastIndexOf('/') + 1)}`, 'bytes', length, onProgress)
    const target = await fs.open(file, 'w')
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        clearTimeout(timer)
        timer = setTimeout(() => abort.abort(), stallTimeout)
        received += chunk.length
        if (received > LARGEST) throw new ModelError(`${url}: it is larger than ${LARGEST} bytes`)
        hash.update(chunk)
        await target.write(chunk)
        tell(received)
      }
    } finally {
      await target.close()
    }
    if (Number.isFinite(length) && received !== length) throw brokenOff(url, received)
  } catch (error) {
    if (error instanceof ModelError) throw error
    if (answered) throw brokenOff(url, received, error)
    throw new ModelError(`${url} cannot be reached: ${reasonOf(error, connectTimeout)}`, { cause: error })
  } finally {
    clearTimeout(timer)
    abort.abort()
  }
  const got = hash.digest('hex')
  if (got !== md5) throw new ModelError(`${url}: expected a file of MD5 ${md5}, got ${received} bytes of MD5 ${got}`)
}

function brokenOff(url: string, received: number, cause?: unknown): ModelError {
  return new ModelError(`${url}: the download broke off after ${received} bytes`, { cause })
}

function reasonOf(error: unknown, connectTimeout: number): string {
  const { name, message, cause } = error as Error
  if (name === 'AbortError') return `no answer within ${connectTimeout / 1000} s`
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `there is no host ${quoted(String(hostOf(cause)))} here`
  return code === '' ? message : code
}

function hostOf(cause: unknown): unknown {
  return (cause as { hostname?: unknown }).hostname ?? ''
}
