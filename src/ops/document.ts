import { FAMILIES } from './index.js'
import type { Operator } from './rule.js'

const INTRODUCTION = `# Operators

What teleportation does at each operator of ONNX's own domain, generated from the table in \`src/ops\` by
\`npx tsx scripts/operators.ts\`. τ is the scale that a value carries, one per channel; \`weights\` and \`full\` are the two scopes.
*shape* is ticked where sizes are derived; without it only those are known that the file declares. *scale* is \`moves\` where the
operator has a scale rule and \`pinned\` where its inputs and outputs keep τ = 1. Operators that are not in this table, and those of
other domains, are pinned too.
`

function row(name: string, operator: Operator): string {
  const scale = typeof operator.scale === 'function' ? 'moves' : 'pinned'
  return `| ${name} | ${operator.shape === undefined ? '' : '✓'} | ${scale} | ${operator.summary.replaceAll('|', '\\|')} |`
}

/** The text of docs/operators.md: one table for each family, operators in alphabetical order. */
export function operatorsDocument(): string {
  const sections = Object.entries(FAMILIES).map(([family, table]) => {
    const rows = Object.entries(table)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, operator]) => row(name, operator))
    return `## ${family}\n\n| operator | shape | scale | what happens to τ |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
  })
  return [INTRODUCTION, ...sections].join('\n')
}
