import { Command } from 'commander'
import path from 'node:path'
import { quiverSvg } from '../plot/quiver-svg.js'
import { quiverOf } from '../quiver/quiver.js'
import { reportOf, vertexReports } from '../quiver/report.js'
import { loadModel } from '../runtime/node/load.js'
import { type ChosenOptions, type CommonOptions, scopeOption, withCommonOptions, withVertexOptions } from './options.js'
import { Outputs, writeStaged } from './outputs.js'
import { terminal } from './terminal.js'
import { modelLine, quiverLines, vertexLines } from './text.js'

const EXAMPLE = `
Examples:
  teleport inspect model.onnx
  teleport inspect model.onnx --scope full --vertices
  teleport inspect model.onnx --svg quiver.svg`

interface InspectOptions extends CommonOptions, ChosenOptions {
  readonly scope?: 'weights' | 'full'
  readonly vertices?: boolean
  readonly svg?: string
  readonly force?: boolean
}

export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description('Show what of a model can move, and why the rest cannot.')
    .argument('<model>', 'an .onnx file')
    .addOption(scopeOption())
    .option('--vertices', 'list every vertex')
    .option('--svg <file>', 'draw the quiver')
    .option('--force', 'replace the drawing if it exists')
  return withCommonOptions(withVertexOptions(command)).addHelpText('after', EXAMPLE).action(inspect)
}

async function inspect(file: string, options: InspectOptions): Promise<void> {
  const { scope = 'weights', include, exclude, svg } = options
  terminal.progress(`reading ${file}`)
  const model = await loadModel(file)
  const quiver = quiverOf(model, { scope, ...(include && { include }), ...(exclude && { exclude }) })
  const report = reportOf(quiver)
  if (svg !== undefined) {
    const outputs = new Outputs(options.force === true)
    try {
      const staged = outputs.stage(svg, [file])
      writeStaged(staged, svg, quiverSvg(quiver, { title: path.basename(file) }))
      outputs.commit()
    } finally {
      outputs.discard()
    }
  }
  const vertices = options.vertices === true ? vertexReports(quiver) : undefined
  terminal.result({ model: file, ...report, seed: null, ...(vertices && { vertexReports: vertices }) }, [
    modelLine(model),
    `scope ${scope}`,
    ...quiverLines(report),
    ...(vertices === undefined ? [] : ['', ...vertexLines(vertices)]),
    ...(svg === undefined ? [] : [`the quiver is drawn in ${svg}`]),
  ])
}
