import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** The versions that a run's numbers depend on, by name. */
export function versions(): Readonly<Record<string, string>> {
  const require = createRequire(import.meta.url)
  const own = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  const runtime = require('onnxruntime-node/package.json') as { version: string }
  return { 'neural-teleportation': own.version, 'onnxruntime-node': runtime.version, node: process.versions.node }
}
