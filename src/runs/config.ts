import { type Document, isMap, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import type { z } from 'zod'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { configSchema, type RunConfig } from './config-schema.js'

/** A configuration, and where in its file things stand. */
export interface ReadConfig {
  readonly config: RunConfig
  /** `config.yaml:12` for messages about what stands at a path. */
  readonly where: (...path: PropertyKey[]) => string
}

/**
 * Reads a run's configuration.
 * @param text YAML (or JSON, which is YAML too)
 * @param file names it in errors
 * @throws ModelError in one line, with the line number, for the first thing that is wrong
 */
export function readConfig(text: string, file: string): ReadConfig {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [problem] = [...document.errors, ...document.warnings]
  if (problem !== undefined)
    throw new ModelError(`${file}:${lines.linePos(problem.pos[0]).line}: no valid YAML: ${problem.message}`)
  const where = (...path: PropertyKey[]): string => {
    const at = offsetOf(document.contents, path)
    return at === undefined ? file : `${file}:${lines.linePos(at).line}`
  }
  const parsed = configSchema.safeParse(valueOf(document, file))
  if (parsed.success) return { config: parsed.data, where }
  throw new ModelError(firstOf(parsed.error.issues, where))
}

/** What the document says. @throws ModelError for aliases of nothing, and for so many that they would fill the memory */
function valueOf(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    if (error instanceof ReferenceError) throw new ModelError(`${file}: no valid YAML: ${error.message}`)
    throw error
  }
}

/** Of several issues the one that stands first in the file says most. */
function firstOf(issues: readonly z.core.$ZodIssue[], where: (...path: PropertyKey[]) => string): string {
  const lineOf = (issue: z.core.$ZodIssue) => Number(/:(\d+)$/.exec(where(...pathOf(issue)))?.[1] ?? 0)
  const [first] = [...issues].sort((a, b) => lineOf(a) - lineOf(b))
  if (first === undefined) return 'the configuration is wrong'
  const path = first.path.map(String).join('.')
  const message =
    first.code === 'unrecognized_keys'
      ? `there is no setting ${first.keys.map(quoted).join(', ')}`
      : first.message.replace(/^Invalid input: /, '')
  return `${where(...pathOf(first))}: ${path === '' ? '' : `${path}: `}${message}`
}

/** The path of the very key, where a key is what is wrong. */
function pathOf(issue: z.core.$ZodIssue): PropertyKey[] {
  return issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] as string] : issue.path
}

/** Where a path begins in the file; for what is not there, where the innermost thing that is there begins. */
function offsetOf(root: unknown, path: readonly PropertyKey[]): number | undefined {
  let node = root as Node | null
  let at = node?.range?.[0]
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(key) === String(step))
      if (pair === undefined) break
      at = (pair.key as Node | null)?.range?.[0] ?? at
      node = pair.value as Node | null
    } else if (isSeq(node)) {
      node = (node.items[Number(step)] ?? null) as Node | null
      at = node?.range?.[0] ?? at
    } else break
  }
  return at
}
