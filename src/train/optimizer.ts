import { isNumber } from '../graph/dims.js'
import { ModelError } from '../graph/model.js'
import { sizeOf } from '../graph/tensor.js'
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
  /** Each new state must depend on all that is computed from the old one: it is written into the same memory. */
  readonly update: (parameter: Value, gradient: Value, states: readonly Value[], scalars: UpdateScalars) => Updated
}

/** @throws ModelError unless a setting is a finite number from `least` on */
export function checkSetting(optimizer: string, name: string, value: number, least: number): void {
  if (!Number.isFinite(value) || value < least)
    throw new ModelError(`${optimizer}: ${name} is ${value}; expected a number${least === 0 ? ' from 0 on' : ''}`)
}

/** Elements from which on it matters that a parameter's products are not computed before they are needed. */
const LARGE = 2 ** 20

/**
 * A scalar constant that is there no earlier than a value. ONNX Runtime computes what depends on inputs alone, as weightDecay · w, before a
 * gradient, and a layer of a hundred million weights then needs the memory of one tensor more.
 */
export function constantAfter(value: Value, number: number): Value {
  const { builder, shape } = value
  const constant = value.constant(number)
  if (shape?.every(isNumber) !== true || sizeOf(shape) < LARGE) return constant
  const first = value.reshape([-1]).gather(builder.constant('int64', [], [0]), 0)
  return builder.op('Where', [first.equal(first), constant, constant])
}
