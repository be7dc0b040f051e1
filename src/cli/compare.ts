import { ModelError, type Model } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { readNpz } from '../runtime/npz.js'
import { verify } from '../runtime/node/verify.js'
import type { VerifyOptions, VerifyReport } from '../teleport/verify.js'
import type { CheckOptions } from './options.js'
import { readInput } from './outputs.js'
import { terminal } from './terminal.js'

/** Runs two models on the same inputs, as the command's options have it. */
export async function compare(
  a: Model,
  b: Model,
  options: CheckOptions,
  more: Partial<VerifyOptions> = {},
): Promise<VerifyReport> {
  const { inputs, samples, dim, tolerance, threads } = options
  if (inputs !== undefined && (samples !== undefined || dim !== undefined))
    throw new ModelError(
      `--inputs gives what to run on, so --${samples === undefined ? 'dim' : 'samples'} has no meaning`,
    )
  terminal.progress('running both models')
  const report = await verify(a, b, {
    ...more,
    ...(inputs !== undefined && { inputs: inputs.map((file) => readNpz(readInput(file), quoted(file))) }),
    ...(samples !== undefined && { samples }),
    ...(dim !== undefined && { dims: dim }),
    ...(tolerance !== undefined && { tolerance }),
    ...(threads !== undefined && { threads }),
  })
  for (const warning of report.warnings) terminal.warn(warning)
  return report
}
