import { Command } from 'commander'
import { invert } from '../cob/cob.js'
import { quiverOf } from '../quiver/quiver.js'
import { reportOf } from '../quiver/report.js'
import { loadModel } from '../runtime/node/load.js'
import { checkEnd, readCob } from './cob-input.js'
import { move, type MoveOptions } from './move.js'
import { scopeOption, withCheckOptions, withCommonOptions, withOutputOptions } from './options.js'
import { showMove } from './show-move.js'
import { terminal } from './terminal.js'

const EXAMPLE = `
Example:
  teleport apply model.onnx -o moved.onnx --save-cob move.safetensors
  teleport undo moved.onnx --cob move.safetensors -o back.onnx`

interface UndoOptions extends Omit<MoveOptions, 'saveCob'> {
  readonly cob: string
  readonly scope?: 'weights' | 'full'
}

export function undoCommand(): Command {
  const command = withOutputOptions(
    new Command('undo')
      .description('Take a teleportation back: apply the inverse of its change of basis.')
      .argument('<model>', 'the teleported .onnx file'),
  )
    .requiredOption('--cob <file>', 'the change of basis that apply --save-cob kept')
    .addOption(scopeOption())
    .option('--no-verify', 'do not run the two models')
  return withCommonOptions(withCheckOptions(command)).addHelpText('after', EXAMPLE).action(undo)
}

async function undo(file: string, options: UndoOptions): Promise<void> {
  terminal.progress(`reading ${file}`)
  const model = await loadModel(file)
  const saved = readCob(options.cob)
  checkEnd(saved, options.cob, model)
  const quiver = quiverOf(model, { scope: options.scope ?? saved.origin.scope ?? 'weights' })
  const cob = invert(saved)
  const moved = await move(model, quiver, cob, options, [options.cob])
  showMove(model, reportOf(quiver), cob, moved, { title: `inverse of ${options.cob}` })
}
