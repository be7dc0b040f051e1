import fs from 'node:fs'
import { createRequire } from 'node:module'
import { type Tables, tablesOf } from './sfnt.js'

export type Weight = 400 | 600

const resolve = createRequire(import.meta.url).resolve

/** The font that drawings are laid out for, Source Sans 3, by weight. */
export const FONT_FILES: Readonly<Record<Weight, string>> = {
  400: resolve('@expo-google-fonts/source-sans-3/400Regular/SourceSans3_400Regular.ttf'),
  600: resolve('@expo-google-fonts/source-sans-3/600SemiBold/SourceSans3_600SemiBold.ttf'),
}

const read = new Map<Weight, Tables>()

export function fontTables(weight: Weight): Tables {
  const found = read.get(weight) ?? tablesOf(fs.readFileSync(FONT_FILES[weight]))
  read.set(weight, found)
  return found
}
