import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

const FOLDER = fileURLToPath(new URL('../golden/plots/', import.meta.url))

/**
 * Expects a drawing to be what test/golden/plots/NAME.svg holds. With `GOLDEN=write` in the environment the file is written instead: look at
 * it before it is committed.
 * @param name of the file, without ending; a folder may stand before it
 */
export function expectGolden(name: string, svg: string): void {
  const file = `${FOLDER}${name}.svg`
  if (process.env['GOLDEN'] === 'write') {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, svg)
    return
  }
  expect(existsSync(file), `${file} is missing: GOLDEN=write npx vitest run … writes it`).toBe(true)
  expect(svg === readFileSync(file, 'utf8'), `not as ${file}; if it is meant to be, GOLDEN=write writes it anew`).toBe(
    true,
  )
}
