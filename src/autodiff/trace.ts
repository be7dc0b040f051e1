import { streamOf } from '../cob/stream.js'
import { ModelError } from '../graph/model.js'
import type { SymmetricOperator } from './hessian.js'
import { dot, randomSigns } from './vectors.js'

export interface TraceOptions {
  /** Random vectors, and so products, at most; default 100. */
  readonly samples?: number
  /** Stop as soon as the standard error is at most this part of the estimate, after ten samples at the earliest. Default: never. */
  readonly tolerance?: number
  /** Default 0. */
  readonly seed?: number
}

export interface Trace {
  readonly value: number
  /** Of `value`; with more than a few samples the trace lies within two of it in about 95 % of cases. */
  readonly standardError: number
  readonly samples: number
}

const FEWEST = 10

/**
 * The trace of a symmetric operator, e.g. of a loss's `Hessian`, as the mean of vᵀHv over vectors of random signs (Hutchinson 1990, whose variance
 * is 2·Σ of the squares off the diagonal).
 */
export async function trace(operator: SymmetricOperator, options: TraceOptions = {}): Promise<Trace> {
  const { samples = 100, tolerance = 0, seed = 0 } = options
  if (!Number.isInteger(samples) || samples < 2)
    throw new ModelError(`samples is ${samples}; expected a whole number from 2 on`)
  const stream = streamOf(seed, 'trace')
  let mean = 0
  /** Σ (x − mean)², updated as samples come in (Welford). */
  let squares = 0
  for (let count = 1; ; count++) {
    const signs = randomSigns(operator.size, stream)
    const sample = dot(signs, await operator.apply(signs))
    const before = sample - mean
    mean += before / count
    squares += before * (sample - mean)
    const standardError = count > 1 ? Math.sqrt(squares / (count - 1) / count) : Infinity
    const enough = count >= FEWEST && standardError <= tolerance * Math.abs(mean)
    if (count === samples || (tolerance > 0 && enough)) return { value: mean, standardError, samples: count }
  }
}
