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
