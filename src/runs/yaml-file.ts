import { type Document, isMap, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import type { z } from 'zod'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'

/** What a YAML file says, and where in it things stand. */
export interface ReadYaml<T> {
  readonly value: T
  /** `config.yaml:12` for messages about what stands at a path. */
  readonly where: (...path: PropertyKey[]) => string
  /** How many keys of the path are there: all of them, or those of the innermost thing that is there. */
  readonly depth: (...path: PropertyKey[]) => number
}

/**
 * Reads YAML (or JSON, which is YAML too) by a schema.
 * @param file names it in errors
 * @throws ModelError in one line, with the line number, for the first thing that is wrong
 */
export function readYaml<S extends z.ZodType>(text: string, file: string, schema: S): ReadYaml<z.output<S>> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [problem] = [...document.errors, ...document.warnings]
  if (problem !== undefined)
    throw new ModelError(`${file}:${lines.linePos(problem.pos[0]).line}: no valid YAML: ${problem.message}`)
  const where = (...path: PropertyKey[]): string => {
    const { at } = placeOf(document.contents, path)
    return at === undefined ? file : `${file}:${lines.linePos(at).line}`
  }
  const parsed = schema.safeParse(valueOf(document, file))
  if (parsed.success) return { value: parsed.data, where, depth: (...path) => placeOf(document.contents, path).depth }
  const lineOf = (path: readonly PropertyKey[]) => Number(/:(\d+)$/.exec(where(...path))?.[1] ?? 0)
  const { path, message } = firstIssue(parsed.error.issues, lineOf)
  throw new ModelError(`${where(...path)}: ${message}`)
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

/** Of several issues the one that stands first in the file says most: its path, and what is wrong there. */
export function firstIssue(
  issues: readonly z.core.$ZodIssue[],
  lineOf: (path: readonly PropertyKey[]) => number,
): { readonly path: readonly PropertyKey[]; readonly message: string } {
  const [first] = [...issues].sort((a, b) => lineOf(pathOf(a)) - lineOf(pathOf(b)))
  if (first === undefined) return { path: [], message: 'the configuration is wrong' }
  const path = first.path.map(String).join('.')
  const message =
    first.code === 'unrecognized_keys'
      ? `there is no setting ${first.keys.map(quoted).join(', ')}`
      : first.message.replace(/^Invalid input: /, '')
  return { path: pathOf(first), message: `${path === '' ? '' : `${path}: `}${message}` }
}

/** The path of the very key, where a key is what is wrong. */
function pathOf(issue: z.core.$ZodIssue): PropertyKey[] {
  return issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] as string] : issue.path
}

/** Where a path begins in the file; for what is not there, where the innermost thing that is there begins. */
function placeOf(
  root: unknown,
  path: readonly PropertyKey[],
): { readonly at: number | undefined; readonly depth: number } {
  let node = root as Node | null
  let at = node?.range?.[0]
  let depth = 0
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
    depth++
  }
  return { at, depth }
}
