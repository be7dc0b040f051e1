import { ModelError } from '../graph/model.js'
import type { Value } from '../graph/value.js'

/** The scalar inputs of a training step's graph that an update may use. */
export interface UpdateScalars {
  /** The learning rate, of the parameter's type. */
  readonly lr: Value
  /** Which update this is since the optimiser's state was zero, from 1, int64; there if the optimiser counts them. */
  readonly update?: Value
}

/** What one parameter becomes, and its states, in the order of `Optimizer.states`. */
export interface Updated {
  readonly parameter: Value
  readonly states: readonly Value[]
}

/**
 * An optimiser: a description, and the piece of graph that updates one parameter. Its states have the parameter's shape and type and
 * begin as zeros. Made by `sgd`, `adam` and `adamw`.
 */
export interface Optimizer {
  readonly name: 'sgd' | 'adam' | 'adamw'
  /** The learning rate that schedules begin with. It is an input of the graph; the other settings are constants in it. */
  readonly lr: number
  /** All settings, under PyTorch's names, for reports and checkpoints. */
  readonly settings: Readonly<Record<string, number | boolean | readonly number[]>>
  /** What is kept for each parameter between steps, under PyTorch's names: `momentum_buffer`; `exp_avg`, `exp_avg_sq`. */
  readonly states: readonly string[]
  /** True if `update` reads `scalars.update`, the number of updates. */
  readonly countsUpdates: boolean
  readonly update: (parameter: Value, gradient: Value, states: readonly Value[], scalars: UpdateScalars) => Updated
}

/** @throws ModelError unless a setting is a finite number from `least` on */
export function checkSetting(optimizer: string, name: string, value: number, least: number): void {
  if (!Number.isFinite(value) || value < least)
    throw new ModelError(`${optimizer}: ${name} is ${value}; expected a number${least === 0 ? ' from 0 on' : ''}`)
}
