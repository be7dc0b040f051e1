import { ModelError } from '../graph/model.js'

/** What a schedule remembers between epochs; plain JSON, for checkpoints. */
export type ScheduleState = Readonly<Record<string, number>>

/**
 * How the learning rate changes from epoch to epoch. A schedule is a description with pure functions: whoever trains keeps its state.
 *
 *     let state = schedule.start(lr)
 *     for each epoch: train with schedule.lr(state); state = schedule.next(state, { metric })
 */
export interface Schedule {
  readonly name: 'constant' | 'step' | 'multiStep' | 'cosine' | 'reduceOnPlateau'
  /** All settings, for reports and checkpoints. */
  readonly settings: Readonly<Record<string, number | string | readonly number[]>>
  /** The state before the first epoch, with the optimiser's learning rate. */
  readonly start: (lr: number) => ScheduleState
  /** The learning rate of the epoch that the state belongs to. */
  readonly lr: (state: ScheduleState) => number
  /**
   * The state of the next epoch. `metric` is what `reduceOnPlateau` watches (e.g. the validation loss of the epoch that ended).
   * @throws ModelError where a metric is needed and not given
   */
  readonly next: (state: ScheduleState, epoch?: { readonly metric?: number }) => ScheduleState
}

/** The learning rate stays. */
export function constant(): Schedule {
  return byEpoch('constant', {}, (lr) => lr)
}

/**
 * The learning rate times `gamma` (default 0.1) after every `size` epochs: torch.optim.lr_scheduler.StepLR.
 * @throws ModelError for settings that make no sense
 */
export function stepDecay({ size, gamma = 0.1 }: { readonly size: number; readonly gamma?: number }): Schedule {
  check('step schedule', 'size', size, isCount)
  check('step schedule', 'gamma', gamma, isFactor)
  return byEpoch('step', { size, gamma }, (lr, epoch) => lr * gamma ** Math.floor(epoch / size))
}

/**
 * The learning rate times `gamma` (default 0.1) after each of these epochs (from 0; one that is named twice counts twice):
 * torch.optim.lr_scheduler.MultiStepLR. @throws ModelError for settings that make no sense
 */
export function multiStep(options: { readonly milestones: readonly number[]; readonly gamma?: number }): Schedule {
  const { milestones, gamma = 0.1 } = options
  for (const milestone of milestones)
    check('multi-step schedule', 'milestones', milestone, (value) => Number.isSafeInteger(value) && value >= 0)
  check('multi-step schedule', 'gamma', gamma, isFactor)
  const passed = (epoch: number) => milestones.filter((milestone) => milestone <= epoch).length
  return byEpoch('multiStep', { milestones, gamma }, (lr, epoch) => lr * gamma ** passed(epoch))
}

/**
 * From the learning rate down to `minimum` (default 0) in `epochs` epochs, on half a cosine, and, if training goes on, up again:
 * torch.optim.lr_scheduler.CosineAnnealingLR. @throws ModelError for settings that make no sense
 */
export function cosine({ epochs, minimum = 0 }: { readonly epochs: number; readonly minimum?: number }): Schedule {
  check('cosine schedule', 'epochs', epochs, isCount)
  check('cosine schedule', 'minimum', minimum, (value) => value >= 0)
  const settings = { epochs, minimum }
  return byEpoch(
    'cosine',
    settings,
    (lr, epoch) => minimum + ((lr - minimum) * (1 + Math.cos((Math.PI * epoch) / epochs))) / 2,
  )
}

/** What `reduceOnPlateau` does, by PyTorch's names and defaults. */
export interface PlateauOptions {
  /** What is better: a smaller metric (a loss), or a larger one (an accuracy). Default 'min'. */
  readonly mode?: 'min' | 'max'
  /** Default 0.1. */
  readonly factor?: number
  /** Epochs without improvement that are borne; after one more the learning rate is reduced. Default 10. */
  readonly patience?: number
  /** By how much a metric must be better than the best; default 1e-4. */
  readonly threshold?: number
  /** `rel`: the threshold is a fraction of the best. Default 'rel'. */
  readonly thresholdMode?: 'rel' | 'abs'
  /** Epochs after a reduction that do not count. Default 0. */
  readonly cooldown?: number
  /** Default 0. */
  readonly minimum?: number
  /** A change smaller than this is not made. Default 1e-8. */
  readonly eps?: number
}

/**
 * Reduces the learning rate when a metric no longer improves: torch.optim.lr_scheduler.ReduceLROnPlateau.
 * @throws ModelError for settings that make no sense
 */
export function reduceOnPlateau(options: PlateauOptions = {}): Schedule {
  const { mode = 'min', factor = 0.1, patience = 10, threshold = 1e-4, thresholdMode = 'rel' } = options
  const { cooldown = 0, minimum = 0, eps = 1e-8 } = options
  const what = 'reduce-on-plateau schedule'
  check(what, 'factor', factor, (value) => value > 0 && value < 1)
  for (const [name, value] of Object.entries({ patience, cooldown }))
    check(what, name, value, (count) => Number.isSafeInteger(count) && count >= 0)
  for (const [name, value] of Object.entries({ threshold, minimum, eps }))
    check(what, name, value, (number) => Number.isFinite(number) && number >= 0)

  const sign = mode === 'min' ? -1 : 1
  const isBetter = (metric: number, best: number) =>
    sign * metric > sign * (thresholdMode === 'rel' ? best * (1 + sign * threshold) : best + sign * threshold)
  return {
    name: 'reduceOnPlateau',
    settings: { mode, factor, patience, threshold, thresholdMode, cooldown, minimum, eps },
    // `best` is there once there was a metric: JSON has no infinity.
    start: (lr) => ({ lr, bad: 0, cooling: 0 }),
    lr: ({ lr = 0 }) => lr,
    next({ lr = 0, bad = 0, cooling = 0, ...rest }, { metric } = {}) {
      if (metric === undefined)
        throw new ModelError(`${what}: it needs a metric after each epoch, e.g. the validation loss; none was given`)
      const better = rest.best === undefined ? !Number.isNaN(metric) : isBetter(metric, rest.best)
      const best = better ? { best: metric } : rest
      const waited = better || cooling > 0 ? 0 : bad + 1
      if (waited <= patience) return { ...best, lr, bad: waited, cooling: Math.max(0, cooling - 1) }
      const reduced = Math.max(lr * factor, minimum)
      return { ...best, lr: lr - reduced > eps ? reduced : lr, bad: 0, cooling: cooldown }
    },
  }
}

/** A schedule that depends on the epoch's number alone. */
function byEpoch(
  name: Schedule['name'],
  settings: Schedule['settings'],
  at: (lr: number, epoch: number) => number,
): Schedule {
  return {
    name,
    settings,
    start: (lr) => ({ lr, epoch: 0 }),
    lr: ({ lr = 0, epoch = 0 }) => at(lr, epoch),
    next: ({ lr = 0, epoch = 0 }) => ({ lr, epoch: epoch + 1 }),
  }
}

const isCount = (value: number) => Number.isSafeInteger(value) && value > 0
const isFactor = (value: number) => Number.isFinite(value) && value > 0

function check(schedule: string, name: string, value: number, fits: (value: number) => boolean): void {
  if (!fits(value))
    throw new ModelError(`${schedule}: ${name} is ${value}, which makes no sense here; see its description`)
}
