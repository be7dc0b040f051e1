import fs from 'node:fs'
import path from 'node:path'
import { claimOf, maximumClaim } from '../../../src/experiments/claims/claim-of.js'
import type { Figure, Row } from '../../../src/experiments/figure.js'

const HOSTILE = `<script>alert('x')</script> & "quotes" <img src=x onerror=alert(1)>`

/** A figure whose rows are points, drawn by hand. */
export function figureOf(name: string, { hostile = false }: { readonly hostile?: boolean } = {}): Figure {
  const label = hostile ? HOSTILE : 'MLP'
  return {
    name,
    title: hostile ? HOSTILE : 'Gradients against the CoB-range',
    question: hostile ? HOSTILE : 'Do normalised gradients change more as σ grows?',
    settings: {
      quick: { ranges: [0.1, 0.5, 0.9], seeds: [1, 2, 3], epochs: 3, networks: [label] },
      paper: { ranges: [0.1, 0.5, 0.9], seeds: [1, 2, 3, 4, 5], epochs: 100, networks: [label] },
    },
    cells: () => [],
    plots: (rows) => [
      {
        name,
        svg: drawn(rows),
        caption: hostile ? HOSTILE : 'Change of the normalised gradient, mean over seeds. The line is the expectation.',
      },
    ],
    claims: (rows) => {
      const samples = rows.map(({ y }) => y as number)
      const common = {
        figure: name,
        section: '§4.4',
        statistic: hostile ? HOSTILE : 'validation accuracy with − without teleportation (percentage points)',
        unit: 'seed',
      }
      return [
        claimOf({
          ...common,
          id: `${name}/above`,
          claim: hostile ? HOSTILE : 'One teleportation at initialisation speeds training up.',
          samples,
          side: 'above',
          threshold: 0,
          paired: true,
        }),
        claimOf({
          ...common,
          id: `${name}/within`,
          claim: 'The change is the one that Theorem 2 predicts.',
          samples,
          side: 'within',
          expected: 2,
          threshold: 0.4,
          note: 'the ratio to the prediction',
        }),
        claimOf({
          ...common,
          id: `${name}/below`,
          claim: 'Pseudo-teleportation does not.',
          samples,
          side: 'below',
          threshold: 0,
        }),
        maximumClaim({
          ...common,
          id: `${name}/maximum`,
          claim: 'The function is preserved.',
          samples: samples.map((y) => Math.abs(y) * 1e-7),
          side: 'below',
          threshold: 1e-5,
          unit: 'draw',
        }),
      ]
    },
  }
}

export const ROWS: readonly Row[] = [1.7, 2.1, 1.9, 2.3].map((y, i) => ({ label: 'MLP', x: i, y }))

function drawn(rows: readonly Row[]): string {
  const dots = rows.map(({ x, y }) => `<circle cx="${40 + 120 * Number(x)}" cy="${200 - 60 * Number(y)}" r="4"/>`)
  return `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="480" height="220" viewBox="0 0 480 220">${dots.join('')}</svg>`
}

/** What `teleport reproduce` leaves of a figure. */
export function writeFigure(
  folder: string,
  figure: Figure,
  {
    rows = ROWS,
    cells = 2,
    done = 2,
    skipped,
  }: {
    readonly rows?: readonly Row[]
    readonly cells?: number
    readonly done?: number
    readonly skipped?: string
  } = {},
): string {
  const place = path.join(folder, figure.name)
  fs.mkdirSync(place, { recursive: true })
  const record = { figure: figure.name, scale: 'quick', settings: figure.settings.quick, cells }
  fs.writeFileSync(path.join(place, 'settings.json'), JSON.stringify(record))
  fs.writeFileSync(path.join(place, 'rows.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const lines = Array.from({ length: done }, (_, i) => ({
    key: `cell ${i}`,
    rows: i === 0 ? rows.length : 0,
    seconds: 61,
    ...(i > 0 && skipped !== undefined && { skipped }),
  }))
  fs.writeFileSync(path.join(place, 'cells.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return place
}

export function writeRecord(folder: string): void {
  const record = {
    scale: 'quick',
    command: 'teleport reproduce all --scale quick -o results',
    versions: { 'neural-teleportation': '0.1.0', 'onnxruntime-node': '1.30.0', node: '20.20.0' },
    machine: { platform: 'linux x64', processor: 'A processor', cores: 2, memoryGiB: 8 },
    started: '2026-01-02T03:04:05.000Z',
    finished: '2026-01-02T03:14:05.000Z',
    seconds: { fig5: 122 },
    trainingSeconds: 3720,
    peakMemory: { fig5: 1.5 * 2 ** 30 },
  }
  fs.writeFileSync(path.join(folder, 'reproduction.json'), JSON.stringify(record))
}
