import { setTimeout } from 'node:timers/promises'
import type { Cell, Figure, Row } from '../../src/experiments/figure.js'
import { ModelError } from '../../src/graph/model.js'

type FakeSettings = {
  readonly cells: number
  readonly seeds: readonly number[]
  readonly network: string
  readonly batchSizes: readonly number[]
}

/** What cells of fakes do beside giving rows, by key. */
export interface FakeOptions {
  readonly name?: string
  /** Called when a cell begins. */
  readonly onCell?: (key: string) => void
  /** What a cell throws instead of giving rows. */
  readonly errors?: Readonly<Record<string, Error>>
  /** Milliseconds that a cell takes. */
  readonly delay?: number
}

/** A figure whose cell `kind/i` gives i rows. */
export function fakeFigure({ name = 'fig2', onCell, errors = {}, delay = 0 }: FakeOptions = {}): Figure<FakeSettings> {
  const paper: FakeSettings = { cells: 6, seeds: [1, 2, 3], network: 'MLP 3×8', batchSizes: [8, 64] }
  return {
    name,
    title: 'A fake',
    question: 'Does it go on?',
    needs: [],
    settings: { paper, quick: { ...paper, cells: 4, seeds: [1] } },
    cells: (settings) =>
      Array.from({ length: settings.cells }, (_, i): Cell => {
        const key = `kind/${i}`
        return {
          key,
          run: async ({ onProgress, dataset }) => {
            onCell?.(key)
            if (delay > 0) await setTimeout(delay)
            onProgress(0.5)
            // Its name stands for whatever needs that.
            if (settings.network === 'MLP 1×1') await dataset('cifar100')
            const error = errors[key]
            if (error !== undefined) throw error
            return Array.from({ length: i }, (_, row): Row => ({ cell: key, row, value: i / 3, text: 'é, "x"' }))
          },
        }
      }),
    plots: (rows) => [
      {
        name,
        svg: `<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><title>${rows.length} rows</title></svg>`,
        caption: `${rows.length} rows.`,
      },
    ],
    claims: () => [],
  }
}

export const NOT_FINITE = new ModelError('the loss is not finite')
