import { equals, fromBinary } from '@bufbuild/protobuf'
import fs from 'node:fs'
import path from 'node:path'
import { ModelProtoSchema } from 'onnx-buf'
import { describe, expect, test } from 'vitest'
import { readModel, readModelBytes } from '../../src/onnx/read.js'
import { modelBytes, writeModel } from '../../src/onnx/write.js'
import { nodeFiles } from '../../src/runtime/node/files.js'
import { inFolder, realFiles } from './corpus.js'

describe.each(realFiles())('%s', (file) => {
  const before = fs.readFileSync(file)

  test('is the same message after reading and writing', () => {
    const after = modelBytes(readModelBytes(before))
    expect(equals(ModelProtoSchema, fromBinary(ModelProtoSchema, after), fromBinary(ModelProtoSchema, before))).toBe(
      true,
    )
    expect(Buffer.compare(after, modelBytes(readModelBytes(after)))).toBe(0)
  })

  test('is the same message when every object is made anew from its envelope', () => {
    const read = readModelBytes(before)
    const nodes = read.graph.nodes.map((node) => ({
      ...node,
      attributes: new Map(Array.from(node.attributes, ([name, attribute]) => [name, { ...attribute }])),
    }))
    const initializers = new Map(Array.from(read.graph.initializers, ([name, tensor]) => [name, { ...tensor }]))
    const inputs = read.graph.inputs.map((info) => ({ ...info }))
    const after = modelBytes({ ...read, graph: { ...read.graph, nodes, initializers, inputs } })
    expect(equals(ModelProtoSchema, fromBinary(ModelProtoSchema, after), fromBinary(ModelProtoSchema, before))).toBe(
      true,
    )
  })

  test('keeps its bytes through external data and back', () => {
    inFolder((folder) => {
      const there = path.join(folder, 'there.onnx')
      const back = path.join(folder, 'back.onnx')
      const read = readModel(nodeFiles, file)
      expect(read.storage?.layout).toBe('inline')
      writeModel(nodeFiles, read, there, { layout: 'external' })
      const moved = readModel(nodeFiles, there)
      expect(moved.storage?.layout).toBe('external')
      expect(fs.statSync(there).size).toBeLessThan(before.length)
      writeModel(nodeFiles, moved, back, { layout: 'inline' })
      expect(Buffer.compare(fs.readFileSync(back), modelBytes(read))).toBe(0)

      const again = path.join(folder, 'again.onnx')
      writeModel(nodeFiles, moved, again)
      expect(readModel(nodeFiles, again).storage?.layout).toBe('external')
      expect(Buffer.compare(fs.readFileSync(`${again}.data`), fs.readFileSync(`${there}.data`))).toBe(0)
      expect(fs.readdirSync(folder).sort()).toEqual(
        ['again.onnx', 'again.onnx.data', 'back.onnx', 'there.onnx', 'there.onnx.data'].sort(),
      )
    })
  })
})
