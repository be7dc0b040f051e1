import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import * as schedules from '../../src/train/schedule.js'
import type { Schedule } from '../../src/train/schedule.js'
import { fixturePath } from '../support/oracle.js'

interface Case {
  readonly schedule: 'constant' | 'stepDecay' | 'multiStep' | 'cosine' | 'reduceOnPlateau'
  readonly options: never
  readonly metrics?: readonly number[]
  readonly lr: readonly number[]
}

const fixture = JSON.parse(readFileSync(fixturePath('schedules.json'), 'utf8')) as { lr: number; cases: Case[] }

/** The learning rates of epochs; the state goes through JSON each time, as it does in a checkpoint. */
function rates(schedule: Schedule, lr: number, epochs: number, metrics?: readonly number[]): number[] {
  let state = schedule.start(lr)
  return Array.from({ length: epochs }, (_, epoch) => {
    const rate = schedule.lr(state)
    const metric = metrics?.[epoch]
    state = JSON.parse(JSON.stringify(schedule.next(state, metric === undefined ? {} : { metric }))) as typeof state
    return rate
  })
}

describe('schedules are those of PyTorch', () => {
  test.each(fixture.cases)('$schedule $options', ({ schedule: name, options, metrics, lr }) => {
    const found = rates(schedules[name](options), fixture.lr, lr.length, metrics)
    found.forEach((rate, epoch) => expect(rate, `epoch ${epoch}`).toBeCloseTo(lr[epoch]!, 12))
  })
})

describe('schedules', () => {
  test('next gives a new state and leaves the old one alone', () => {
    const schedule = schedules.reduceOnPlateau({ patience: 0 })
    const start = schedule.start(1)
    const next = schedule.next(schedule.next(start, { metric: 1 }), { metric: 1 })
    expect(schedule.lr(next)).toBeCloseTo(0.1)
    expect(schedule.lr(start)).toBe(1)
  })

  test('a metric that is no number is no improvement', () => {
    const schedule = schedules.reduceOnPlateau({ patience: 0 })
    expect(schedule.lr(schedule.next(schedule.start(1), { metric: NaN }))).toBeCloseTo(0.1)
  })

  test('what makes no sense is refused in one line', () => {
    for (const wrong of [
      () => schedules.stepDecay({ size: 0 }),
      () => schedules.stepDecay({ size: 1, gamma: NaN }),
      () => schedules.multiStep({ milestones: [1.5] }),
      () => schedules.cosine({ epochs: -1 }),
      () => schedules.reduceOnPlateau({ factor: 1 }),
      () => schedules.reduceOnPlateau({ patience: -1 }),
      () => schedules.reduceOnPlateau().next({ lr: 1 }),
    ])
      expect(wrong).toThrow(/^[^\n]+ schedule: [^\n]+$/)
  })
})
