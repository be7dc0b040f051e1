import { Command, Option } from 'commander'
import { type Cob, exact } from '../cob/cob.js'
import { sampleCob, type SampleReport, type Sampling } from '../cob/sample.js'
import { type Model, ModelError } from '../graph/model.js'
import { type Quiver, quiverOf } from '../quiver/quiver.js'
import { reportOf } from '../quiver/report.js'
import { loadModel } from '../runtime/node/load.js'
import { checkStart, readCob } from './cob-input.js'
import { move, type MoveOptions } from './move.js'
import {
  type ChosenOptions,
  number,
  samplingOption,
  scopeOption,
  wholeNumber,
  withCheckOptions,
  withCommonOptions,
  withOutputOptions,
  withVertexOptions,
} from './options.js'
import { showMove } from './show-move.js'
import { terminal } from './terminal.js'
import { count } from './text.js'

const EXAMPLE = `
Examples:
  teleport apply model.onnx -o moved.onnx
  teleport apply model.onnx -o moved.onnx --scope full --sampling inter --range 0.5 --seed 7 --save-cob move.safetensors
  teleport apply model.onnx -o moved.onnx --exact --include 'features*'`

interface ApplyOptions extends MoveOptions, ChosenOptions {
  readonly scope?: 'weights' | 'full'
  readonly sampling?: Sampling
  readonly range?: number
  readonly seed?: number
  readonly exact?: boolean
  readonly cob?: string
}

export function applyCommand(): Command {
  const command = withOutputOptions(
    new Command('apply')
      .description('Teleport a model, check that its function is the same, and write it.')
      .argument('<model>', 'an .onnx file'),
  )
    .addOption(scopeOption())
    .addOption(samplingOption())
    .option('--range <sigma>', 'CoB-range σ (default: 0.9)', number)
    .option('--seed <n>', 'of the draws (default: 0)', wholeNumber())
    .option('--exact', 'only powers of two: no rounding')
    .addOption(new Option('--cob <file>', 'apply this change of basis').conflicts(['sampling', 'range', 'seed']))
    .option('--save-cob <file>', 'keep the change of basis')
    .option('--no-verify', 'do not run the two models')
  return withCommonOptions(withCheckOptions(withVertexOptions(command)))
    .addHelpText('after', EXAMPLE)
    .action(apply)
}

async function apply(file: string, options: ApplyOptions): Promise<void> {
  terminal.progress(`reading ${file}`)
  const model = await loadModel(file)
  const { quiver, cob, drawn } = options.cob === undefined ? draw(model, options) : read(model, options.cob, options)
  const moved = await move(model, quiver, cob, options, options.cob === undefined ? [] : [options.cob])
  const { sampling, range, seed } = cob.origin
  showMove(model, reportOf(quiver), cob, moved, {
    title:
      options.cob === undefined ? `sampling ${sampling}, σ ${range}, seed ${seed}` : `change of basis ${options.cob}`,
    data: { ...(drawn && { redrawn: drawn.redrawn, signsDropped: drawn.signsDropped, rounded: drawn.rounded }) },
    notes: drawn === undefined ? [] : drawnNotes(drawn),
  })
}

interface Chosen {
  readonly quiver: Quiver
  readonly cob: Cob
  readonly drawn?: SampleReport
}

function draw(model: Model, options: ApplyOptions): Chosen {
  const { scope = 'weights', include, exclude, sampling, range, seed } = options
  const quiver = quiverOf(model, { scope, ...(include && { include }), ...(exclude && { exclude }) })
  const { report, ...cob } = sampleCob(quiver, {
    ...(sampling && { sampling }),
    ...(range !== undefined && { range }),
    ...(seed !== undefined && { seed }),
    exact: options.exact === true,
  })
  return { quiver, cob, drawn: report }
}

function read(model: Model, file: string, options: ApplyOptions): Chosen {
  if (options.include !== undefined || options.exclude !== undefined)
    throw new ModelError('--cob gives every factor, so --include and --exclude have no meaning; leave them out')
  const saved = readCob(file)
  checkStart(saved, file, model)
  const cob = options.exact === true ? exact(saved) : saved
  return { quiver: quiverOf(model, { scope: options.scope ?? cob.origin.scope ?? 'weights' }), cob }
}

function drawnNotes({ redrawn, signsDropped, rounded }: SampleReport): string[] {
  const notes: string[] = []
  if (signsDropped > 0) notes.push(`${count(signsDropped)} negative signs were dropped where τ must be positive`)
  if (redrawn > 0) notes.push(`${count(redrawn)} factors were drawn again, being too near 0`)
  if (rounded > 0)
    notes.push(`${count(rounded)} factors were rounded to powers of two, since their values are rounded later`)
  return notes
}
