import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Claim } from '../../src/experiments/claims/claim.js'
import { json, refusal, teleport, temporaryFolder } from './run.js'

const work = temporaryFolder()
const at = (...parts: readonly string[]): string => path.join(work.path, ...parts)
const RESULTS = fileURLToPath(new URL('../../scripts/results.ts', import.meta.url))
const TINY = ['fig10', '-o', 'out', '--seeds', '2', '--set', "initializers=['default']"]

describe('teleport reproduce', () => {
  it('computes a figure once, and says what came of it', () => {
    const result = json(work.path, 'reproduce', ...TINY, '--quiet')
    expect(result).toMatchObject({
      ended: 'finished',
      scale: 'quick',
      folder: 'out',
      report: path.join('out', 'report.html'),
      figures: [{ figure: 'fig10', skipped: {}, failed: {}, settings: { seeds: [1, 2] } }],
    })
    const [figure] = result['figures'] as [{ claims: Claim[]; files: string[]; cells: { all: number; done: number } }]
    expect(figure.cells.done).toBe(figure.cells.all)
    expect(figure.claims.length).toBeGreaterThan(0)
    for (const file of figure.files) expect(existsSync(path.resolve(work.path, file))).toBe(true)
    const rows = readFileSync(path.join(work.path, 'out/fig10/rows.jsonl'), 'utf8')
    const again = teleport(work.path, 'reproduce', ...TINY)
    expect(again.status).toBe(0)
    expect(again.stdout).toMatch(
      /fig10: \d+ claims?: \d+ hold, .*\n\nfigure +claims +hold[^]*the report: out\/report\.html\n$/,
    )
    expect(readFileSync(path.join(work.path, 'out/fig10/rows.jsonl'), 'utf8')).toBe(rows)
    expect(refusal(work.path, 'reproduce', 'fig10', '-o', 'out')).toMatch(
      /was computed with .* not .*; choose another folder with -o/,
    )
  })

  it('goes into the documentation as a page whose links lead somewhere', () => {
    // Only what this has written is replaced.
    const page = (to: string) =>
      spawnSync(process.execPath, ['--import', 'tsx', RESULTS, '--from', at('out'), '--to', at(to)], {
        cwd: path.dirname(path.dirname(RESULTS)),
        encoding: 'utf8',
      })
    mkdirSync(at('mine'))
    expect(page('mine')).toMatchObject({ status: 2, stdout: '' })
    expect(page('docs')).toMatchObject({ status: 0, stderr: '' })
    const text = readFileSync(at('docs/README.md'), 'utf8')
    const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link)
    expect(links).toEqual(expect.arrayContaining(['claims.json', 'fig10.csv', 'fig10.svg']))
    for (const link of links) expect([link, existsSync(at('docs', link))]).toEqual([link, true])
    expect(text).toContain(`npx teleport reproduce fig10 --scale quick -o out`)
    for (const fact of ['Machine: platform', 'Versions: ', 'Begun 20', '| seeds | [1,2]', 'Not the paper’s settings: '])
      expect(text.replace(/ +/g, ' ')).toContain(fact)
  })

  it('lists figures with their questions and settings', () => {
    const { stdout, status } = teleport(work.path, 'reproduce', '--list')
    expect(status).toBe(0)
    for (let i = 2; i <= 12; i++) expect(stdout).toMatch(new RegExp(`^fig${i}  .+\\n  .+\\?\\n  \\w+ = `, 'm'))
  })

  it('refuses what it does not know, in a line', () => {
    expect(refusal(work.path, 'reproduce')).toBe('teleport: reproduce: name figures, or all; --list shows them')
    expect(refusal(work.path, 'reproduce', 'fig1')).toContain("there is no figure 'fig1'; expected fig2, fig3")
    expect(refusal(work.path, 'reproduce', 'fig10', '--set', 'colour=red')).toContain('no setting')
    expect(refusal(work.path, 'reproduce', 'fig10', '--scale', 'huge')).toContain('quick, paper')
    expect(refusal(work.path, 'reproduce', 'fig10', '--seeds', '1000000000')).toContain('expected at most 1000')
    writeFileSync(path.join(work.path, 'file'), '')
    expect(refusal(work.path, 'reproduce', 'fig10', '-o', 'file')).toContain('is a file; expected a folder')
    symlinkSync(at('nothing'), at('link'))
    expect(refusal(work.path, 'reproduce', 'fig10', '-o', 'link/quick')).toContain('cannot write')
    expect(existsSync(path.join(work.path, 'results'))).toBe(false)
  })
})
