import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Figure, Settings } from '../../src/experiments/figure.js'
import { type CellRecord, RowsFile } from '../../src/experiments/reproduce-rows.js'
import { parseOverrides, reducedFrom, settingsOf } from '../../src/experiments/reproduce-settings.js'
import { CellTimes } from '../../src/experiments/reproduce-time.js'
import { reproduce, type ReproduceOptions } from '../../src/experiments/reproduce.js'
import { readRows } from '../../src/experiments/results-folder.js'
import { ModelError } from '../../src/graph/model.js'
import { RunLock } from '../../src/runs/run-lock.js'
import { fakeFigure, NOT_FINITE } from './reproduce-fakes.js'

let folder = ''
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'reproduce-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const at = (...parts: readonly string[]): string => path.join(folder, ...parts)
const text = (...parts: readonly string[]): string => readFileSync(at(...parts), 'utf8')
const options = (more: Partial<ReproduceOptions> = {}): ReproduceOptions => ({
  scale: 'paper',
  folder,
  train: () => Promise.resolve([]),
  ...more,
})

/** Cells as they stand in the file, without times. */
function cellsIn(figure = 'fig2'): object[] {
  return text(figure, 'cells.jsonl')
    .trim()
    .split('\n')
    .map((line) => {
      const { seconds: _, ...rest } = JSON.parse(line) as CellRecord
      return rest
    })
}

describe('reproduce', () => {
  it('leaves rows, plots, data, claims, settings and a report, and computes nothing twice', async () => {
    const begun: string[] = []
    const figure = fakeFigure({ onCell: (key) => begun.push(key) })
    const first = await reproduce([figure], options({ scale: 'quick' }))
    expect(first).toMatchObject({
      ended: 'finished',
      figures: [
        {
          figure: 'fig2',
          cells: { all: 4, done: 4 },
          skipped: {},
          reduced: ['cells 4 (paper: 6)', 'seeds 1 (paper: 1, 2, 3)'],
        },
      ],
    })
    expect(first.figures[0]?.peakMemory).toBeGreaterThan(2e7)
    expect(readdirSync(at('fig2')).sort()).toEqual(
      [
        'cells.jsonl',
        'claims.json',
        'fig2.csv',
        'fig2.png',
        'fig2.svg',
        'plots.json',
        'rows.jsonl',
        'settings.json',
      ].sort(),
    )
    expect(readRows(at('fig2')).rows).toHaveLength(0 + 1 + 2 + 3)
    expect(text('fig2', 'fig2.csv').split('\r\n')[1]).toBe('kind/1,0,0.3333333333333333,"é, ""x"""')
    expect(text('fig2', 'plots.json')).toContain('6 rows. Not the paper’s settings: cells 4 (paper: 6); seeds 1')
    expect(JSON.parse(text('reproduction.json'))).toMatchObject({
      finished: expect.any(String) as string,
      scale: 'quick',
    })
    expect(existsSync(first.report as string)).toBe(true)
    expect(begun).toEqual(['kind/0', 'kind/1', 'kind/2', 'kind/3'])
    const before = text('fig2', 'rows.jsonl')
    await reproduce([figure], options({ scale: 'quick' }))
    expect(begun).toHaveLength(4)
    expect(text('fig2', 'rows.jsonl')).toBe(before)
    await reproduce([figure], options({ scale: 'quick', force: true }))
    expect(begun).toHaveLength(8)
  })

  it('killed at any moment ends with the rows of an undisturbed one', async () => {
    const whole = mkdtempSync(path.join(tmpdir(), 'reproduce-whole-'))
    await reproduce([fakeFigure()], options({ folder: whole }))
    const expected = readFileSync(path.join(whole, 'fig2', 'rows.jsonl'), 'utf8')
    rmSync(whole, { recursive: true })
    let kills = 0
    // In the middle of its second cell, then of the one after that …
    while (!(await childEnds(kills < 2 ? 2 : Infinity))) {
      kills++
      const { rows, cells } = readRows(at('fig2'))
      expect(cells).toBe(kills)
      expect(rows.every((row) => (row['cell'] as string) < `kind/${kills}`)).toBe(true)
      // What a kill on the way would have left: rows without their cell, and a line that was cut off.
      appendFileSync(at('fig2', 'rows.jsonl'), '{"cell":"kind/9"}\n{"cel')
      appendFileSync(at('fig2', 'cells.jsonl'), '{"key":"kin')
    }
    expect(kills).toBe(2)
    expect(text('fig2', 'rows.jsonl')).toBe(expected)
    expect(readdirSync(folder).filter((name) => name.startsWith('lock'))).toEqual([])
  }, 300_000)

  /** Runs the child, and kills it when it says so many things; did it end by itself? */
  function childEnds(says: number): Promise<boolean> {
    return new Promise((resolve) => {
      const file = fileURLToPath(new URL('reproduce-child.ts', import.meta.url))
      const child = spawn(process.execPath, ['--import', 'tsx', file, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
      let said = ''
      child.stdout.on('data', (data: Buffer) => {
        said += data.toString()
        if (said.split('\n').length > says) child.kill('SIGKILL')
      })
      child.on('close', (_, signal) => resolve(signal === null))
    })
  }

  it('interrupted keeps what is done and draws it', async () => {
    const controller = new AbortController()
    const figure = fakeFigure({
      onCell: (key) => key === 'kind/2' && controller.abort(),
      errors: { 'kind/2': new Error('stopped') },
    })
    const result = await reproduce([figure, fakeFigure({ name: 'fig3' })], options({ signal: controller.signal }))
    expect(result).toMatchObject({
      ended: 'interrupted',
      figures: [{ figure: 'fig2', cells: { all: 6, done: 2 }, failed: {} }],
    })
    expect(result.report).toBeUndefined()
    expect(text('fig2', 'fig2.svg')).toContain('1 rows')
    expect(existsSync(at('fig3'))).toBe(false)
  })

  it('records cells that cannot be computed, and goes on', async () => {
    const errors = { 'kind/1': NOT_FINITE, 'kind/3': new TypeError('x is undefined') }
    const result = await reproduce([fakeFigure({ errors }), fakeFigure({ name: 'fig3' })], options())
    expect(result.figures.map(({ figure, cells }) => [figure, cells.done])).toEqual([
      ['fig2', 5],
      ['fig3', 6],
    ])
    expect(result.figures[0]).toMatchObject({
      skipped: { 'kind/1': 'the loss is not finite' },
      failed: { 'kind/3': 'x is undefined' },
    })
    expect([...result.errors.keys()]).toEqual(['fig2'])
    expect(cellsIn()[1]).toEqual({ key: 'kind/1', rows: 0, skipped: 'the loss is not finite' })
    // What was not foreseen is tried again, and its rows come where they belong; what is known to fail is not.
    const begun: string[] = []
    await reproduce([fakeFigure({ onCell: (key) => begun.push(key) })], options())
    expect(begun).toEqual(['kind/3'])
    expect(cellsIn().map((cell) => (cell as CellRecord).key)).toEqual([
      'kind/0',
      'kind/1',
      'kind/2',
      'kind/3',
      'kind/4',
      'kind/5',
    ])
  })

  it('skips cells whose data set is not to be had, and computes them once it is', async () => {
    const set = { network: 'MLP 1×1' }
    let asked = 0
    const dataset = (): Promise<never> => {
      asked++
      return Promise.reject(new ModelError('CIFAR-100 cannot be fetched'))
    }
    const result = await reproduce([fakeFigure()], options({ set, dataset }))
    expect(result.figures[0]?.skipped['kind/5']).toBe('CIFAR-100 cannot be fetched')
    expect(asked).toBe(1)
    const again = await reproduce([fakeFigure()], options({ set, dataset: () => Promise.resolve({} as never) }))
    expect(again.figures[0]).toMatchObject({ skipped: {}, cells: { done: 6 } })
  })

  it('refuses a folder with other settings, a process beside it, and what it does not know', async () => {
    await reproduce([fakeFigure()], options())
    await expect(reproduce([fakeFigure()], options({ set: { cells: 5 } }))).rejects.toThrow(
      /fig2.* was computed with cells 6, not 5; choose another folder with -o, or start the figure anew with --force/,
    )
    await expect(reproduce([fakeFigure()], options({ scale: 'quick' }))).rejects.toThrow('scale paper, not quick')
    expect(cellsIn()).toHaveLength(6)
    await reproduce([fakeFigure()], options({ set: { cells: 5 }, force: true }))
    expect(cellsIn()).toHaveLength(5)
    const lock = await RunLock.take(folder)
    await expect(reproduce([fakeFigure()], options({ set: { cells: 5 } }))).rejects.toThrow(
      'is computing figures there; wait for it',
    )
    lock.release()
  })
})

describe('settings', () => {
  const figures: readonly Figure[] = [fakeFigure(), fakeFigure({ name: 'fig3' })]

  it('are replaced by values of the same type, for all figures or one', () => {
    const set = parseOverrides(['seeds=[4, 5]', 'fig3.cells=2', 'network=MLP 2×8'])
    expect([...settingsOf(figures, 'quick', set).values()]).toEqual([
      { cells: 4, seeds: [4, 5], network: 'MLP 2×8', batchSizes: [8, 64] },
      { cells: 2, seeds: [4, 5], network: 'MLP 2×8', batchSizes: [8, 64] },
    ])
  })

  it.each([
    ['epochs=3', "no setting 'epochs' in fig2, fig3; there are batchSizes, cells, network, seeds"],
    ['fig3.epochs=3', "no setting 'fig3.epochs' in fig3; there are"],
    ['fig9.cells=3', "no setting 'fig9.cells' in fig2, fig3"],
    ['cells=[3]', 'fig2, cells = [3]: expected a number, as 4, got a list of numbers'],
    ['seeds=3', 'fig2, seeds = 3: expected a list of numbers, as [1], got a number'],
    ['seeds=[a]', 'got a list of strings'],
    ['cells=.nan', 'expected a number'],
    ['cells=1.5', 'fig2, cells = 1.5: expected a whole number, got 1.5'],
    ['cells=-1', 'expected a number of at least 0, got -1'],
    ['cells=1e9', 'expected at most 100000, got 1000000000'],
    ['seeds=[1, .inf]', 'expected a number of at least 0'],
    ['seeds=[1, 1]', 'expected each value once, got 1'],
    ['seeds=[]', 'expected one value or more, got []'],
    ['batchSizes=[8, 0]', 'fig2, batchSizes = [8,0]: expected at least 1, got 0'],
    ['network=Net', "fig2, network: there is no network 'Net': expected a label such as"],
    ['cells', 'expected KEY=VALUE'],
    ['cells={', 'the value is not YAML'],
  ])('%s is refused', (text, message) => {
    const attempt = (): unknown => settingsOf(figures, 'quick', parseOverrides([text]))
    expect(attempt).toThrow(ModelError)
    expect(attempt).toThrow(message)
    expect(attempt).not.toThrow('\n')
  })

  it('that differ from the paper’s are said', () => {
    const paper: Settings = {
      epochs: 100,
      ranges: [1, 2, 3, 4, 5, 6, 7, 8],
      batchSizes: [8, 64],
      images: 50000,
      exact: true,
    }
    expect(reducedFrom(paper, paper)).toEqual([])
    expect(reducedFrom({ epochs: 3, ranges: [1], batchSizes: [8], images: 2000, exact: false }, paper)).toEqual([
      'epochs 3 (paper: 100)',
      'ranges: 1 value (paper: 8)',
      'batch sizes 8 (paper: 8, 64)',
      'images 2,000 (paper: 50,000)',
      'exact no (paper: yes)',
    ])
  })
})

describe('rows', () => {
  const file = (keep: (record: CellRecord) => boolean = () => true): RowsFile => new RowsFile(folder, keep)

  it('are rewritten so that a process killed on the way loses nothing', () => {
    const rows = file()
    rows.add({ key: 'b', seconds: 1 }, [{ x: 1 }, { x: 2 }])
    rows.add({ key: 'a', seconds: 1 }, [{ x: 0 }])
    const [rowsText, cellsText] = [text('rows.jsonl'), text('cells.jsonl')]
    // Killed between the two files, or before both.
    writeFileSync(at('rewrite.json'), JSON.stringify({ rows: rowsText, cells: cellsText }))
    writeFileSync(at('rows.jsonl'), '')
    expect([...file().cells.keys()]).toEqual(['b', 'a'])
    expect(existsSync(at('rewrite.json'))).toBe(false)
    expect(file().sort(['a', 'b'])).toEqual([{ x: 0 }, { x: 1 }, { x: 2 }])
    expect(text('cells.jsonl').split('\n')[0]).toContain('"a"')
    expect([...file(({ key }) => key === 'b').cells.keys()]).toEqual(['b'])
    expect(text('rows.jsonl')).toBe('{"x":1}\n{"x":2}\n')
  })
})

describe('a folder that somebody has damaged', () => {
  const damage = (name: string, change: (text: string) => string): void =>
    writeFileSync(at('fig2', name), change(text('fig2', name)))

  it.each([
    ['rows.jsonl', (text: string) => text.slice(0, -10), ['kind/5']],
    ['rows.jsonl', (text: string) => text.replace(/"row":1/, '"row":[[[1]]]'), ['kind/2']],
    ['rows.jsonl', () => '', ['kind/1', 'kind/2', 'kind/3', 'kind/4', 'kind/5']],
    ['cells.jsonl', (text: string) => text.replace('"rows":4', '"rows":"four"'), ['kind/4', 'kind/5']],
    ['cells.jsonl', () => 'null\n7\n', ['kind/0', 'kind/1', 'kind/2', 'kind/3', 'kind/4', 'kind/5']],
    ['rewrite.json', () => '{"rows": 3', []],
  ] as const)('%s: what of it is whole is kept, the rest computed again', async (name, change, again) => {
    await reproduce([fakeFigure()], options())
    const whole = text('fig2', 'rows.jsonl')
    writeFileSync(at('fig2', 'rewrite.json'), JSON.stringify({ rows: whole, cells: text('fig2', 'cells.jsonl') }))
    damage(name, change)
    if (name !== 'rewrite.json') rmSync(at('fig2', 'rewrite.json'))
    const begun: string[] = []
    await reproduce([fakeFigure({ onCell: (key) => begun.push(key) })], options())
    expect(begun).toEqual(again)
    expect(text('fig2', 'rows.jsonl')).toBe(whole)
  })

  it.each([
    ['fig2/settings.json', '{"figure": 1}', 'start the figure anew with --force'],
    ['reproduction.json', '{"scale": "qui', 'remove it'],
  ])('%s: said in a line, with what to do', async (name, content, cure) => {
    await reproduce([fakeFigure()], options())
    writeFileSync(at(name), content)
    await expect(reproduce([fakeFigure()], options())).rejects.toThrow(cure)
    expect(cellsIn()).toHaveLength(6)
  })
})

describe('time left', () => {
  it('is that of the cells that are most alike', () => {
    const times = new CellTimes()
    expect(times.left(['mlp/cifar10/8'])).toBeUndefined()
    times.add('mlp/cifar10/8', 10)
    times.add('mlp/cifar10/64', 30)
    times.add('vgg/cifar10/8', 100)
    expect(times.left(['mlp/random/8'])).toEqual({ seconds: 10, measured: true })
    expect(times.left(['mlp/random/512', 'vgg/random/512'])).toEqual({ seconds: 120, measured: true })
    expect(times.left(['resnet/cifar10/64'])).toEqual({ seconds: 30, measured: false })
    // Half of this one is done after 40 seconds: it will take 40 more, whatever others took.
    expect(times.left([], { key: 'vgg/cifar10/64', seconds: 40, fraction: 0.5 })).toEqual({
      seconds: 40,
      measured: true,
    })
  })
})
