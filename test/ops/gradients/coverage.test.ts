import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { OPERATORS } from '../../../src/ops/index.js'

/** What the tests of gradients, and of the upgrade to the forms that rules know, are written in. */
function sources(): string {
  const folders = [new URL('./', import.meta.url), new URL('../../autodiff/', import.meta.url)]
  const files = folders.flatMap((folder) => readdirSync(folder).map((file) => new URL(file, folder)))
  return files
    .filter(({ pathname }) => pathname.endsWith('.ts') && !pathname.endsWith('coverage.test.ts'))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
}

it('every operator with a gradient rule is named by a test of gradients', () => {
  const words = new Set(sources().match(/\w+/g))
  const ruled = [...OPERATORS].filter(([, { gradient }]) => typeof gradient === 'function').map(([name]) => name)
  expect(ruled.length).toBeGreaterThan(100)
  expect(ruled.filter((name) => !words.has(name))).toEqual([])
})
