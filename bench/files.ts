import { rmSync, statSync } from 'node:fs'
import path from 'node:path'
import type { Model } from '../src/graph/model.js'
import { sizeOf } from '../src/graph/tensor.js'
import { type WriteOptions, writeModel } from '../src/onnx/write.js'
import { nodeFiles } from '../src/runtime/node/files.js'
import { Sketch, vgg16bn } from './networks.js'
import { COMMAND, copyFile, type Cost, inFolder, runNode } from './process.js'
import { type Benchmark, figureTable, median, type Section } from './report.js'

const ROUNDS = 5
const MB = 1e6
const GIB = 2 ** 30

function save(model: Model, file: string, options: WriteOptions = {}): void {
  writeModel(nodeFiles, model, file, options)
}

interface Round {
  readonly copied: number
  readonly moved: Cost
}

/** `cp` and `teleport apply` by turns, each of them making new files. A first round warms the cache up and is not counted. */
function rounds(count: number, files: readonly string[], out: string): Round[] {
  const done: Round[] = []
  const outputs = files.map((_, i) => (i === 0 ? out : `${out}.data`))
  const remove = (): void => outputs.forEach((file) => rmSync(file, { force: true }))
  for (let round = -1; round < count; round++) {
    const copied = files.reduce((sum, file, i) => sum + copyFile(file, outputs[i] as string), 0)
    remove()
    const moved = runNode([COMMAND, 'apply', files[0] as string, '-o', out, '--no-verify'])
    remove()
    if (round >= 0) done.push({ copied, moved })
  }
  return done
}

function startUp(): number[] {
  return Array.from({ length: ROUNDS }, () => runNode([COMMAND, '--help']).seconds)
}

/** `teleport apply` of a file of some 550 MB. */
export const apply: Benchmark = {
  name: 'apply',
  run: () =>
    inFolder((folder): Section => {
      const file = path.join(folder, 'vgg16_bn.onnx')
      save(vgg16bn(1000), file)
      const { size } = statSync(file)
      const done = rounds(ROUNDS, [file], path.join(folder, 'moved.onnx'))
      const copy = median(done.map(({ copied }) => copied))
      return {
        title: 'teleport apply',
        how: `\`teleport apply --no-verify\` of VGG-16-bn (1000 classes, ${(size / MB).toFixed(0)} MB, weights inside the file), the whole process, beside
\`cp\` of the same file; ${ROUNDS} rounds of both by turns after one that warms the cache up. Each writes a new file. The demand is taken
from the median of \`cp\`.`,
        tables: [
          figureTable([
            {
              what: '`teleport apply --no-verify`',
              values: done.map(({ moved }) => moved.seconds),
              unit: 's',
              demand: { limit: 3 * copy + 0.5, text: `≤ 3 × cp + 0.5 s = ${(3 * copy + 0.5).toFixed(2)} s` },
            },
            { what: '`cp`', values: done.map(({ copied }) => copied), unit: 's' },
            {
              what: 'peak memory',
              values: done.map(({ moved }) => moved.peak / MB),
              unit: 'MB',
              digits: 0,
              demand: { limit: (1.3 * size) / MB, text: `≤ 1.3 × file = ${((1.3 * size) / MB).toFixed(0)} MB` },
            },
            { what: 'start-up (`teleport --help`), part of the first line', values: startUp(), unit: 's' },
          ]),
        ],
      }
    }),
}

/** A network of 2.7 GB, one of whose tensors has 540 MB. */
function large(): Model {
  const sketch = new Sketch()
  const widths = [8192, 16384, 8192, ...new Array<number>(6).fill(8192)]
  let x = 'x'
  widths.slice(1).forEach((width, layer) => {
    const weight = sketch.weight(`w${layer}`, [widths[layer] as number, width])
    x = sketch.op('Relu', [sketch.op('MatMul', [x, weight])])
  })
  return sketch.model(x, ['N', 8192])
}

/** The same beyond the 2 GiB that one protobuf message can hold. */
export const external: Benchmark = {
  name: 'external',
  run: () =>
    inFolder((folder): Section => {
      const file = path.join(folder, 'large.onnx')
      const model = large()
      const largest = Math.max(...[...model.graph.initializers.values()].map(({ dims }) => 4 * sizeOf(dims)))
      save(model, file, { layout: 'external' })
      const { size } = statSync(`${file}.data`)
      const done = rounds(3, [file, `${file}.data`], path.join(folder, 'moved.onnx'))
      return {
        title: 'A model beyond 2 GiB',
        how: `\`teleport apply --no-verify\` of a network with external data: ${(size / GIB).toFixed(2)} GiB of weights, the largest tensor ${(largest / GIB).toFixed(2)} GiB; beside
\`cp\` of both files, 3 rounds of both by turns.`,
        tables: [
          figureTable([
            {
              what: 'peak memory',
              values: done.map(({ moved }) => moved.peak / GIB),
              unit: 'GiB',
              demand: {
                limit: 1 + largest / GIB,
                text: `< 1 GiB + largest tensor = ${(1 + largest / GIB).toFixed(2)} GiB`,
              },
            },
            { what: '`teleport apply --no-verify`', values: done.map(({ moved }) => moved.seconds), unit: 's' },
            { what: '`cp`', values: done.map(({ copied }) => copied), unit: 's' },
          ]),
        ],
      }
    }),
}
