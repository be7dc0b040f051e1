import path from 'node:path'
import type { Model } from '../graph/model.js'
import { sizeOf } from '../graph/tensor.js'
import type { QuiverReport, VertexReport } from '../quiver/report.js'
import { weightsOf } from '../teleport/distance.js'
import type { VerifyReport } from '../teleport/verify.js'
import type { Moved } from './move.js'

/** Columns of equal width; those whose cells are numbers are aligned to the right. */
export function table(rows: readonly (readonly string[])[], gap = '  '): string[] {
  const widths: number[] = []
  const numeric: boolean[] = []
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, [...cell].length)
      if (cell !== '' && !/^[−-]?\d/.test(cell) && row !== rows[0]) numeric[i] = false
    })
  return rows.map((row) =>
    row
      .map((cell, i) => {
        const padding = ' '.repeat((widths[i] as number) - [...cell].length)
        return numeric[i] === false ? cell + padding : padding + cell
      })
      .join(gap)
      .trimEnd(),
  )
}

export function count(value: number): string {
  return value.toLocaleString('en-US')
}

export function percent(share: number | null): string {
  // Rounded down: 100 % is said of nothing less.
  return share === null ? 'no neurons' : `${(Math.floor(share * 1000) / 10).toFixed(1)} %`
}

export function figure(value: number | null): string {
  if (value === null) return 'not finite'
  return value === 0 ? '0' : value.toExponential(1)
}

/** A time that is left or was taken: `40 s`, `12 min`, `3.5 h`, `6 days`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`
  return seconds < 48 * 3600 ? `${(seconds / 3600).toFixed(1)} h` : `${Math.round(seconds / 86_400)} days`
}

/** File, versions and size of a model, in a line. */
export function modelLine(model: Model): string {
  let weights = 0
  for (const tensor of weightsOf(model, { statistics: true }).values()) weights += sizeOf(tensor.dims)
  const name = model.storage === undefined ? model.graph.name : path.basename(model.storage.path)
  const opset = model.opsets.get('') ?? 'none'
  return `${name}: opset ${opset}, ${count(model.graph.nodes.length)} nodes, ${count(weights)} weights`
}

const DOMAINS = [
  ['free', 'any τ but 0'],
  ['positive', 'τ > 0'],
  ['sign', 'τ = ±1'],
  ['pinned', 'τ = 1'],
] as const

/** The quiver: neurons by what may be done to them, coverage, and why the others are pinned. */
export function quiverLines(report: QuiverReport): string[] {
  const { neurons } = report
  const share = (part: number): string => (neurons === 0 ? '' : `${((100 * part) / neurons).toFixed(1)} %`)
  const rows = [
    ['neurons', count(neurons), '', `in ${count(report.vertices)} vertices`],
    ...DOMAINS.map(([domain, meaning]) => [domain, count(report[domain]), share(report[domain]), meaning]),
  ]
  const lines = table([['', '', '', ''], ...rows].map(([name = '', ...cells]) => [`  ${name}`, ...cells])).slice(1)
  const notes = [`coverage ${percent(report.coverage)}`]
  if (report.outputs > 0) notes.push(`outputs of the network, not counted: ${count(report.outputs)} (τ = 1)`)
  const joined = neurons - report.pinned - report.degreesOfFreedom
  if (joined > 0) notes.push(`${count(report.degreesOfFreedom)} factors are independent, the others follow from them`)
  if (report.powersOfTwo > 0)
    notes.push(`${count(report.powersOfTwo)} neurons lie before an operator that rounds: |τ| is a power of two`)
  return [...lines, ...notes.map((note) => `  ${note}`), ...reasonLines(report)]
}

function reasonLines(report: QuiverReport): string[] {
  if (report.pinnedReasons.length === 0) return []
  const rows = report.pinnedReasons.map(({ reason, neurons }) => [`    ${count(neurons)}`, reason])
  return ['  pinned since', ...table([['', ''], ...rows]).slice(1)]
}

export function vertexLines(vertices: readonly VertexReport[]): string[] {
  const head = ['vertex', 'neurons', 'free', 'positive', 'sign', 'pinned', 'operator', 'why pinned']
  const rows = vertices.map((vertex) => [
    vertex.name,
    count(vertex.neurons),
    ...(vertex.output ? ['', '', '', ''] : DOMAINS.map(([domain]) => count(vertex[domain]))),
    vertex.node,
    vertex.output ? 'output of the network' : vertex.reasons.join('; '),
  ])
  return table([head, ...rows])
}

/** What was changed, and how far. */
export function movedLines({ changes, distance }: Moved): string[] {
  const rows = [
    ['nodes added', count(changes.nodesAdded)],
    ['weights rewritten', `${count(changes.weightsChanged)} in ${count(changes.tensorsChanged)} tensors`],
  ]
  if (distance !== null)
    rows.push([
      'weights moved by ‖V−W‖ ÷ ‖W‖',
      distance.relative === null ? 'not finite' : distance.relative.toPrecision(3),
    ])
  return table([['', ''], ...rows.map(([name = '', value = '']) => [`  ${name}`, value])]).slice(1)
}

export function verifyLines(report: VerifyReport): string[] {
  const ran = `${report.samples} ${report.samples === 1 ? 'input' : 'inputs'} ${report.seed === null ? 'given' : 'drawn'}`
  const bits = report.identical ? ', bit for bit' : ''
  const verdict = report.pass ? `the same function${bits}` : 'NOT the same function'
  const sizes = Object.entries(report.sizes).map(([name, size]) => `${name} = ${size}`)
  const head = ['  output', "max|y−y'|", '÷ max|y|', 'same bits', 'same argmax', '']
  const rows = report.outputs.map((output) => [
    `  ${output.name}`,
    figure(output.maxAbsError),
    figure(output.maxRelError),
    output.identical ? 'all' : percent(1 - output.mismatch),
    output.argmaxAgreement === undefined ? '' : percent(output.argmaxAgreement),
    output.difference ?? '',
  ])
  const used = head.map((_, i) => rows.some((row) => row[i] !== ''))
  return [
    `${verdict} (${ran}${sizes.length === 0 ? '' : `, with ${sizes.join(', ')}`}; tolerance ${figure(report.tolerance)})`,
    ...table([head, ...rows].map((row) => row.filter((_, i) => used[i]))),
    ...divergenceLines(report),
    ...roundingLines(report),
  ]
}

/** A network that was never trained can magnify rounding until nothing can be told from it. */
function roundingLines({ rounding, tolerance }: VerifyReport): string[] {
  if (rounding === undefined || rounding === null || rounding <= tolerance) return []
  return [
    `the first network differs from itself by ${figure(rounding)} when the runtime optimises it otherwise, so much it magnifies rounding:`,
    '  move it by powers of two (apply --exact), which rounds nothing, or set --tolerance',
  ]
}

function divergenceLines({ firstDivergence: at }: VerifyReport): string[] {
  if (at === undefined) return []
  const node = at.node === '' ? at.opType : `${at.opType} '${at.node}'`
  const weights = at.weights.length === 0 ? '' : `; its constants: ${at.weights.join(', ')}`
  const error = at.difference ?? `max|y−y'| ÷ max|y| = ${figure(at.maxRelError)}`
  return [`they part at ${node}, value '${at.value}': ${error}${weights}`]
}
