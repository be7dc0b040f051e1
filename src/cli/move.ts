import type { Cob } from '../cob/cob.js'
import { encodeCob } from '../cob/file.js'
import { type Model, ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import type { Quiver } from '../quiver/quiver.js'
import { loadModel, saveModel } from '../runtime/node/load.js'
import { type Distance, distanceBetween } from '../teleport/distance.js'
import { type Changes, teleport } from '../teleport/teleport.js'
import type { VerifyReport } from '../teleport/verify.js'
import { scaleFields } from '../teleport/verify-fields.js'
import { withModels } from './cob-input.js'
import { compare } from './compare.js'
import type { CheckOptions, OutputOptions } from './options.js'
import { isSamePlace, Outputs, writeStaged } from './outputs.js'
import { terminal } from './terminal.js'

export interface MoveOptions extends OutputOptions, CheckOptions {
  readonly verify: boolean
  readonly saveCob?: string
}

export interface Moved {
  readonly changes: Changes
  /** Null without verification. */
  readonly verify: VerifyReport | null
  readonly distance: Distance | null
  /** Null if the check failed: nothing was written then. */
  readonly output: string | null
}

/**
 * Moves `model`, writes the result beside its place, compares what was written with `model`, and only then puts it into its place.
 * @param inputs files that are read, besides the model's own
 */
export async function move(
  model: Model,
  quiver: Quiver,
  cob: Cob,
  options: MoveOptions,
  inputs: readonly string[] = [],
): Promise<Moved> {
  const { output, saveCob } = options
  const outputs = new Outputs(options.force === true)
  try {
    const read = [...(model.storage === undefined ? [] : [model.storage.path]), ...inputs]
    const staged = outputs.stage(output, read)
    // Who replaces the input itself has no more use for its data.
    if (model.storage !== undefined && !isSamePlace(output, model.storage.path))
      outputs.keep(model.storage.dataPaths, model.storage.path)
    const stagedCob = saveCob === undefined ? undefined : outputs.stage(saveCob, read)
    return await named(staged, output, async () => {
      const moved = teleport(model, quiver, cob)
      terminal.progress(`writing ${output}`)
      await saveModel(moved, staged, {
        ...(options.layout !== undefined && { layout: options.layout }),
        onNotice: (line) => terminal.warn(rename(line, staged, output)),
      })
      const { changes } = moved
      if (!options.verify && stagedCob === undefined) {
        outputs.commit()
        return { changes, verify: null, distance: null, output }
      }
      const written = await loadModel(staged)
      const report = options.verify
        ? await compare(model, written, options, { fieldOf: scaleFields(quiver, cob) })
        : null
      const distance = options.verify ? distanceBetween(model, written) : null
      if (report?.pass === false) return { changes, verify: report, distance, output: null }
      if (stagedCob !== undefined && saveCob !== undefined)
        writeStaged(stagedCob, saveCob, encodeCob(withModels(cob, model, written, output)))
      outputs.commit()
      return { changes, verify: report, distance, output }
    })
  } finally {
    outputs.discard()
  }
}

/** Errors speak of the file that the user asked for, not of where it is being made. */
async function named<T>(staged: string, target: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    throw new ModelError(rename(error.message, staged, target), { cause: error })
  }
}

function rename(text: string, staged: string, target: string): string {
  return text.replaceAll(quoted(staged), quoted(target)).replaceAll(staged, target)
}
