/** Writes docs/operators.md from the table in src/ops; with --check, exits 1 if the file is not what would be written. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { operatorsDocument } from '../src/ops/document.js'

const folder = new URL('../docs/', import.meta.url)
const file = new URL('operators.md', folder)

function current(): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

const text = operatorsDocument()
if (!process.argv.includes('--check')) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, text)
} else if (current() !== text) {
  process.stderr.write('docs/operators.md is out of date: run `npx tsx scripts/operators.ts`\n')
  process.exitCode = 1
}
