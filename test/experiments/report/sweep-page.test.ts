import { parseHTML } from 'linkedom'
import { expect, test } from 'vitest'
import { type SweepResults, sweepPage } from '../../../src/experiments/report/sweep-page.js'
import type { FinishedRun } from '../../../src/sweeps/finished-run.js'

interface Element {
  readonly textContent: string
  querySelectorAll(selector: string): readonly Element[]
}
const parse = parseHTML as unknown as (text: string) => { readonly document: Element }

function run(lr: string, seed: number, losses: readonly number[], reason?: string): FinishedRun {
  return {
    id: `${lr}-${seed}`,
    labels: { lr, seed },
    folder: `/runs/${lr}-${seed}`,
    ended: reason === undefined ? 'finished' : 'failed',
    ...(reason !== undefined && { reason }),
    epochs: losses.map((loss, i) => ({ epoch: i + 1, loss, validationAccuracy: loss / 10, seconds: 30 })),
  } as unknown as FinishedRun
}

function page(runs: readonly FinishedRun[]) {
  const status = { runs: 4, done: 2, failed: 1, running: 0, left: 1 } as unknown as SweepResults['status']
  const text = sweepPage({ folder: 'my sweep', status, runs, versions: { node: '20' } })
  return { text, document: parse(text).document }
}

const RUNS = [run('0.1', 1, [4, 2]), run('0.1', 2, [6, 4]), run('10', 1, [9], 'training diverged: the loss is <NaN>')]

test('runs with labels, results, accuracy and time; a drawing for each axis that varies', () => {
  const { document, text } = page(RUNS)
  const rows = document.querySelectorAll('tbody tr').map((row) => row.querySelectorAll('td'))
  expect(rows.map((cells) => cells.map(({ textContent }) => textContent.trim().replace(/\s+/g, ' ')))).toEqual([
    ['0.1', '1', '✓ finished', '2', '20.00 %', '1 min', '0.1-1'],
    ['0.1', '2', '✓ finished', '2', '40.00 %', '1 min', '0.1-2'],
    [
      '10',
      '1',
      '✗ failed training diverged: the loss is <NaN>'.replace('failed ', 'failed'),
      '1',
      '90.00 %',
      '30 s',
      '10-1',
    ],
  ])
  expect(document.querySelectorAll('figure')).toHaveLength(1)
  expect(document.querySelectorAll('.lead')[0]!.textContent).toMatch(/4 training runs: 2 done, 1 failed,\s+1 not ended/)
  expect(text).toContain(`teleport sweep --resume 'my sweep'`)
  const csv = Buffer.from(/base64,([^"]*)" *>?\s*>epochs\.csv/.exec(text)?.[1] ?? '', 'base64').toString()
  expect(csv.split('\r\n').slice(0, 2)).toEqual([
    'run,lr,seed,epoch,loss,accuracy,validationLoss,validationAccuracy,seconds',
    '0.1-1,0.1,1,1,4,,,0.4,30',
  ])
})

test('epochs are whole numbers on their axis', () => {
  const { document } = page(RUNS.slice(0, 2))
  const ticks = document.querySelectorAll('figure svg text').map(({ textContent }) => textContent)
  expect(ticks.filter((text) => text === '1')).toHaveLength(2)
  expect(ticks).not.toContain('1.5')
})

test('a sweep of which no run has ended', () => {
  const { document, text } = page([])
  expect(text).toContain('No run has ended yet.')
  expect(document.querySelectorAll('table')).toHaveLength(0)
})
