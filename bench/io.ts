/**
 * Copying a model, read and written, against `cp` of the same bytes; and a model of more than 2 GiB with external data.
 *
 *     npx tsx bench/io.ts [MEGABYTES] [GIGABYTES]
 *
 * Each measurement runs in a process of its own, so that its peak memory is its own.
 */
import { create, toBinary } from '@bufbuild/protobuf'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { GraphProtoSchema, type ModelProto, ModelProtoSchema } from 'onnx-buf'
import type { Model, Tensor } from '../src/graph/model.js'
import { writeModel } from '../src/onnx/write.js'
import { readModel } from '../src/onnx/read.js'
import { nodeFiles } from '../src/runtime/node/files.js'

const [task, from, to] = process.argv.slice(2)
if (task === 'copy') copy(from as string, to as string)
else main(Number(task ?? 500), Number(from ?? 2.5))

function copy(source: string, target: string): void {
  const start = performance.now()
  const model = readModel(nodeFiles, source)
  const read = performance.now() - start
  writeModel(nodeFiles, model, target, { force: true })
  const seconds = (performance.now() - start) / 1000
  print(
    JSON.stringify({
      seconds,
      read: read / 1000,
      rss: process.resourceUsage().maxRSS / 1024,
      layout: model.storage?.layout,
    }),
  )
}

interface Measured {
  readonly seconds: number
  readonly read: number
  readonly rss: number
  readonly layout: string
}

function measure(source: string, target: string): Measured {
  const script = path.resolve(import.meta.dirname, 'io.ts')
  const output = execFileSync(process.execPath, ['--import', 'tsx', script, 'copy', source, target], {
    encoding: 'utf8',
  })
  return JSON.parse(output) as Measured
}

function cp(source: string, target: string): number {
  const start = performance.now()
  execFileSync('cp', ['--sparse=never', source, target])
  return (performance.now() - start) / 1000
}

function main(megabytes: number, gigabytes: number): void {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'teleport-bench-'))
  try {
    inline(folder, megabytes)
    if (gigabytes > 0) external(folder, gigabytes)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

function inline(folder: string, megabytes: number): void {
  const file = path.join(folder, 'inline.onnx')
  writeModel(nodeFiles, synthetic(32, (megabytes * 2 ** 20) / 32), file)
  const target = path.join(folder, 'copy.onnx')
  const times: { cp: number; ours: Measured }[] = []
  cp(file, target)
  for (let i = 0; i < 5; i++) {
    // Every run writes a new file, as the other does.
    fs.rmSync(target, { force: true })
    const reference = cp(file, target)
    fs.rmSync(target, { force: true })
    times.push({ cp: reference, ours: measure(file, target) })
  }
  if (!same(file, target)) throw new Error('the copy differs')
  const middle = times.toSorted((a, b) => a.ours.seconds / a.cp - b.ours.seconds / b.cp)[2]
  if (middle === undefined) return
  print(
    `inline, ${megabytes} MiB: cp ${middle.cp.toFixed(3)} s, read + write ${middle.ours.seconds.toFixed(3)} s (reading ${middle.ours.read.toFixed(3)} s), ratio ${(middle.ours.seconds / middle.cp).toFixed(2)} (median of 5), peak memory ${Math.max(...times.map((t) => t.ours.rss)).toFixed(0)} MiB`,
  )
}

function external(folder: string, gigabytes: number): void {
  const file = path.join(folder, 'external.onnx')
  const size = Math.floor((gigabytes * 2 ** 30) / 40 / 4) * 4
  // A sparse data file: what is read of it are zeros, as many as are asked for.
  const data = fs.openSync(`${file}.data`, 'w')
  fs.ftruncateSync(data, size * 40)
  fs.closeSync(data)
  fs.writeFileSync(file, toBinary(ModelProtoSchema, externalProto(40, size, 'external.onnx.data')))
  const target = path.join(folder, 'external-copy.onnx')
  const reference = cp(`${file}.data`, `${target}.data`)
  fs.rmSync(`${target}.data`)
  const measured = measure(file, target)
  const written = fs.statSync(target).size + fs.statSync(`${target}.data`).size
  print(
    `external, ${(written / 2 ** 30).toFixed(2)} GiB: cp ${reference.toFixed(2)} s, read + write ${measured.seconds.toFixed(2)} s, peak memory ${measured.rss.toFixed(0)} MiB`,
  )
}

/** A chain of MatMuls with one weight each, of `bytes` bytes. */
function synthetic(layers: number, bytes: number): Model {
  const count = Math.floor(bytes / 4)
  const weights = Float32Array.from({ length: count }, (_, i) => Math.sin(i))
  const data = {
    byteLength: 4 * count,
    read: (offset: number, length: number) => new Uint8Array(weights.buffer, offset, length),
  }
  const tensors = Array.from({ length: layers }, (_, i): [string, Tensor] => [
    `w${i}`,
    { name: `w${i}`, dtype: 'float32', dims: [count], data },
  ])
  return {
    irVersion: 8,
    opsets: new Map([['', 17]]),
    functions: [],
    graph: {
      name: 'bench',
      nodes: tensors.map(([name], i) => ({
        name: '',
        opType: 'Mul',
        domain: '',
        inputs: [`x${i}`, name],
        outputs: [`x${i + 1}`],
        attributes: new Map(),
      })),
      inputs: [{ name: 'x0', dtype: 'float32', shape: [count] }],
      outputs: [{ name: `x${layers}`, dtype: 'float32', shape: [count] }],
      initializers: new Map(tensors),
      sparseInitializers: [],
      valueInfo: new Map(),
    },
  }
}

function externalProto(layers: number, bytes: number, location: string): ModelProto {
  const entries = (i: number) => Object.entries({ location, offset: String(i * bytes), length: String(bytes) })
  const initializer = Array.from({ length: layers }, (_, i) => ({
    name: `w${i}`,
    dims: [BigInt(bytes / 4)],
    dataType: 1,
    dataLocation: 1,
    externalData: entries(i).map(([key, value]) => ({ key, value })),
  }))
  const node = initializer.map(({ name }, i) => ({ opType: 'Mul', input: [`x${i}`, name], output: [`x${i + 1}`] }))
  const type = { value: { case: 'tensorType' as const, value: { elemType: 1 } } }
  const graph = create(GraphProtoSchema, {
    name: 'bench',
    node,
    initializer,
    input: [{ name: 'x0', type }],
    output: [{ name: `x${layers}`, type }],
  })
  return create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ version: 17n }], graph })
}

function same(a: string, b: string): boolean {
  try {
    execFileSync('cmp', ['-s', a, b])
    return true
  } catch {
    return false
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
