import { FAMILIES } from './index.js'
import type { Operator } from './rule.js'

const INTRODUCTION = `# Operators

What teleportation does at each operator of ONNX's own domain, and which of them have gradients; generated from the table in
\`src/ops\` by \`npx tsx scripts/operators.ts\`. τ is the scale that a value carries, one per channel; \`weights\` and \`full\` are the
two scopes. _shape_ is ticked where sizes are derived; without it only those are known that the file declares. _scale_ is \`moves\`
where the operator has a scale rule and \`pinned\` where its inputs and outputs keep τ = 1. _gradient_ is ticked where gradients flow
back through the operator, and \`zero\` where it is piecewise constant; without it a gradient through the operator is an error.
Operators that are not in this table, and those of other domains, are pinned too and have no gradient.
`

const HEAD = ['operator', 'shape', 'scale', 'gradient', 'what happens to τ']

function row(name: string, operator: Operator): string[] {
  const scale = typeof operator.scale === 'function' ? 'moves' : 'pinned'
  const gradient = operator.gradient === undefined ? '' : operator.gradient === 'zero' ? 'zero' : '✓'
  return [name, operator.shape === undefined ? '' : '✓', scale, gradient, operator.summary.replaceAll('|', '\\|')]
}

/** Columns of even width, as the formatter wants them. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] as number)).join(' | ')} |`
  return [line(HEAD), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

/** The text of docs/operators.md: one table for each family, operators in alphabetical order. */
export function operatorsDocument(): string {
  const sections = Object.entries(FAMILIES).map(([family, operators]) => {
    const rows = Object.entries(operators)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, operator]) => row(name, operator))
    return `## ${family}\n\n${table(rows)}\n`
  })
  return [INTRODUCTION, ...sections].join('\n')
}
