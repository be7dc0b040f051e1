import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseHTML } from 'linkedom'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { claimsMarkdown } from '../../../src/experiments/report/markdown.js'
import { writeReport } from '../../../src/experiments/report/write-report.js'
import { figureOf, ROWS, writeFigure, writeRecord } from './made-up.js'

/** What is asked of a page: the types of linkedom want those of a browser. */
interface Element {
  readonly textContent: string
  getAttribute(name: string): string | null
  querySelector(selector: string): Element | null
  querySelectorAll(selector: string): readonly Element[]
}
const parse = parseHTML as unknown as (text: string) => { readonly document: Element }

let folder: string
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'report-'))
})
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

const FIGURES = [figureOf('fig3'), figureOf('fig5'), figureOf('fig6', { hostile: true })]

function reported() {
  const warnings: string[] = []
  const report = writeReport(folder, { figures: FIGURES, warn: (line) => warnings.push(line) })
  const text = fs.readFileSync(report.file, 'utf8')
  return { report, warnings, text, document: parse(text).document }
}

test('a whole reproduction: figures, claims with verdicts, data, settings', () => {
  for (const figure of FIGURES) writeFigure(folder, figure)
  writeRecord(folder)
  const { report, warnings, text, document } = reported()
  expect(warnings).toEqual([])
  expect(report.figures).toEqual(['fig3', 'fig5', 'fig6'])
  expect(document.querySelectorAll('figure svg')).toHaveLength(3)
  expect(
    [...document.querySelectorAll('.claims td.verdict')].map((cell) => cell.textContent.trim()).slice(0, 4),
  ).toEqual(['✓holds', '?undecided', '✗does not hold', '✓holds'])
  expect([...document.querySelectorAll('.tally b')].map((count) => count.textContent)).toEqual(['6', '3', '3'])
  expect(text).toContain('seeds 1, 2, 3 (paper: 1, 2, 3, 4, 5); epochs 3 (paper: 100)')
  const link = document.querySelector('a[download="fig3.csv"]')!.getAttribute('href')!
  const csv = Buffer.from(link.replace(/^[^,]*,/, ''), 'base64').toString()
  expect(csv.split('\r\n')).toHaveLength(ROWS.length + 2)
  const claims = JSON.parse(fs.readFileSync(report.claimsFile!, 'utf8')) as { id: string; adjustedP: number | null }[]
  expect(claims).toHaveLength(12)
  expect(claims[0]!.adjustedP).toBeGreaterThan(report.claims[0]!.p!)
})

test('needs no network and no script, and keeps hostile text as text', () => {
  writeFigure(folder, FIGURES[2]!, { done: 2, skipped: '<script>alert(2)</script>' })
  const { text, document } = reported()
  expect(document.querySelectorAll('script, img, link, iframe')).toHaveLength(0)
  expect(text.match(/<script|<img|\son\w+="/gi)).toBeNull()
  for (const element of document.querySelectorAll('[href], [src]'))
    expect(element.getAttribute('href') ?? '').toMatch(/^(#|\.\/|data:)/)
  expect(document.querySelector('figcaption')!.textContent).toContain(`<script>alert('x')</script> & "quotes"`)
})

test('of half a figure what is there, and what is not is said', () => {
  const place = writeFigure(folder, FIGURES[1]!, { cells: 5, done: 1 })
  // Rows of a cell that was not finished, the last of them cut off.
  fs.appendFileSync(path.join(place, 'rows.jsonl'), '{"x":9,"y":99}\n{"x":9,"y"')
  const { text, report } = reported()
  expect(text).toContain('1 of 5 parts computed')
  expect(text).toContain('Not run: Figure 3, Figure 6')
  expect(report.claims[0]).toMatchObject({ n: 4, value: 2 })
})

test('what is damaged is named in one line and left out', () => {
  const place = writeFigure(folder, FIGURES[0]!)
  writeFigure(folder, FIGURES[1]!)
  fs.writeFileSync(path.join(place, 'rows.jsonl'), '{"x":0,"y":1}\nnonsense\n')
  fs.writeFileSync(path.join(folder, 'reproduction.json'), '{"scale":')
  const { warnings, text, report } = reported()
  expect(report.figures).toEqual(['fig5'])
  expect(warnings).toHaveLength(2)
  expect(warnings[1]).toMatch(/rows\.jsonl' is damaged: line 2 is not a JSON object; run the figure again$/)
  expect(text).toContain('Could not be used')
})

test('another place for the report; what is there is kept unless forced', () => {
  writeFigure(folder, FIGURES[0]!)
  const output = path.join(folder, 'sent', 'page.html')
  fs.mkdirSync(path.dirname(output))
  const options = { figures: FIGURES, output }
  expect(writeReport(folder, options)).toMatchObject({
    file: output,
    claimsFile: output.replace('.html', '.claims.json'),
  })
  expect(fs.readFileSync(output, 'utf8')).toContain('href="./../fig3/rows.jsonl"')
  expect(() => writeReport(folder, options)).toThrow(/exists; use --force to replace it/)
  writeReport(folder, { ...options, force: true })
})

test('a folder without results is refused', () => {
  expect(() => writeReport(folder, { figures: FIGURES })).toThrow(/holds no results; expected a folder that teleport/)
  expect(() => writeReport(path.join(folder, 'none'))).toThrow(/there is no such file or folder/)
})

test('claims as a Markdown table', () => {
  const lines = claimsMarkdown(FIGURES[0]!.claims(ROWS, FIGURES[0]!.settings.quick)).split('\n')
  expect(lines[0]).toBe('4 claims: 2 hold, 1 do not, 1 are undecided.')
  expect(lines[4]).toMatch(
    /^\| ✓ \| fig3: One teleportation .* \| > 0 \| 2\.00 \[1\.59, 2\.41\] \| 4 × seed \| paired t, two-sided \|/,
  )
  expect(claimsMarkdown(FIGURES[2]!.claims(ROWS, {})).split('\n')[4]).toContain('\\<script>')
})
