import { type SampleOptions, sampleCob } from '../../src/cob/sample.js'
import { isFloat } from '../../src/graph/dtype.js'
import type { Model } from '../../src/graph/model.js'
import type { Scope } from '../../src/ops/rule.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { type QuiverReport, reportOf } from '../../src/quiver/report.js'
import { numberReader } from '../../src/runtime/host.js'
import { nodeRuntime } from '../../src/runtime/node/session.js'
import { openModel } from '../../src/runtime/open.js'
import type { HostTensor, HostTensors, SessionOptions } from '../../src/runtime/session.js'
import { type TeleportedModel, teleport } from '../../src/teleport/teleport.js'

/** How far two runs of a network lie apart. */
export interface Distance {
  /** max|y − y'| ÷ max|y|, the worst output's. Infinity where shapes or integers differ, or where one alone is no number. */
  readonly error: number
  /** Every output has the same bits, but for the sign of zeros. */
  readonly identical: boolean
}

/** One thread, and no more rewriting than folding constants: what the network says is compared, not what fused kernels make of it. */
export async function run(
  model: Model,
  feeds: HostTensors,
  options: SessionOptions = {},
): Promise<Map<string, HostTensor>> {
  const [outputs] = await runAll(model, [feeds], options)
  return outputs ?? new Map<string, HostTensor>()
}

async function runAll(
  model: Model,
  samples: readonly HostTensors[],
  options: SessionOptions,
): Promise<Map<string, HostTensor>[]> {
  const session = await openModel(nodeRuntime, model, { threads: 1, optimization: 'basic', ...options })
  try {
    const results: Map<string, HostTensor>[] = []
    for (const feeds of samples) results.push(await session.run(feeds))
    return results
  } finally {
    await session.release()
  }
}

export function distance(before: HostTensors, after: HostTensors): Distance {
  let error = 0
  let identical = true
  for (const [name, expected] of before) {
    const actual = after.get(name)
    if (actual === undefined) return { error: Infinity, identical: false }
    const own = distanceOf(expected, actual)
    error = Math.max(error, own.error)
    identical &&= own.identical
  }
  return { error, identical }
}

function distanceOf(expected: HostTensor, actual: HostTensor): Distance {
  const different = { error: Infinity, identical: false }
  const read = numberReader(expected)
  const other = numberReader(actual)
  if (read === undefined || other === undefined || expected.dtype !== actual.dtype) return different
  if (expected.dims.length !== actual.dims.length || expected.dims.some((dim, i) => dim !== actual.dims[i]))
    return different
  let difference = 0
  let largest = 0
  let identical = true
  for (let i = 0; i < expected.data.length; i++) {
    const [y, z] = [read(i), other(i)]
    if (Object.is(y, z)) {
      if (Number.isFinite(y)) largest = Math.max(largest, Math.abs(y))
      continue
    }
    // Where a network is zero it may be −0 after a change of sign.
    if (y !== z) identical = false
    if (!Number.isFinite(y) || !Number.isFinite(z)) return different
    difference = Math.max(difference, Math.abs(y - z))
    largest = Math.max(largest, Math.abs(y))
  }
  if (difference === 0) return { error: 0, identical }
  return { error: isFloat(expected.dtype) && largest > 0 ? difference / largest : Infinity, identical }
}

/** A network, teleported in one way. */
export interface Trial {
  readonly scope: Scope
  readonly sample: SampleOptions
}

export interface TrialResult extends Distance {
  readonly trial: Trial
  readonly moved: TeleportedModel
}

/** How far a network may move, and what moving it in several ways does to its outputs, the worst of all samples. */
export interface Survey {
  readonly reports: Readonly<Record<Scope, QuiverReport>>
  readonly trials: readonly TrialResult[]
}

export async function survey(
  model: Model,
  samples: readonly HostTensors[],
  trials: readonly Trial[],
  options: SessionOptions = {},
): Promise<Survey> {
  const quivers = { weights: quiverOf(model, { scope: 'weights' }), full: quiverOf(model, { scope: 'full' }) }
  const before = await runAll(model, samples, options)
  const results: TrialResult[] = []
  for (const trial of trials) {
    const quiver = quivers[trial.scope]
    const moved = teleport(model, quiver, sampleCob(quiver, trial.sample))
    const after = await runAll(moved, samples, options)
    const distances = before.map((outputs, i) => distance(outputs, after[i] ?? new Map<string, HostTensor>()))
    results.push({
      trial,
      moved,
      error: Math.max(...distances.map(({ error }) => error)),
      identical: distances.every(({ identical }) => identical),
    })
  }
  return { reports: { weights: reportOf(quivers.weights), full: reportOf(quivers.full) }, trials: results }
}
