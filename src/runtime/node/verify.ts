import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Model } from '../../graph/model.js'
import { type VerifyOptions, type VerifyReport, verify as verifyWith } from '../../teleport/verify.js'
import type { Place } from '../open.js'
import { saveModel } from './load.js'
import { nodeRuntime } from './session.js'

/** A folder of its own in the system's temporary folder, which `remove` deletes with all that is in it. */
export const temporaryPlace: Place = async (model) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'teleport-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  const file = path.join(folder, 'model.onnx')
  try {
    await saveModel(model, file)
  } catch (error) {
    await remove()
    throw error
  }
  return { path: file, remove }
}

/**
 * Runs two models on the same inputs and compares every output, with ONNX Runtime on the CPU; large models that are not in a
 * file go by way of the temporary folder. See `VerifyOptions` for the defaults.
 * @throws ModelError if their inputs or outputs do not match, or if the runtime refuses a model or its inputs
 */
export async function verify(a: Model, b: Model, options: Partial<VerifyOptions> = {}): Promise<VerifyReport> {
  return await verifyWith(a, b, { runtime: nodeRuntime, place: temporaryPlace, ...options })
}
