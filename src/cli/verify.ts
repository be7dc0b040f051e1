import { Command } from 'commander'
import { loadModel } from '../runtime/node/load.js'
import { compare } from './compare.js'
import { type CheckOptions, wholeNumber, withCheckOptions, withCommonOptions } from './options.js'
import { terminal } from './terminal.js'
import { modelLine, verifyLines } from './text.js'

const EXAMPLE = `
Examples:
  teleport verify model.onnx moved.onnx
  teleport verify model.onnx moved.onnx --dim batch=1 --dim width=320 --samples 8
  teleport verify model.onnx moved.onnx --inputs digits.npz --json`

interface VerifyCommandOptions extends CheckOptions {
  readonly seed?: number
}

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('Run two models on the same inputs and compare every output.')
    .argument('<a>', 'an .onnx file')
    .argument('<b>', 'another')
    .option('--seed <n>', 'of the drawn inputs (default: 0)', wholeNumber())
  return withCommonOptions(withCheckOptions(command)).addHelpText('after', EXAMPLE).action(verify)
}

async function verify(a: string, b: string, options: VerifyCommandOptions): Promise<void> {
  terminal.progress('reading')
  const [first, second] = [await loadModel(a), await loadModel(b)]
  const report = await compare(first, second, options, { ...(options.seed !== undefined && { seed: options.seed }) })
  terminal.result(report, [modelLine(first), modelLine(second), ...verifyLines(report)])
  if (!report.pass) process.exitCode = 1
}
