import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { json, refusal, teleport, temporaryFolder } from './run.js'

const work = temporaryFolder()
const at = (...parts: readonly string[]) => path.join(work.path, ...parts)

describe('teleport report on a reproduction', () => {
  beforeAll(() => {
    json(work.path, 'reproduce', 'fig10', '-o', 'out', '--seeds', '2', '--set', "initializers=['default']", '--quiet')
  })

  it('writes the report anew, and says what it holds', () => {
    writeFileSync(at('out/report.html'), 'old')
    const result = json(work.path, 'report', 'out', '--quiet')
    expect(result).toMatchObject({ report: path.join('out', 'report.html'), figures: ['fig10'], problems: [] })
    const claims = result['claims'] as unknown[]
    expect(claims.length).toBeGreaterThan(0)
    expect(claims).toEqual(JSON.parse(readFileSync(at('out/claims.json'), 'utf8')))
    expect(['holds', 'doesNotHold', 'undecided'].reduce((sum, key) => sum + (result[key] as number), 0)).toBe(
      claims.length,
    )
    expect(readFileSync(at('out/report.html'), 'utf8')).toMatch(/^<!doctype html>[^]*Figure 10[^]*<\/html>\s*$/)
  })

  it('puts it elsewhere, and keeps what is there unless forced', () => {
    mkdirSync(at('sent'))
    const elsewhere = ['report', 'out', '-o', path.join('sent', 'page.html')]
    expect(teleport(work.path, ...elsewhere)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('fig10') as string,
    })
    const first = readFileSync(at('sent/page.html'), 'utf8')
    expect(first).toContain('href="./../out/fig10/rows.jsonl"')
    writeFileSync(at('sent/page.html'), 'mine')
    expect(refusal(work.path, ...elsewhere)).toMatch(/'sent\/page\.html' exists; use --force to replace it$/)
    expect(readFileSync(at('sent/page.html'), 'utf8')).toBe('mine')
    expect(teleport(work.path, ...elsewhere, '--force').status).toBe(0)
    expect(readFileSync(at('sent/page.html'), 'utf8')).toBe(first)
  })

  it('leaves out rows that are damaged, and names them', () => {
    appendFileSync(at('out/fig10/rows.jsonl'), 'nonsense\n')
    const { status, stderr, stdout } = teleport(work.path, 'report', 'out', '--json')
    expect(status).toBe(0)
    expect(stderr).toMatch(/rows\.jsonl' is damaged: line \d+ is not a JSON object; run the figure again\n/)
    expect(JSON.parse(stdout)).toMatchObject({
      figures: [],
      claims: [],
      problems: [expect.stringContaining('damaged')],
    })
  })
})

describe('teleport report on a sweep', () => {
  it('shows runs that ended', () => {
    writeFileSync(
      at('sweep.yaml'),
      `base:
  data: { name: random, shape: [1, 4, 4], training: 64, validation: 32, classes: 3 }
  model: { name: mlp, hidden: [8] }
  training: { epochs: 1, batchSize: 32 }
axes:
  lr: { low: { training: { optimizer: { name: sgd, lr: 0.05 } } }, high: { training: { optimizer: { name: sgd, lr: 1.0e+30 } } } }
`,
    )
    teleport(work.path, 'sweep', 'sweep.yaml', '-o', 'sweep', '--processes', '1', '--quiet')
    expect(json(work.path, 'report', 'sweep', '--quiet')).toMatchObject({
      report: path.join('sweep', 'report.html'),
      figures: [],
      claims: [],
    })
    const page = readFileSync(at('sweep/report.html'), 'utf8')
    expect(page).toContain('A sweep of training runs')
    expect(page.match(/[✓✗] (finished|failed)/g)).toHaveLength(2)
  })
})

it('refuses what holds no results', () => {
  mkdirSync(at('empty'))
  writeFileSync(at('file'), '')
  expect(refusal(work.path, 'report', 'empty')).toMatch(/'empty' holds no results; expected a folder that teleport/)
  expect(refusal(work.path, 'report', 'none')).toContain('there is no such file or folder')
  expect(refusal(work.path, 'report', 'file')).toMatch(/'file' is a file; expected a folder/)
  expect(existsSync(at('empty/report.html'))).toBe(false)
})
